"""A real hub for the tests, as `make hub` starts it: on loopback, with the tiny lab, as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tiny_course import labs_folder

from introml.hub.course.course import Course
from introml.hub.jupyter import accounts
from introml.hub.people import people

#: Names that no one on this machine has: each run makes accounts of its own, and removes them.
TAG = f"t{os.getpid()}"
TEACHER, ANN, BOB = f"tess-{TAG}", f"ann-{TAG}", f"bob-{TAG}"
PASSWORD = "correct horse battery"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RealHub:
    """A course in a folder, and `introml.hub.operate.start` on it."""

    def __init__(self, before: tuple[str, ...] = (), **settings: str) -> None:
        # What comes before the command, such as what makes it an ordinary user's.
        self.before = before
        # Not below pytest's own folder, through which no student could pass.
        self.folder = Path(tempfile.mkdtemp(prefix="introml-hub-"))
        self.folder.chmod(0o755)
        home = self.folder / "course"
        home.mkdir(mode=0o700)
        hub = {"shared": f"{self.folder}/shared", "homes": f"{self.folder}/homes", **settings}
        lines = [
            'title = "Tiny course"',
            f'labs_folder = "{labs_folder(self.folder)}"',
            "workers = 1",
            "[hub]",
            *(f'{key} = "{value}"' for key, value in hub.items()),
        ]
        (home / "course.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self.folder / "labs").chmod(0o700)
        self.course = Course.at(home)
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}/"
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str, timeout: float = 600) -> RealHub:
        """Start it, and wait until it says that it is up."""
        self.lines = []
        self.process = subprocess.Popen(
            [
                *self.before, sys.executable, "-P", "-m", "introml.hub.operate.start",
                "--port", str(self.port), "--teacher", TEACHER, *arguments,
            ],
            env=os.environ | {"INTROML_COURSE": str(self.course.folder)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        until = time.monotonic() + timeout
        while not any("Ctrl-C ends it" in line for line in self.lines):
            assert self.process.poll() is None, "".join(self.lines)
            assert time.monotonic() < until, "".join(self.lines)
            time.sleep(0.05)
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout:
            self.lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def log(self) -> str:
        path = self.course.folder / "hub.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop(self) -> int:
        """Ctrl-C; its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def add(self, name: str, role: str = "student", password: str = PASSWORD) -> None:
        """Someone on the roster, with a password."""
        with self.course.database.writing() as session:
            people.add_people(session, [people.Entry(name, role=role)], "test")
            people.set_password(session, name, password)

    def invitation(self, name: str) -> str:
        """The link by which someone sets a password."""
        with self.course.database.writing() as session:
            secret = people.invite(session, people.find(session, name), "test")
        return f"{self.address}hub/invite#{secret}"

    def close(self) -> None:
        """Stop it, and take away what it made on this machine."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.course.database.close()
        homes = str(self.folder / "homes")
        for one in pwd.getpwall():
            if one.pw_dir.startswith(f"{homes}/"):
                accounts.remove(one.pw_name)
        shutil.rmtree(self.folder, ignore_errors=True)
