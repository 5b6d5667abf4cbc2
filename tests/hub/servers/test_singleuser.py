"""What comes into a student's home, and what is left alone there."""

import json
import os
import stat

import pytest

from introml.hub.servers.singleuser import bring

LAB = "labs/tiny/tiny.ipynb"
PAGE = "book/chapters/a/page.ipynb"


def notebook(*sources, outputs=()):
    cells = [
        {"cell_type": "code", "source": [one], "outputs": list(outputs), "execution_count": None}
        for one in sources
    ]
    return json.dumps({"cells": cells})


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


def start(home, shared, **more):
    return list(bring(home, shared, **more))


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


def test_what_was_deleted_stays_away_until_asked_for(home, shared):
    start(home, shared)
    (home / LAB).unlink()
    start(home, shared)
    assert not (home / LAB).exists()
    start(home, shared, again=True)
    assert (home / LAB).exists()


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
