"""What comes into a student's home, and what is left alone there."""

import json
import os
import shlex
import stat
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from introml.hub.servers.singleuser import LEAN, QUIET, bring, terminal

LAB = "labs/tiny/tiny.ipynb"
PAGE = "book/chapters/a/page.ipynb"


def notebook(*sources, outputs=()):
    cells = [
        {
            "cell_type": "code", "source": [one], "outputs": list(outputs),
            "execution_count": None, "metadata": {},
        }
        for one in sources
    ]  # fmt: skip
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


@pytest.fixture(autouse=True)
def own_signatures(tmp_path, monkeypatch):
    """Signatures of notebooks are kept for this test alone."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "shared"
    for path, text in (
        ("releases/tiny/tiny.ipynb", notebook("answer = None")),
        ("releases/tiny/tiny_checks.py", "checks"),
        ("book/chapters/a/page.ipynb", notebook("import torch")),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def start(home, shared):
    return list(bring(home, shared))


def release(shared, text, path="releases/tiny/tiny.ipynb"):
    (shared / path).write_text(text)


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_labs_and_pages_come_at_the_first_start(home, shared):
    assert start(home, shared) == []
    assert files(home) == [
        ".introml/given.json", PAGE, LAB, "labs/tiny/tiny_checks.py"
    ]  # fmt: skip
    assert (home / LAB).read_text() == notebook("answer = None")


def test_changed_work_is_never_written_over(home, shared):
    start(home, shared)
    (home / LAB).write_text(notebook("answer = 42"))
    start(home, shared)
    release(shared, notebook("answer = None  # mended"))
    (line,) = start(home, shared)
    assert "tiny-new.ipynb" in line
    assert (home / LAB).read_text() == notebook("answer = 42")
    assert (home / "labs/tiny/tiny-new.ipynb").read_text() == notebook("answer = None  # mended")


def test_the_students_own_stays_the_one_that_was_saved_last(home, shared):
    start(home, shared)
    (home / LAB).write_text(notebook("answer = 42"))
    release(shared, notebook("new"))
    start(home, shared)
    new = home / "labs/tiny/tiny-new.ipynb"
    assert new.stat().st_mtime < (home / LAB).stat().st_mtime


def test_a_new_release_comes_once(home, shared):
    start(home, shared)
    (home / LAB).write_text(notebook("answer = 42"))
    release(shared, notebook("second"))
    start(home, shared)
    (home / "labs/tiny/tiny-new.ipynb").unlink()
    assert start(home, shared) == []
    assert not (home / "labs/tiny/tiny-new.ipynb").exists()
    release(shared, notebook("third"))
    assert len(start(home, shared)) == 1
    assert (home / "labs/tiny/tiny-new.ipynb").read_text() == notebook("third")


def test_new_releases_do_not_write_over_each_other(home, shared):
    start(home, shared)
    (home / LAB).write_text(notebook("answer = 42"))
    for text in ("second", "third"):
        release(shared, notebook(text))
        start(home, shared)
    assert (home / "labs/tiny/tiny-new.ipynb").read_text() == notebook("second")
    assert (home / "labs/tiny/tiny-new-2.ipynb").read_text() == notebook("third")


def test_unchanged_files_follow_the_release(home, shared):
    start(home, shared)
    release(shared, notebook("second"))
    assert start(home, shared) == []
    assert (home / LAB).read_text() == notebook("second")


def test_what_was_deleted_stays_away(home, shared):
    start(home, shared)
    (home / LAB).unlink()
    start(home, shared)
    assert not (home / LAB).exists()


def test_a_page_that_was_only_run_is_not_changed(home, shared):
    start(home, shared)
    ran = notebook("import torch", outputs=[{"output_type": "stream", "text": "1"}])
    (home / PAGE).write_text(ran)
    start(home, shared)
    assert (home / PAGE).read_text() == ran, "its outputs went"
    release(shared, notebook("import torch, math"), "book/chapters/a/page.ipynb")
    assert start(home, shared) == []
    assert (home / PAGE).read_text() == notebook("import torch, math")


def test_outputs_in_a_lab_are_work(home, shared):
    start(home, shared)
    ran = notebook("answer = None", outputs=[{"output_type": "stream", "text": "1"}])
    (home / LAB).write_text(ran)
    release(shared, notebook("second"))
    start(home, shared)
    assert (home / LAB).read_text() == ran


def test_links_are_not_followed(home, shared, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    (home / "labs").symlink_to(outside)
    (home / "book/chapters/a").mkdir(parents=True)
    (home / PAGE).symlink_to(outside / "file")
    lines = start(home, shared)
    assert len(lines) == 3
    assert files(outside) == ["file"]
    assert os.listdir(home / "book/chapters/a") == ["page.ipynb"], "a link was read through"
    assert (outside / "file").read_text() == "mine"


def test_odd_things_in_the_way_keep_no_server_from_starting(home, shared):
    (home / "labs/tiny").mkdir(parents=True)
    os.mkfifo(home / LAB)
    (home / "book").write_text("a file")
    (home / ".introml").mkdir()
    (home / ".introml/given.json").write_text("[" * 100_000)
    lines = start(home, shared)
    assert len(lines) == 2
    assert stat.S_ISFIFO((home / LAB).stat().st_mode)
    assert (home / "book").read_text() == "a file"


def test_a_lost_memory_costs_no_work(home, shared):
    start(home, shared)
    (home / LAB).write_text(notebook("answer = 42"))
    (home / ".introml/given.json").unlink()
    start(home, shared)
    assert (home / LAB).read_text() == notebook("answer = 42")


FIGURE = {
    "output_type": "display_data", "metadata": {},
    "data": {"image/svg+xml": "<svg/>", "text/plain": "a figure"},
}  # fmt: skip


def is_trusted(path):
    """Whether Jupyter shows this file's outputs before anything of it was run."""
    return NotebookNotary().check_signature(nbformat.read(path, as_version=4))


def test_a_pages_figures_are_shown_before_it_is_run(home, shared):
    release(shared, notebook("plot()", outputs=[FIGURE]), "book/chapters/a/page.ipynb")
    assert start(home, shared) == []
    assert is_trusted(home / PAGE)
    release(shared, notebook("plot(2)", outputs=[FIGURE]), "book/chapters/a/page.ipynb")
    assert start(home, shared) == []
    assert is_trusted(home / PAGE), "the second edition's are not"


def test_a_page_that_was_there_before_its_figures_were_trusted_shows_them(home, shared):
    page = notebook("plot()", outputs=[FIGURE])
    release(shared, page, "book/chapters/a/page.ipynb")
    (home / PAGE).parent.mkdir(parents=True)
    (home / PAGE).write_text(page)
    start(home, shared)
    assert is_trusted(home / PAGE)


def test_only_what_the_course_gave_is_trusted(home, shared):
    page = notebook("plot()", outputs=[FIGURE])
    release(shared, page, "book/chapters/a/page.ipynb")
    script = FIGURE | {"data": {"text/html": "<script>steal()</script>"}}
    (home / PAGE).parent.mkdir(parents=True)
    (home / PAGE).write_text(notebook("plot()", outputs=[script]))
    start(home, shared)
    assert not is_trusted(home / PAGE)
    assert "steal" in (home / PAGE).read_text(), "its outputs are the student's"


def test_a_place_for_signatures_that_cannot_be_used_keeps_no_server_from_starting(
    home, shared, tmp_path
):
    (tmp_path / "jupyter").write_text("a file")
    (line,) = start(home, shared)
    assert "figures appear only when they are run" in line
    assert (home / PAGE).exists()


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_a_terminal_finds_the_courses_programs_though_its_profile_sets_the_path(shell, tmp_path):
    programs = tmp_path / "it's a $HOME of programs"
    programs.mkdir()
    (programs / "introml").write_text("#!/bin/sh\necho found\n")
    (programs / "introml").chmod(0o755)
    (tmp_path / ".profile").write_text("PATH=/usr/bin:/bin\nGREETED=yes\nexport PATH GREETED\n")
    (option,) = terminal({"SHELL": shell}, programs)
    name, _, command = option.partition("=shell_command=")
    assert name == "--ServerApp.terminado_settings"
    ran = subprocess.run(
        shlex.split(command), input="introml; echo $GREETED\n", text=True, capture_output=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True,
    )  # fmt: skip
    assert ran.stdout.split() == ["found", "yes"]


def test_a_shell_that_is_not_known_starts_as_jupyter_starts_it():
    assert terminal({"SHELL": "/usr/bin/fish"}, Path("/opt/introml/env/bin")) == []


def test_jupyterlab_is_told_to_ask_nobody_for_news():
    config = json.loads((QUIET / "labconfig" / "page_config.json").read_text())
    assert config["disabledExtensions"]["@jupyterlab/apputils-extension:announcements"] is True
    assert "--LabApp.news_url=None" in LEAN
