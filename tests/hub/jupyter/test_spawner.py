"""A student's server that cannot start, or ends by itself, says why: to the student and the log."""

import asyncio
import os
import subprocess
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from full_disk import small_disk
from tornado import web

from introml.hub.course.models import Event
from introml.hub.jupyter import accounts
from introml.hub.jupyter.spawner import StudentSpawner
from introml.hub.servers import limits

NAME = f"ann-s{os.getpid()}"


@pytest.fixture
def spawner(sqlite_course, tmp_path):
    """`spawner(name)` -> what starts that student's server, with homes of this test's own."""

    lab = sqlite_course.folder / "releases/tiny"
    lab.mkdir(parents=True)
    (lab / "tiny.ipynb").write_text("{}" * 50_000)

    def make(name: str = NAME, **settings) -> StudentSpawner:
        folders = {"course_folder": str(sqlite_course.folder), "shared": str(tmp_path / "shared")}
        made = StudentSpawner(**folders, homes=str(tmp_path / "homes"), **settings)
        made.user = SimpleNamespace(name=name)
        return made

    yield make
    accounts.remove(NAME)


def logged(course):
    with course.database.reading() as session:
        return [
            (one.what, one.person, one.detail)
            for one in session.scalars(sa.select(Event).where(Event.who == "hub"))
        ]


def refused(spawner):
    with pytest.raises(web.HTTPError) as problem:
        asyncio.run(spawner.start())
    return problem.value.jupyterhub_message


def test_an_account_that_was_there_before_is_named(spawner, sqlite_course):
    words = refused(spawner("daemon"))
    assert words.startswith("Your server cannot start: 'daemon' is an account of")
    ((what, person, detail),) = logged(sqlite_course)
    assert (what, person) == ("server failed", "daemon")
    assert "is an account of" in detail


def test_a_full_disk_is_called_so_and_the_next_start_finds_the_room(
    spawner, sqlite_course, tmp_path
):
    with small_disk(tmp_path / "homes") as disk:
        disk.fill()
        words = refused(spawner())
        assert words.startswith("Your server cannot start: the disk of the course is full.")
        assert "Nothing that you saved or handed in is lost" in words
        assert logged(sqlite_course)[0][0] == "server failed"
        disk.empty()
        spawner().prepare()
        accounts.remove(NAME)


def test_where_labs_are_put_a_full_disk_is_called_so_as_well(spawner, tmp_path):
    with small_disk(tmp_path / "shared", "1m") as disk:
        disk.fill()
        assert "the disk of the course is full" in refused(spawner())


def test_what_is_no_ones_business_stays_in_the_log(spawner, sqlite_course, monkeypatch):
    def fail(*_):
        raise RuntimeError("secret words")

    monkeypatch.setattr(limits, "group_of", fail)
    assert "secret" not in refused(spawner())
    assert logged(sqlite_course)[0][2] == "secret words"


def test_limits_that_cannot_be_set_start_no_server_without_them(spawner, monkeypatch):
    def refuse(*_):
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(limits, "group_of", refuse)
    assert "its limits cannot be set (Device or resource busy)" in refused(spawner())


def test_a_server_that_ends_by_itself_is_told_once(spawner, sqlite_course):
    one = spawner()
    one.proc = subprocess.Popen(["/bin/sh", "-c", "exit 7"])
    one.proc.wait()
    one._is_up = True
    assert [asyncio.run(one.poll()) for _ in range(3)] == [7] * 3
    assert [what for what, *_ in logged(sqlite_course)] == ["server ended"]


def test_a_process_that_memory_ended_is_told_with_the_limit(spawner, sqlite_course):
    one = spawner(mem_limit="2G")
    one.proc = subprocess.Popen(["/bin/sleep", "600"])
    kills = iter((1, 1, 3))
    one._group = SimpleNamespace(kills=lambda: next(kills))
    one._is_up = True
    with one.proc:
        assert [asyncio.run(one.poll()) for _ in range(3)] == [None] * 3
        one.proc.kill()
    told = [detail for what, _, detail in logged(sqlite_course) if what == limits.OUT_OF_MEMORY]
    assert told == ["a process was ended: it needed more than 2 GB of memory"] * 2
