"""How a student's server is started and stopped on one machine."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pwd
import resource
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
from jupyterhub.spawner import LocalProcessSpawner
from tornado import web
from traitlets import Integer, Unicode, default

from introml.hub.course import HOMES, Course
from introml.hub.jupyter import accounts, limits
from introml.hub.servers import releases

_publishing = threading.Lock()


class NoServer(web.HTTPError):
    """A server cannot start. The reason is shown to the student, on whichever page that is."""

    def __init__(self, why: str) -> None:
        words = f"Your server cannot start: {why.rstrip('.')}. Tell your teacher."
        super().__init__(500, words)
        self.jupyterhub_message = words  # JupyterHub has none but its own words otherwise


class CourseSpawner(LocalProcessSpawner):
    """Servers as processes of this machine, after the open labs were put where they find them."""

    course_folder = Unicode(config=True, help="The course's folder.")
    shared = Unicode(config=True, help="Where students read labs and pages.")
    pid: int  # of the server, 0 if there is none
    started_at = 0.0

    @default("env_keep")
    def _env_keep_default(self) -> list[str]:
        return ["LANG", "LC_ALL", "TZ"]

    @cached_property
    def course(self) -> Course:
        return Course.at(Path(self.course_folder))

    async def start(self) -> Any:
        try:
            await asyncio.to_thread(self.prepare)
            address = await super().start()
        except OSError as problem:
            self.log.exception("no server for %s", self.user.name)
            full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
            why = "the disk is full" if full else problem.strerror or "the machine refuses it"
            raise NoServer(why) from problem
        with contextlib.suppress(psutil.NoSuchProcess):
            self.started_at = psutil.Process(self.pid).create_time()
        return address

    def prepare(self) -> None:
        with _publishing:
            releases.publish(self.course, Path(self.shared))

    # A hub that was killed finds its servers again by their process ids. An id that another
    # process has by then must not be taken for a student's server, and be signalled as root.

    def get_state(self) -> dict[str, Any]:
        state = super().get_state()
        return state | {"started_at": self.started_at} if self.pid else state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.started_at = state.get("started_at", 0.0)
        try:
            same = psutil.Process(self.pid).create_time() == self.started_at
        except psutil.Error:
            same = False
        if not same:
            self.pid = 0


class StudentSpawner(CourseSpawner):
    """Each server as a unix user of its own, made on demand. Needs root."""

    homes = Unicode(str(HOMES), config=True, help="The folder of the students' homes.")
    most_processes = Integer(1000, config=True, help="Processes and threads of one student.")
    #: Open descriptors by which the server joins the student's control group, as it starts.
    _entrances: tuple[int, ...] = ()

    async def start(self) -> Any:
        try:
            return await super().start()
        finally:
            for one in self._entrances:
                os.close(one)
            self._entrances = ()

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        env = super().user_env(env)
        if self.cpu_limit:
            # As many threads as processors: PyTorch would start one for each of the machine's.
            threads = max(1, min(round(self.cpu_limit), os.cpu_count() or 1))
            env |= {"OMP_NUM_THREADS": str(threads)}
        return env

    def prepare(self) -> None:
        super().prepare()
        try:
            owner = accounts.account(self.user.name, Path(self.homes))
        except accounts.AccountError as problem:
            self.log.error("no account for %s: %s", self.user.name, problem)
            raise NoServer(str(problem)) from problem
        wanted = limits.Limits(self.mem_limit, self.cpu_limit, self.most_processes)
        try:
            group = limits.group_of(owner.pw_uid, wanted)
            self._entrances = tuple(group.entrances()) if group else ()
        except OSError as problem:
            self.log.error("no limits for %s: %s", self.user.name, problem)
            raise NoServer(f"its limits cannot be set ({problem.strerror})") from problem

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        become = super().make_preexec_fn(name)
        most = self.most_processes
        entrances = self._entrances

        def prepare() -> None:
            for one in entrances:
                os.write(one, b"0")
            resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # Where memory runs out, a student's process goes before the hub or the database.
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write("500")
            become()

        return prepare

    async def stop(self, now: bool = False) -> None:
        await super().stop(now)
        await asyncio.to_thread(self.end_all)

    def end_all(self) -> None:
        """What a student's server leaves running ends with it."""
        with contextlib.suppress(KeyError, accounts.AccountError):
            owner = pwd.getpwnam(self.user.name)
            accounts.end_processes(owner)
            limits.remove_group(owner.pw_uid)


class OnePersonSpawner(CourseSpawner):
    """The server of the one person who started the hub, without root: nobody to be kept apart."""

    home = Unicode(config=True, help="The folder in which the server works.")

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        home = self.home
        return lambda: os.chdir(home)

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        return env | {"HOME": str(Path.home()), "USER": self.user.name}

    def prepare(self) -> None:
        super().prepare()
        Path(self.home).mkdir(mode=0o700, parents=True, exist_ok=True)
