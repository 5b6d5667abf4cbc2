"""`introml hub …`: what each command does and says, and its exit status."""

import builtins
import csv
import json
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from tiny_course import grade_next, result_of

from introml import command
from introml.grader.results.results import Verdict
from introml.hub import cli
from introml.hub.course.course import Course
from introml.hub.course.database import now
from introml.hub.course.models import Grading
from introml.hub.course.state import State
from introml.hub.grades.submissions import hand_in
from introml.hub.people import people
from introml.hub.queue import jobs

COMMANDS = ("start", "status", "hosts", "roster", "invite", "backup", "restore", "export-student",
            "erase-student", "receipt", "similarity")  # fmt: skip


@pytest.fixture
def hub(sqlite_course, capsys):
    """Runs a command on the course: exit status, output, errors."""

    def run(*arguments, course=sqlite_course.folder):
        try:
            status = command.main(["hub", *map(str, arguments), "--course", str(course)])
        except SystemExit as end:
            status = end.code
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def handed_in(course, data=b"one", name="ann"):
    return hand_in(course, name, course.labs["tiny"], "tiny.ipynb", data).receipt


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example(hub, name):
    status, out, _ = hub(name, "--help")
    assert status == 0
    assert f"example:\n  introml hub {name}" in out
    assert "--course DIR" in out


def test_people_come_by_roster_and_links(hub, sqlite_course, tmp_path):
    roster = tmp_path / "class.csv"
    roster.write_text("name,full_name,email\ncleo,=cmd() Cleo,c@example.edu\nann,Ann Able,\n")
    links = tmp_path / "links.csv"
    url = ("--url", "https://hub.edu/x/")
    status, out, _ = hub("roster", roster, "--yes", "--invitations", links, *url)
    assert status == 0
    assert "1 added, 0 changed, 1 as before" in out
    assert links.read_bytes().startswith(b"\xef\xbb\xbf"), "without it Excel spoils the names"
    assert links.stat().st_mode & 0o777 == 0o600
    with links.open(newline="", encoding="utf-8-sig") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"ann", "bob", "cleo", "tess"}
    assert rows["cleo"]["full_name"] == "'=cmd() Cleo"
    secret = re.fullmatch(r"https://hub\.edu/x/hub/invite#([\w-]{40,})", rows["cleo"]["link"])[1]
    with sqlite_course.database.reading() as session:
        assert people.invited(session, secret).name == "cleo"
    assert hub("roster", roster, "--invitations", links)[0] == 2


def test_several_get_links_and_the_links_of_others_stay_good(hub, sqlite_course, tmp_path):
    secret = r"#([\w-]{40,})"
    (bobs,) = re.findall(secret, hub("invite", "bob")[1])
    status, out, _ = hub("invite", "ann", "tess@example.edu", "ann")
    assert status == 0
    assert re.findall(r"For (\w+),", out) == ["ann", "tess"]
    given = [bobs, *re.findall(secret, out)]
    (tmp_path / "new.csv").write_text("name\nzoe\n")
    links = tmp_path / "links.csv"
    status, out, _ = hub("roster", str(tmp_path / "new.csv"), "--yes", "--invitations", str(links))
    assert "3 without a password have a link from before, which stays good" in out
    with links.open(encoding="utf-8-sig", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["zoe"]
    with sqlite_course.database.reading() as session:
        assert [people.invited(session, one).name for one in given] == ["bob", "ann", "tess"]


def test_one_person_is_invited_made_if_need_be(hub, sqlite_course):
    assert "For anna, new on the roster, once" in hub("invite", "anna")[1], "a slip is seen"
    assert "For anna, once" in hub("invite", "anna")[1]
    status, out, _ = hub("invite", "zoe", "--role", "teacher")
    assert status == 0
    secret = re.search(r"http://127\.0\.0\.1:8000/hub/invite#([\w-]+)", out)[1]
    with sqlite_course.database.reading() as session:
        person = people.invited(session, secret)
    assert (person.name, person.role) == ("zoe", "teacher")
    status, _, error = hub("invite", "ann", "--role", "teacher")
    assert status == 2
    assert "ann is a student already" in error
    for name in ("root", "No Name", "../x"):
        assert hub("invite", name)[0] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", ["names nobody"]),
        (b"a,b\n1,2\n", ["must name the columns"]),
        (b"PK\x03\x04 and more", ["Excel workbook", "save it as"]),
        (b"name,email\n-x,\nann,no\ny,bob@example.edu\nbob,\n", ["line 2", "line 3", "line 5"]),
    ],
)
def test_a_roster_that_cannot_be_used_changes_nothing(hub, sqlite_course, tmp_path, content, words):
    (tmp_path / "x.csv").write_bytes(content)
    status, _, error = hub("roster", tmp_path / "x.csv", "--yes")
    assert status == 2
    assert all(word in error for word in words), error
    assert hub("roster", tmp_path / "absent.csv")[0] == 2
    with sqlite_course.database.reading() as session:
        assert people.find(session, "y") is None


def test_a_roster_is_shown_before_it_is_taken(hub, sqlite_course, tmp_path, monkeypatch):
    (tmp_path / "x.csv").write_text("name,email\nCleo.K,c@example.edu\n")
    status, out, _ = hub("roster", tmp_path / "x.csv", "--preview")
    assert status == 0
    assert "+ Cleo.K (account cleo-k), c@example.edu\n" in out
    assert "Nothing was changed." in out

    def found():
        with sqlite_course.database.reading() as session:
            return people.find(session, "cleo-k") is not None

    for answer in ("", "n"):
        monkeypatch.setattr(builtins, "input", lambda _, answer=answer: answer)
        assert hub("roster", tmp_path / "x.csv")[0] == 1
        assert not found()
    monkeypatch.setattr(builtins, "input", lambda _: "y")
    assert hub("roster", tmp_path / "x.csv")[0] == 0
    assert found()
    assert "invite#" in hub("invite", "C@example.edu")[1], "known by the address"


def test_backup_and_restore(hub, sqlite_course, tmp_path):
    handed_in(sqlite_course)
    status, out, _ = hub("backup", tmp_path / "b.tar")
    assert status == 0
    assert re.search(r"1 submitted file, 3 people, \d+\.\d kB, read back", out)
    assert re.search(r"SHA-256 [0-9a-f]{64}", out)
    assert hub("backup", tmp_path / "b.tar")[0] == 1
    status, out, _ = hub("restore", tmp_path / "b.tar", course=tmp_path / "again")
    assert status == 0
    assert "introml hub start --course" in out
    assert hub("status", course=tmp_path / "again")[1].startswith("Tiny course, in ")
    status, _, error = hub("restore", tmp_path / "b.tar", course=tmp_path / "again")
    assert status == 1
    assert "not empty" in error


def test_export_and_erase(hub, sqlite_course, tmp_path, monkeypatch):
    handed_in(sqlite_course)
    assert hub("export-student", "ann", "--out", tmp_path / "a.zip")[0] == 0
    assert (tmp_path / "a.zip").exists()
    assert hub("export-student", "nobody", "--out", tmp_path / "n.zip")[0] == 1
    monkeypatch.setattr(builtins, "input", lambda _: "bob")
    status, _, error = hub("erase-student", "ann")
    assert (status, "nothing was erased" in error) == (1, True)
    monkeypatch.setattr(builtins, "input", lambda _: "ann")
    status, out, _ = hub("erase-student", "ann")
    assert status == 0
    assert "erased: 1 submission with" in out
    assert "backups made before" in out
    assert hub("erase-student", "ann", "--yes")[0] == 1
    assert hub("erase-student", "bob", "--yes")[0] == 0


def test_jupyterhubs_record_goes_while_the_hub_is_stopped(hub, sqlite_course):
    import fcntl

    from jupyterhub import orm

    path = sqlite_course.folder / "jupyterhub.sqlite"
    session = orm.new_session_factory(f"sqlite:///{path}")()
    session.add(orm.User(name="ann"))
    session.commit()
    with (sqlite_course.folder / "hub.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        status, out, _ = hub("erase-student", "ann", "--yes")
        assert (status, "stop the hub, and run this command again" in out) == (0, True)
        assert session.query(orm.User).count() == 1
        session.rollback()
    status, out, _ = hub("erase-student", "ann", "--yes")
    assert (status, "JupyterHub's record of ann" in out) == (0, True)
    assert session.query(orm.User).count() == 0
    assert hub("erase-student", "ann", "--yes")[0] == 1


def test_a_receipt_is_checked(hub, sqlite_course, tmp_path):
    text = handed_in(sqlite_course)
    path = tmp_path / "r.json"
    path.write_text(text)
    status, out, _ = hub("receipt", path)
    assert status == 0
    assert "ann handed in tiny, attempt 1" in out
    path.write_text(text.replace('"number": 1', '"number": 2'))
    assert hub("receipt", path)[0] == 1
    path.write_text("[" * 9000)
    assert hub("receipt", path)[0] == 1
    path.write_text(text)
    hub("erase-student", "ann", "--yes")
    status, _, error = hub("receipt", path)
    assert (status, "does not hold that submission" in error) == (1, True)


def test_similarity_is_written_for_the_owner_alone(hub, sqlite_course, tmp_path):
    handed_in(sqlite_course)
    assert hub("similarity", "tiny", "--out", tmp_path / "s.html")[0] == 0
    assert (tmp_path / "s.html").stat().st_mode & 0o777 == 0o600
    assert hub("similarity", "tiny", "--out", tmp_path / "s.html")[0] == 2
    assert "there are: tiny" in hub("similarity", "none", "--out", tmp_path / "n.html")[2]


def test_status_tells_how_it_is_and_what_needs_a_look(hub, sqlite_course, monkeypatch):
    monkeypatch.setattr(cli, "parts_of", lambda course: State(("all parts run",), ()))
    handed_in(sqlite_course)
    status, out, _ = hub("status")
    assert status == 0
    assert "2 students, 1 teacher" in out
    assert "tiny: 1 submission by 1 student; 1 wait to be graded" in out
    assert "all parts run" in out
    with sqlite_course.database.writing() as session:
        session.query(Grading).update({"made_at": now() - timedelta(minutes=40)})
    status, out, _ = hub("status")
    assert status == 1
    assert "! a submission has waited 40 minutes" in out
    for _ in range(jobs.MOST_TRIES):
        lease = jobs.lease(sqlite_course, "w", ["cpu"])
        jobs.report(sqlite_course, lease.grading, lease.token, result_of(lease, 0, Verdict.FAULT))
    status, out, _ = hub("status")
    assert status == 1
    assert "! the grader failed on 1 submission;" in out
    handed_in(sqlite_course, b"two")
    grade_next(sqlite_course)


def test_status_knows_a_running_hub(hub, sqlite_course):
    import fcntl

    with (sqlite_course.folder / "hub.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "the hub is running" in hub("status")[1]
    status, out, _ = hub("status")
    assert status == 1
    assert "! the hub is not running on this machine; start it: make hub" in out


@pytest.mark.parametrize("name", ["status", "invite x", "backup x.tar", "receipt x"])
def test_a_course_that_is_not_there_is_not_made(hub, tmp_path, name):
    status, _, error = hub(*name.split(), course=tmp_path / "absent")
    assert status == 2
    assert "there is no course in" in error
    assert not (tmp_path / "absent").exists()


def test_what_is_wrong_with_a_course_is_told_in_a_sentence(hub, sqlite_course, tmp_path):
    (sqlite_course.folder / "course.toml").write_text("titel = 1")
    status, _, error = hub("status")
    assert (status, "titel is no setting" in error) == (2, True)
    fresh = tmp_path / "fresh"
    fresh.mkdir(mode=0o700)
    (fresh / "course.toml").write_text(
        f"labs_folder = {json.dumps(sqlite_course.settings.labs_folder)}"
    )
    status, _, error = hub("status", course=fresh)
    assert status == 2
    assert "start the course once" in error
    assert "Traceback" not in error


def test_starting_uses_the_course_that_is_named(monkeypatch, hub, tmp_path):
    from introml.hub.operate import start

    called = []
    monkeypatch.setattr(
        start, "main", lambda x: called.append((x, os.environ["INTROML_COURSE"])) or 0
    )
    monkeypatch.setenv("INTROML_COURSE", "/elsewhere")
    assert hub("start", "--port", "8123", course=tmp_path / "new")[0] == 0
    assert called == [(["--port", "8123"], str(tmp_path / "new"))]


def test_without_the_hubs_packages_it_says_so():
    code = "import sys; sys.modules['sqlalchemy'] = None; from introml import command; "
    code += "sys.exit(command.main(['hub', 'status']))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 2
    assert "the hub's packages are not installed here" in ended.stderr
    assert "make hub" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_all_commands_are_tested_for_help():
    import argparse

    parser = argparse.ArgumentParser()
    cli.add_commands(parser.add_subparsers())
    hub = parser._subparsers._group_actions[0].choices["hub"]
    assert tuple(hub._subparsers._group_actions[0].choices) == COMMANDS


def test_a_link_that_was_used_is_no_longer_good(hub, sqlite_course):
    secret = re.search(r"#([\w-]+)", hub("invite", "ann")[1])[1]
    with Course.at(sqlite_course.folder).database.writing() as session:
        assert people.accept(session, secret, "a long password").name == "ann"
    with sqlite_course.database.reading() as session:
        assert people.invited(session, secret) is None
