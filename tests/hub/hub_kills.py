"""A whole course under JupyterHub, whose parts are killed: the hub, its service, a worker."""

from __future__ import annotations

import contextlib
import random
import threading
import time

import psutil
from hub_visitor import Visitor
from kills import NAMES, prepare, slow_work
from postgres_server import PostgresServer
from real_hub import RealHub
from service_process import ServiceProcess

from introml.hub.course.course import Course

#: Part of a command's line, by what it is that one kills.
_COMMANDS = {
    "hub": "introml.hub.servers.quick jupyterhub -f",
    "service": "introml.hub.servers.quick introml.hub.web.service",
    "worker": "introml.hub.queue.worker --url",
}


class UnderHub:
    """`make hub` with two workers and PostgreSQL, with notebooks in which nothing is solved."""

    notebook = staticmethod(slow_work)
    #: The true checker grades the unsolved notebook.
    verdict = "graded"
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
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._tokens: dict[str, str] = {}
        # What is asked goes through the hub's proxy.
        self._client = ServiceProcess(self.course, self._hub.port, token=self._tokens.__getitem__)

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
        self._keeper.start()

    def _keep(self) -> None:
        """`make hub` gives up on a hub that dies young; a service manager starts it again."""
        while not self._stopping.wait(0.3):
            if self._hub.process.poll() is not None:
                with contextlib.suppress(AssertionError):
                    self._hub.start(timeout=120)

    def submit(self, name: str, data: bytes) -> dict:
        return self._client.submit(name, data, timeout_s=20)

    def kill(self, kind: str, draw: random.Random) -> None:
        if kind == "database":
            self._postgres.kill()
            time.sleep(draw.uniform(0, 2))
            self._postgres.start()
        elif found := [one for one in self._family() if _COMMANDS[kind] in _line(one)]:
            with contextlib.suppress(psutil.Error):
                draw.choice(found).kill()

    def stop(self) -> None:
        self._stopping.set()
        if self._keeper.ident is not None:
            self._keeper.join(180)
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
