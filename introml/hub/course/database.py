"""The course's database: SQLite by default, PostgreSQL by a URL; how it is migrated."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.orm import Session, sessionmaker

#: How long a writer waits for another one, on SQLite, in milliseconds.
_BUSY_MS = 20_000


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment, always with its zone: stored as UTC, which SQLite would otherwise forget."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; give it one, such as datetime.UTC")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Sessions on the course's database. One of it serves a whole process, its threads included."""

    def __init__(self, url: str) -> None:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError(f"the database is {url!r}; it must be a sqlite or a postgresql URL")
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
            # A connection that died with its server is noticed before it is used.
            more: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20}
        else:
            more = {"connect_args": {"timeout": _BUSY_MS / 1000}}
        self.engine = sa.create_engine(parsed, **more)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        self._session = sessionmaker(self.engine, expire_on_commit=False)
        # SQLite lets writers ask again and again for its one lock, in no order, so that some wait
        # for seconds. The threads of a process wait for each other here instead, and wake at once.
        self._turn = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that changes nothing: on SQLite, it doesn't wait for a writer.

        What was loaded in it can be used after it; what was not, can't.
        """
        with self._session() as session:
            session.connection(execution_options={"introml_reading": True})
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed when the block ends well, and undone when it doesn't.

        On SQLite it holds the one write lock from its start, so that what it reads stays true.
        """
        with self._turn, self._session.begin() as session:
            yield session

    def migrate(self, to: str = "head") -> None:
        """Bring the schema to today's, from nothing or from any version before."""
        config = self._alembic()
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)

    def _alembic(self) -> Config:
        config = Config()
        folder = resources.files("introml.hub.course").joinpath("migrations")
        config.set_main_option("script_location", str(folder))
        return config

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # sqlite3 is told not to begin transactions by itself: `_begin_sqlite` does.
    connection.isolation_level = None
    for line in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        f"PRAGMA busy_timeout={_BUSY_MS}",
    ):
        connection.execute(line)


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("introml_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
