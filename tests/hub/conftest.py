"""A fresh course for each test, on SQLite and on a real PostgreSQL that the run starts."""

import os
from collections.abc import Iterator

import pytest
from postgres_server import PostgresServer
from real_hub import ANN, BOB, RealHub
from tiny_course import make_course

from introml.hub.course.course import Course
from introml.hub.course.database import Database
from introml.hub.people import names


@pytest.fixture(scope="session", autouse=True)
def no_accounts_of_earlier_students(tmp_path_factory) -> Iterator[None]:
    """What an earlier course left on this machine makes no other name of ann's."""
    with pytest.MonkeyPatch.context() as patch:
        for place in ("_SHADOW", "HOMES"):
            patch.setattr(names, place, tmp_path_factory.mktemp("none") / "nothing")
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this run's own."""
    server = PostgresServer()
    try:
        server.start()
        # Copied for each test, which is faster than to migrate each.
        migrated = Database(server.database())
        migrated.migrate()
        migrated.close()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def course(request: pytest.FixtureRequest, tmp_path) -> Iterator[Course]:
    """A course with the tiny lab, a teacher (tess) and two students (ann, bob)."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").database(like="course1")
    course = make_course(tmp_path, url)
    yield course
    course.database.close()


@pytest.fixture
def sqlite_course(tmp_path) -> Iterator[Course]:
    """The same on SQLite alone, for what has nothing to do with the database."""
    course = make_course(tmp_path)
    yield course
    course.database.close()


@pytest.fixture(scope="session")
def real_hub() -> Iterator[RealHub]:
    """A hub as `make hub` starts it, on the tiny lab, with two students who have passwords."""
    if os.geteuid() != 0:
        pytest.fail("the hub starts servers as users of their own: run these tests as root")
    hub = RealHub()
    try:
        hub.start()
        for name in (ANN, BOB):
            hub.add(name)
        yield hub
    finally:
        hub.close()
