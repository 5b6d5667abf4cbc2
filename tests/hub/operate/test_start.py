"""What `make hub` says where it cannot start, and what it makes at the first start."""

import argparse
import fcntl
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_course import make_course

from introml.hub.operate.start import INVITED, CannotStart, Run, _entry, _own_name, main
from introml.hub.people import RosterError, people


def start_alone(folder, *arguments):
    """As `make hub` does, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "introml.hub.operate.start", *arguments],
        env=os.environ | {"INTROML_COURSE": str(folder)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def start(monkeypatch, capsys):
    """The same in this process, for what is refused before anything is prepared."""
    umask = os.umask(0o077)

    def start(folder, *arguments):
        monkeypatch.setenv("INTROML_COURSE", str(folder))
        status = main([*arguments])
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, told.out, told.err)

    monkeypatch.setattr(Run, "prepare", lambda _: pytest.fail("it went on"))
    yield start
    os.umask(umask)


def says(done, words):
    assert done.returncode == 1
    assert re.search(words, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture
def folder(tmp_path):
    course = make_course(tmp_path)
    course.database.close()
    return course.folder


def test_a_port_that_is_taken(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        says(start_alone(folder, "--port", str(port)), rf"port {port} cannot .* PORT={port + 1}")


def test_a_folder_that_others_can_read(start, folder):
    folder.chmod(0o755)
    says(start(folder), "chmod 700")


def test_settings_that_are_wrong(start, folder):
    path = folder / "course.toml"
    text = path.read_text()
    for line, words in (
        ("[hub]\nprot = 1", "prot is no setting"),
        ("[hub]\naddress = 1", "line 7: hub.address is 1; it must be a text"),
        ("= x", "is not TOML"),
    ):
        path.write_text(f"{text}\n{line}\n")
        says(start(folder), words)


def test_a_database_that_is_away(start, folder):
    path = folder / "course.toml"
    path.write_text(
        re.sub('database = ".*"', 'database = "postgresql://x@127.0.0.1:1/x"', path.read_text())
    )
    done = start(folder, "--port", "0")
    assert done.returncode == 1
    assert "the database does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_teacher_whose_name_cannot_be(start, folder):
    says(start(folder, "--port", "0", "--teacher", "Not A Name"), "cannot be a user's name")
    says(start(folder, "--port", "0", "--teacher", "ann"), "is a student here")


def test_the_course_s_new_files_are_its_owners_alone(tmp_path):
    start_alone(tmp_path / "new", "--port", "0", "--teacher", "Not A Name")
    for path in (tmp_path / "new").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


# --- the first teacher ------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch, tmp_path):
    course = make_course(tmp_path)
    monkeypatch.setenv("INTROML_COURSE", str(course.folder))

    def one(teacher=None):
        config = Path("jupyterhub_config.py")
        return Run(argparse.Namespace(port=None, address=None, teacher=teacher, config=config))

    one.course = course
    return one


def test_until_a_teacher_has_a_password_each_start_invites_anew(run):
    first, second = run(), run()
    assert first._first_teacher() == "tess"
    assert second._first_teacher() == "tess"
    links = [first.invitation, second.invitation]
    assert all(re.fullmatch(r"http://127.0.0.1:8000/hub/invite#\S{40,}", one) for one in links)
    with run.course.database.writing() as session:
        old, new = (people.invited(session, one.partition("#")[2]) for one in links)
        assert (old, new.name) == (None, "tess")
        people.accept(session, links[1].partition("#")[2], "correct horse battery")
    third = run()
    assert third._first_teacher() == "tess"
    assert third.invitation == ""


@pytest.mark.parametrize("told", ["tess", "Tess", "tess@example.edu"])
def test_a_teacher_who_is_named_gets_a_new_link_always(run, capsys, told):
    with run.course.database.writing() as session:
        people.set_password(session, "tess", "correct horse battery")
    one = run(told)
    assert one._first_teacher() == "tess"
    with run.course.database.reading() as session:
        assert people.invited(session, one.invitation.partition("#")[2]).name == "tess"
    one._tell_teacher()
    said = capsys.readouterr().out
    assert one.invitation in said
    assert "and signs in as tess or as tess@example.edu from then on" in said


def test_a_name_to_sign_in_by_is_said_once(run, capsys):
    one = run("grace@example.edu")
    one._first_teacher()
    one._tell_teacher()
    assert "and signs in as grace@example.edu from then on" in capsys.readouterr().out


def test_a_start_says_where_the_time_zone_is_set(run, capsys):
    run()._tell(1)
    file = run.course.folder / "course.toml"
    assert (
        f"its times are those of {run.course.zone}: time_zone in {file}\n"
        in capsys.readouterr().out
    )


def test_where_nobody_is_invited_the_teacher_s_name_is_said(run, capsys):
    with run.course.database.writing() as session:
        people.set_password(session, "tess", "correct horse battery")
    one = run()
    one._first_teacher()
    one._tell_teacher()
    assert "sign in as tess or as tess@example.edu" in capsys.readouterr().out


def test_a_hub_that_runs_is_left_alone_and_a_named_teacher_gets_a_link_to_it(start, run):
    run.course.runs_at("http://127.0.0.1:8765/")
    with (run.course.folder / "hub.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for look, status in (((), 0), (("--look",), INVITED)):
            done = start(run.course.folder, "--teacher", "tess", *look)
            assert done.returncode == status, done.stderr
            assert re.search(r"^  http://127.0.0.1:8765/hub/invite#\S{40,}$", done.stdout, re.M)
        says(start(run.course.folder), "is running already")


def test_a_teacher_is_made_where_there_is_none(run):
    assert run("nora")._first_teacher() == "nora"
    with run.course.database.reading() as session:
        assert people.find(session, "nora").role == "teacher"
    with pytest.raises(CannotStart, match="student"):
        run("ann")._first_teacher()


def test_a_teacher_by_email():
    entry = _entry("Nora.Noether@example.edu")
    assert (entry.name, entry.email) == ("", "Nora.Noether@example.edu")
    with pytest.raises(RosterError, match="no e-mail address"):
        _entry('x@y,teacher\n"')


def test_who_the_first_teacher_is_if_nobody_says(monkeypatch):
    for user, name in (("root", "teacher"), ("nora", "nora"), ("Nora N", "teacher")):
        monkeypatch.setattr("getpass.getuser", lambda user=user: user)
        assert _own_name() == name


@pytest.mark.parametrize(
    ("hub", "told"),
    [
        ("", True),
        ('public_url = "https://hub.example.edu"', True),
        ('public_url = "https://hub.example.edu"\nstudent_hosts = true', False),
    ],
)
def test_it_tells_that_students_servers_share_the_hubs_name(folder, hub, told, monkeypatch, capsys):
    monkeypatch.setenv("INTROML_COURSE", str(folder))
    (folder / "course.toml").write_text(f"{(folder / 'course.toml').read_text()}\n[hub]\n{hub}\n")
    Run(argparse.Namespace(port=None, address=None, teacher=None, config=Path()))._tell(1.0)
    assert ("introml hub hosts" in capsys.readouterr().out) == told
