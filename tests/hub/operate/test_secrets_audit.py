"""Hidden checks and solutions that every user of the machine could read are noticed."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from tiny_course import TINY, make_course

from introml.hub.course.course import Course
from introml.hub.operate.secrets_audit import open_to_students
from introml.hub.operate.start import CannotStart, Run


@pytest.fixture
def course():
    # Not below pytest's own folder, through which no other user could pass.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "hidden").mkdir()
        shutil.copy(TINY / "hidden_checks.py", folder / "hidden")
        yield make_course(folder, hidden=str(folder / "hidden"))


def test_what_anyone_can_read_is_named(course):
    if os.geteuid() != 0:
        pytest.fail("to try as another user, run these tests as root")
    labs, hidden = (course.folder.parent / name for name in ("labs", "hidden"))
    assert open_to_students(course) == [hidden, labs]
    labs.chmod(0o700)
    assert open_to_students(course) == [hidden]
    (hidden / "hidden_checks.py").chmod(0o600)
    assert open_to_students(course) == []


@pytest.mark.parametrize("name", ["lab.md", "right/loops.py", "wrong/sum_for_mean.toml"])
def test_each_file_that_tells_an_answer_is_looked_at(course, name):
    if os.geteuid() != 0:
        pytest.fail("to try as another user, run these tests as root")
    labs, hidden = (course.folder.parent / one for one in ("labs", "hidden"))
    hidden.chmod(0o700)
    files = [path for path in labs.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o600)
    assert open_to_students(course) == []
    (labs / "tiny" / name).chmod(0o604)
    assert open_to_students(course) == [labs]


def test_the_hub_does_not_start_so(course, monkeypatch):
    monkeypatch.setenv("INTROML_COURSE", str(course.folder))
    monkeypatch.setattr("introml.hub.servers.students_env.others_can_run", lambda *_: True)
    text = (course.folder / "course.toml").read_text()
    (course.folder / "course.toml").write_text(f'{text}[hub]\nstudents_python = "/usr/bin/python3"')
    options = type("Options", (), {"port": 0, "address": None, "teacher": None, "config": Path()})
    with pytest.raises(CannotStart, match=rf"chmod o-rwx .*{course.folder.parent}/labs"):
        Run(options).prepare()


def test_the_books_own_labs_and_what_was_ever_committed_are_looked_at(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "introml.hub.operate.secrets_audit._anyone_can_read", lambda one: asked.append(str(one))
    )
    folder = tmp_path / "course"
    open_to_students(Course.at(folder))
    assert any(one.endswith("hidden_checks.py") for one in asked)
    assert any(one.endswith(".git/HEAD") for one in asked)
