"""What students could read and must not is noticed, by what is in it and not by where it lies."""

import gzip
import importlib.util
import io
import marshal
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from tiny_course import TINY, make_course

from introml.hub.course.course import Course
from introml.hub.course.database import now
from introml.hub.grades.submissions import dates_of
from introml.hub.operate import secrets_audit
from introml.hub.operate.secrets_audit import given_away_beside, given_out, open_to_students
from introml.hub.operate.start import CannotStart, Run
from introml.hub.people import GROUP

#: A user that no process runs as, and no file of this machine is of.
SOMEBODY = 54321
RIGHT = (TINY / "right" / "loops.py").read_text()


@pytest.fixture
def course():
    if os.geteuid() != 0:
        pytest.fail("to try as another user, run these tests as root")
    # Not below pytest's own folder, through which no other user could pass.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "hidden").mkdir()
        shutil.copy(TINY / "hidden_checks.py", folder / "hidden")
        course = make_course(folder, hidden=str(folder / "hidden"))
        yield course
        course.database.close()


@pytest.fixture
def repository(course):
    """The labs' repository, with the labs and the private checks closed."""
    folder = course.folder.parent
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    for name in (".git", "labs", "hidden"):
        (folder / name).chmod(0o700)
    assert open_to_students(course) == []
    return folder


def test_what_anyone_can_read_is_named(course):
    labs, hidden = (course.folder.parent / name for name in ("labs", "hidden"))
    assert open_to_students(course) == [hidden, labs]
    labs.chmod(0o700)
    assert open_to_students(course) == [hidden]
    (hidden / "hidden_checks.py").chmod(0o600)
    assert open_to_students(course) == []


@pytest.mark.parametrize("name", ["lab.md", "right/loops.py", "wrong/sum_for_mean.toml"])
def test_each_file_that_tells_an_answer_is_looked_at(course, name):
    labs, hidden = (course.folder.parent / one for one in ("labs", "hidden"))
    hidden.chmod(0o700)
    files = [path for path in labs.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o600)
    assert open_to_students(course) == []
    (labs / "tiny" / name).chmod(0o604)
    assert open_to_students(course) == [labs]


@pytest.mark.parametrize(
    "place", ["tests/of_style.py", "notes/deep/down/old.txt", "answers.md", "_build/cell.ipynb"]
)
def test_answers_that_lie_beside_the_labs_are_found_wherever_they_are(course, repository, place):
    path = repository / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"ANSWERS = '''{RIGHT}'''")
    assert [(one.path, one.labs) for one in given_away_beside(course)] == [(path, ("tiny",))]
    close = repository / Path(place).parts[0]
    assert open_to_students(course) == [close]
    close.chmod(close.stat().st_mode & ~0o007)
    assert open_to_students(course) == []


def tarred(text):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:xz") as archive:
        member = tarfile.TarInfo("old/right/loops.py")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return file.getvalue()


def zipped(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("right.tar.xz", tarred(text))
    return file.getvalue()


def compiled(text):
    head = importlib.util.MAGIC_NUMBER + bytes(12)
    return head + marshal.dumps(compile(text, "loops.py", "exec"))


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("old.tar.xz", tarred),
        ("named-otherwise", tarred),
        ("old.zip", zipped),
        ("loops.py.gz", gzip.compress),
        ("__pycache__/loops.cpython-311.pyc", compiled),
        (".loops.py.swp", lambda text: b"b0VIM 9.0\0\0" + text.replace(b"\n", b"\0")),
        ("loops.txt", lambda text: text.decode().encode("utf-16")),
        ("loops.py~", bytes),
    ],
)
def test_answers_are_found_however_they_are_packed(course, repository, name, packed):
    path = repository / "drafts" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(packed(RIGHT.encode()))
    assert [one.path for one in given_away_beside(course)] == [path]
    path.write_bytes(packed(b"x = 1\n"))
    assert given_away_beside(course) == []


@pytest.mark.parametrize("git", ["copies/old/.git", "copies/bare.git"])
def test_what_a_clone_inside_the_repository_remembers_is_looked_at(course, repository, git):
    close = repository / git
    shutil.copytree(repository / ".git", close)
    close.chmod(0o755)
    assert open_to_students(course) == [close]
    close.chmod(0o700)
    assert open_to_students(course) == []


def test_what_only_the_students_group_can_read_is_found_and_closed(course, repository, monkeypatch):
    path = repository / "draft.py"
    path.write_text(RIGHT)
    path.chmod(0o640)
    assert open_to_students(course) == []
    subprocess.run(["groupadd", "--force", "--system", GROUP], check=True)
    shutil.chown(path, group=GROUP)
    assert [one.path for one in given_away_beside(course)] == [path]
    _run(course, monkeypatch).look()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_is_searched_again_when_it_has_changed_and_only_then(
    course, repository, monkeypatch
):
    path = repository / "draft.py"
    path.write_text("nothing yet\n")
    assert open_to_students(course) == []
    texts = []
    monkeypatch.setattr(
        secrets_audit, "given_away", lambda text, wanted: texts.append(text) or ["tiny"]
    )
    assert open_to_students(course) == []
    assert texts == []
    path.write_text("something now\n")
    assert open_to_students(course) == [path]
    assert open_to_students(course) == [path]
    assert texts == ["something now\n"]


def test_when_the_solution_is_out_for_all_it_is_no_secret_any_more(course, repository):
    (repository / "talk.md").write_text(RIGHT)
    with course.database.writing() as session:
        dates_of(session, "tiny").solutions_at = now() + timedelta(hours=1)
    assert open_to_students(course) == [repository / "talk.md"]
    with course.database.writing() as session:
        dates_of(session, "tiny").solutions_at = now() - timedelta(hours=1)
    assert open_to_students(course) == []


def test_what_was_ever_committed_is_looked_at_in_a_worktree_too(course, repository):
    (repository / ".git").chmod(0o755)
    assert open_to_students(course) == [repository / ".git"]
    # A worktree has a file in the place of .git, which says where that is.
    elsewhere = repository.parent / f"{repository.name}-main"
    shutil.move(repository / ".git", elsewhere)
    try:
        (elsewhere / "worktrees/one").mkdir(parents=True)
        (elsewhere / "worktrees/one/commondir").write_text("../..\n")
        (repository / ".git").write_text(f"gitdir: {elsewhere}/worktrees/one\n")
        assert open_to_students(course) == [elsewhere]
        elsewhere.chmod(0o700)
        assert open_to_students(course) == []
    finally:
        shutil.rmtree(elsewhere)


def test_what_students_are_given_is_searched(course, tmp_path):
    with tempfile.TemporaryDirectory() as name:
        shared = Path(name)
        shared.chmod(0o755)
        (shared / "page.ipynb").write_text('{"cells": []}')
        assert given_out(course, [shared, Path("/nowhere")]) == []
        (shared / "module.py").write_text(RIGHT)
        assert [one.path for one in given_out(course, [shared])] == [shared / "module.py"]
    assert given_out(course, []) == []


def test_what_is_one_s_own_is_closed_at_the_start_and_said(course, monkeypatch, capsys):
    labs, hidden = (course.folder.parent / name for name in ("labs", "hidden"))
    labs.chmod(0o775)
    _run(course, monkeypatch).look()
    assert (labs.stat().st_mode & 0o777, hidden.stat().st_mode & 0o777) == (0o770, 0o750)
    assert open_to_students(course) == []
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in said if line.startswith("closed ")] == [
        str(hidden), str(labs)
    ]  # fmt: skip


def test_what_was_the_caller_s_before_sudo_is_theirs_to_close(course, monkeypatch):
    os.chown(course.folder.parent / "labs", SOMEBODY, SOMEBODY)
    run = _run(course, monkeypatch)
    monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
    run.look()
    assert open_to_students(course) == []


def test_the_hub_does_not_start_while_another_s_folder_is_open(course, monkeypatch):
    labs = course.folder.parent / "labs"
    os.chown(labs, SOMEBODY, SOMEBODY)
    run = _run(course, monkeypatch)
    for act in (run.look, run.prepare):
        with pytest.raises(CannotStart, match=f"chmod o-rwx {labs}"):
            act()
    assert labs.stat().st_mode & 0o777 == 0o755


def test_the_hub_does_not_start_with_answers_in_what_it_hands_out(course, monkeypatch):
    folder = course.folder.parent
    for name in ("labs", "hidden"):
        (folder / name).chmod(0o700)
    run = _run(course, monkeypatch)
    Path(run.hub.shared).mkdir()
    (Path(run.hub.shared) / "answers.py").write_text(RIGHT)
    said = re.escape(f"{run.hub.shared}/answers.py (tiny)")
    with pytest.raises(CannotStart, match=said):
        run.prepare()


def _run(course, monkeypatch):
    monkeypatch.setenv("INTROML_COURSE", str(course.folder))
    monkeypatch.setattr("introml.hub.servers.interpreters.others_can_run", lambda *_: True)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr("introml.hub.operate.start._HTML", course.folder.parent / "html")
    (course.folder.parent / "html").mkdir()
    (course.folder.parent / "html/index.html").write_text("")
    text = (course.folder / "course.toml").read_text()
    (course.folder / "course.toml").write_text(
        f'{text}[hub]\nstudents_python = "/usr/bin/python3"\nshared = "{course.folder.parent}/s"\n'
    )
    options = type("Options", (), {"port": 0, "address": None, "teacher": None, "config": Path()})
    return Run(options)


def test_the_books_own_repository_is_looked_at(tmp_path):
    """With the book's labs, whatever lies beside them in this very folder is searched."""
    course = Course.at(tmp_path / "course")
    (found,) = secrets_audit._repositories(course)
    assert all(found in lab.folder.parents for lab in course.labs.values())
    assert {one.name for one, _ in secrets_audit._secrets(course)} >= {"labs"}
