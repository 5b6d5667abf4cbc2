"""Migrations, moments and transactions, on both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from introml.hub.course.database import Database, now
from introml.hub.course.models import Base, Event, Person


def test_the_migrations_make_the_tables_that_the_models_describe(course):
    with course.database.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert found == []


def test_migrating_again_changes_nothing(course):
    course.database.migrate()
    with course.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Person)) == 3


def test_who_was_there_before_names_were_made_signs_in_by_the_name_that_they_had(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite'}")
    database.migrate("0001")
    with database.engine.begin() as connection:
        row = "'ann','','','student','','','',1,'2026-01-01'"
        columns = "name,full_name,email,role,password,lms_id,lms_login,active,made_at"
        connection.exec_driver_sql(f"INSERT INTO person ({columns}) VALUES ({row})")
    database.migrate()
    with database.reading() as session:
        assert session.scalars(sa.select(Person.login)).all() == ["ann"]
    database.close()


def test_a_moment_keeps_its_instant_whatever_its_zone(course):
    local = datetime(2027, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=5)))
    with course.database.writing() as session:
        session.add(Event(at=local, who="x", what="zone"))
    with course.database.reading() as session:
        kept = session.scalar(sa.select(Event.at).filter_by(what="zone"))
    assert kept == local
    assert kept.tzinfo == UTC


def test_a_moment_without_a_zone_is_refused(sqlite_course):
    refused = pytest.raises(sa.exc.StatementError, match="no time zone")
    with refused, sqlite_course.database.writing() as session:
        session.add(Event(at=datetime(2027, 1, 1), who="x", what="y"))


def test_what_fails_in_a_block_is_undone(course):
    def failing():
        with course.database.writing() as session:
            session.add(Event(at=now(), who="x", what="undone"))
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    with course.database.reading() as session:
        assert session.scalar(sa.select(Event).filter_by(what="undone")) is None


def test_a_reader_does_not_wait_for_a_writer(course):
    with course.database.writing() as writing:
        writing.add(Event(at=now(), who="x", what="slow"))
        writing.flush()
        with course.database.reading() as session:
            assert session.scalar(sa.select(Event).filter_by(what="slow")) is None


def test_other_databases_are_refused():
    with pytest.raises(ValueError, match="sqlite or a postgresql"):
        Database("mysql://root@localhost/x")
