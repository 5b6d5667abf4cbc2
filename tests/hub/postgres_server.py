"""A real PostgreSQL for tests: a cluster of its own in a new folder, reached by a socket in it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

_USER = "postgres"


class PostgresServer:
    """Started by `start`, ended by `stop` or `kill`; databases are made by `database`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="introml-pg-"))
        self._process: subprocess.Popen | None = None
        self._made = 0
        # PostgreSQL refuses to run as root.
        self._as_user = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam(_USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        command = [_program("initdb"), "-D", self._data, "-U", _USER, "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*command, "--locale=C", "--no-sync"], check=True, capture_output=True,
            cwd=self.folder, **self._as_user,
        )  # fmt: skip

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> None:
        """Start the server, and return when it answers."""
        log = (self.folder / "log").open("ab")
        command = [_program("postgres"), "-D", self._data, "-k", str(self.folder)]
        # A killed server's files are whole without fsync; only a power cut would tell.
        settings = ("listen_addresses=", "shared_buffers=32MB", "max_connections=100", "fsync=off")
        command += [word for one in settings for word in ("-c", one)]
        self._process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=self.folder, **self._as_user
        )
        log.close()
        deadline = time.monotonic() + 180
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    words = (self.folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL does not start:\n{words[-2000:]}") from None
                time.sleep(0.05)

    def kill(self) -> None:
        """End it as a crash would. What was committed is there after `start`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            # The children notice that their parent is gone; a new server waits for that.
            time.sleep(0.2)

    def stop(self) -> None:
        """End it at once, in order, and take its folder away."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(120)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}@/{database}?host={self.folder}"

    def database(self, like: str = "template1") -> str:
        """The URL of a new database: empty, or a copy of the one named."""
        self._made += 1
        name = f"course{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)


def _program(name: str) -> str:
    """The newest PostgreSQL's program; Debian keeps its servers off the path."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(places[-1]) if places else shutil.which(name)
    if found is None:
        raise RuntimeError(
            "the hub's tests need a PostgreSQL server. Debian: sudo apt install postgresql"
        )
    return found
