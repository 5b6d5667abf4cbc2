"""A whole course under JupyterHub, whose parts are killed: the hub, its service, a worker."""

from __future__ import annotations

import contextlib
import random
import time

import httpx
import psutil
from hub_visitor import Visitor
from kills import NAMES, prepare, slow_work
from postgres_server import PostgresServer
from real_hub import RealHub

from introml.hub.course import Course

#: Part of a command's line, by what it is that one kills.
_COMMANDS = {
    "hub": "introml.hub.quick jupyterhub -f",
    "service": "introml.hub.quick introml.hub.service",
    "worker": "introml.hub.worker --url",
}


class UnderHub:
    """`make hub` with two workers and PostgreSQL; what is handed in is no notebook, so it is quick.

    It is what a service manager would do that `start` is run again when it has given up.
    """

    notebook = staticmethod(slow_work)
    kinds = ["hub", "service", "worker", "database"]

    def __init__(self, postgres: PostgresServer) -> None:
        self._postgres = postgres
        self._hub = RealHub()
        settings = self._hub.course.folder / "course.toml"
        text = settings.read_text().replace(
            "workers = 1", f'workers = 2\ndatabase = "{postgres.database()}"'
        )
        settings.write_text(text)
        self._hub.course = self.course = Course.at(self._hub.course.folder)
        self.course.database.migrate()
        prepare(self.course)
        self._tokens: dict[str, str] = {}

    def start(self) -> None:
        self._hub.start()
        for name in NAMES:
            self._hub.add(name)
            with Visitor(self._hub) as visitor:
                visitor.sign_in(name)
                said = visitor.post(
                    f"/hub/api/users/{name}/tokens", json={"note": "tests"},
                    headers={"X-XSRFToken": visitor.xsrf_cookie(), "Sec-Fetch-Mode": "cors"},
                )  # fmt: skip
                self._tokens[name] = said.json()["token"]

    def submit(self, name: str, data: bytes) -> dict:
        try:
            said = httpx.post(
                f"{self._hub.address}services/course/api/labs/tiny/submissions",
                content=data, headers={"Authorization": f"token {self._tokens[name]}"}, timeout=20,
            )  # fmt: skip
        except httpx.HTTPError as problem:
            raise OSError(str(problem)) from problem
        if said.status_code not in (200, 201):
            raise OSError(f"{said.status_code}: {said.text[:200]}")
        return said.json()

    def kill(self, kind: str, draw: random.Random) -> None:
        if kind == "database":
            self._postgres.kill()
            time.sleep(draw.uniform(0, 2))
            self._postgres.start()
        elif found := [one for one in self._family() if _COMMANDS[kind] in _line(one)]:
            with contextlib.suppress(psutil.Error):
                draw.choice(found).kill()
        if self._hub.process.poll() is not None:
            self._hub.start()

    def stop(self) -> None:
        self._hub.close()

    def _family(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._hub.process.pid).children(recursive=True)
        except psutil.Error:
            return []


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
