"""How the course is, for teachers and in the file that `introml hub status` reads."""

import json
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa
from full_disk import small_disk
from served import Browser, Tool, app_of
from tiny_course import make_course, notebook

from introml.grader.box import cgroups
from introml.hub.course.database import now
from introml.hub.course.models import Event
from introml.hub.course.state import health_file
from introml.hub.servers import limits
from introml.hub.web import service_health
from introml.hub.web.service_health import service_state, sizes_of_homes


@pytest.fixture
def app(sqlite_course):
    return app_of(sqlite_course)


def lines(app):
    return "\n".join(service_state(app).lines)


def worries(app):
    return "\n".join(service_state(app).worries)


def log(course, what, detail="why", person="ann", ago=timedelta()):
    with course.database.writing() as session:
        session.add(Event(at=now() - ago, who="hub", what=what, person=person, detail=detail))


class TestWorkers:
    @pytest.fixture
    def app(self, tmp_path):
        course = make_course(tmp_path, workers=2)
        yield app_of(course)
        course.database.close()

    def ask(self, app, worker):
        token = f"Bearer {app.state.course.secret('worker')}"
        asked = {"worker": worker, "tiers": ["cpu"]}
        assert Tool(app, token).post("worker/lease", json=asked).status_code == 204

    def test_those_that_ask_for_work_are_alive(self, app):
        self.ask(app, "here, process 1")
        self.ask(app, "here, process 2")
        assert "grading workers: 2 of 2 at work" in lines(app)
        assert "worker" not in worries(app)

    def test_at_the_start_they_are_waited_for(self, app):
        assert "grading workers: 0 of 2" in lines(app)
        assert "worker" not in worries(app)

    def test_silence_is_told_after_a_while(self, app, monkeypatch):
        self.ask(app, "here, process 1")
        began = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: began + 121)
        assert "0 of 2 grading workers answer" in worries(app)

    def test_one_that_died_is_told_at_once_with_how(self, app):
        self.ask(app, "here, process 1")
        self.ask(app, "here, process 2")
        app.state.heard.died(2, -9)
        assert "1 of 2 grading workers answer; the last one to end did so with signal 9" in worries(
            app
        )
        self.ask(app, "here, process 3")
        assert "worker" not in worries(app)

    def test_one_that_grades_is_alive_however_long_it_takes(self, app, monkeypatch):
        for name in ("bob", "ann"):
            assert Tool(app, f"token of-{name}").submit(notebook(name)).status_code == 201
        token = f"Bearer {app.state.course.secret('worker')}"
        for name in ("here, process 1", "here, process 2"):
            asked = {"worker": name, "tiers": ["cpu"]}
            assert Tool(app, token).post("worker/lease", json=asked).status_code == 200
        began = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: began + 1000)
        assert "2 of 2" in lines(app)


class TestServers:
    def test_a_failed_one_is_a_worry_until_it_runs_or_a_day_is_over(
        self, app, sqlite_course, monkeypatch
    ):
        log(sqlite_course, "server failed", "no room", ago=timedelta(hours=25))
        assert "ann" not in worries(app)
        log(sqlite_course, "server failed", "the disk is full")
        assert "server failed: the disk is full" in lines(app)
        assert "the server of ann did not start" in worries(app)
        monkeypatch.setattr(service_health, "_running_servers", lambda course: {"ann"})
        assert "1 running" in lines(app)
        assert "ann" not in worries(app)

    def test_those_that_run_are_counted_in_jupyterhubs_own_database(self, app, sqlite_course):
        from jupyterhub import orm

        assert "servers" not in lines(app).partition("limit")[0]
        url = f"sqlite:///{sqlite_course.folder / 'jupyterhub.sqlite'}"
        session = orm.new_session_factory(url)()
        for name, up in (("ann", True), ("bob", False)):
            user = orm.User(name=name)
            server = orm.Server(ip="127.0.0.1", port=1, base_url="/") if up else None
            session.add(orm.Spawner(user=user, server=server, name=""))
        session.commit()
        session.close()
        assert "students' servers: 1 running" in lines(app)


class TestLimits:
    def test_each_is_said_to_be_in_force_where_it_is(self, app):
        for words in ("4 GB of memory", "2 processors", "1000 processes and threads"):
            assert f"limit of a student's server: {words}, in force" in lines(app)

    def test_none_is_claimed_that_is_not(self, app, monkeypatch):
        monkeypatch.setattr(cgroups, "find_parents", lambda: None)
        why = "this machine gives the hub no control groups"
        assert f"4 GB of memory, not in force: {why}" in lines(app)
        assert f"students' servers are not held to 4 GB of memory: {why}" in worries(app)


class TestHomes:
    def test_their_size_is_what_is_in_them_and_not_what_they_link_to(self, tmp_path):
        homes, other = tmp_path / "homes", tmp_path / "other"
        for folder in (homes / "ann", homes / "bob", other):
            folder.mkdir(parents=True)
        (other / "large").write_bytes(b"x" * 5_000_000)
        (homes / "ann/data").write_bytes(b"x" * 2_000_000)
        (homes / "bob/link").symlink_to(other)
        (homes / "eve").symlink_to(other)
        sizes = sizes_of_homes(homes)
        assert set(sizes) == {"ann", "bob"}
        assert 2_000_000 <= sizes["ann"] < 2_200_000
        assert sizes["bob"] < 100_000

    def test_one_over_the_limit_is_told_to_the_student_and_the_teacher(self, app):
        app.state.homes = {"ann": 12 << 30, "bob": 1 << 30}
        assert "homes larger than 10 GB: ann (12 GB)" in worries(app)
        assert "limit of a student's home: 10 GB, told and not enforced" in lines(app)
        assert (
            "Your files take 12 GB, and each student has 10 GB." in Browser(app, "ann").get("").text
        )
        assert "Your files take" not in Browser(app, "bob").get("").text


def test_a_student_reads_that_memory_ran_out_and_only_for_an_hour(app, sqlite_course):
    words = "a process was ended: it needed more than 4 GB of memory"
    log(sqlite_course, limits.OUT_OF_MEMORY, words, ago=timedelta(minutes=61))
    assert "ran out of memory" not in Browser(app, "ann").get("").text
    log(sqlite_course, limits.OUT_OF_MEMORY, words)
    assert f"your server ran out of memory, and {words}." in Browser(app, "ann").get("").text
    assert "ran out of memory" not in Browser(app, "bob").get("").text


def test_the_page_is_for_teachers_and_what_needs_a_look_stands_on_the_first_one(app, sqlite_course):
    assert Browser(app, "ann").get("teach/health").status_code == 403
    tess = Browser(app, "tess")
    log(sqlite_course, "server failed", "<b>why</b>")
    page = tess.get("teach/health")
    assert page.status_code == 200
    assert "grading workers: 0" in page.text
    assert "&lt;b&gt;why&lt;/b&gt;" in page.text
    for address in ("teach", "teach/health"):
        assert "the server of ann did not start" in tess.get(address).text


def test_a_full_disk_is_told_to_everyone_and_to_the_teacher_when(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        course = make_course(disk.folder)
        app = app_of(course)
        assert "disk of the course is full" not in Browser(app, "ann").get("").text
        disk.fill()
        assert Tool(app, "token of-ann").submit(notebook("x" * 100_000)).status_code == 507
        assert "The disk of the course is full." in Browser(app, "ann").get("").text
        assert "the disk was full at" in worries(app)
        assert "the course&#39;s folder is full" in Browser(app, "tess").get("teach").text
        disk.empty()
        assert "disk of the course is full" not in Browser(app, "ann").get("").text
        assert "the disk was full at" in Browser(app, "tess").get("teach").text
        course.database.close()


def test_what_the_file_says_is_what_the_service_sees(app, sqlite_course):
    service_health._write(app)
    path = health_file(sqlite_course)
    node = json.loads(path.read_text())
    assert path.stat().st_mode & 0o077 == 0
    assert tuple(node["lines"]) == service_state(app).lines
    assert tuple(node["worries"]) == service_state(app).worries


def test_a_database_that_is_away_ends_nothing(app, sqlite_course, monkeypatch):
    import asyncio

    calls = []

    def fail(app):
        calls.append(app)
        raise sa.exc.OperationalError("select", {}, Exception("away"))

    monkeypatch.setattr(service_health, "_write", fail)
    monkeypatch.setattr(service_health, "_EVERY_S", 0)

    async def some_time():
        task = asyncio.create_task(service_health._write_always(app))
        while len(calls) < 3 and not task.done():
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()

    asyncio.run(some_time())
