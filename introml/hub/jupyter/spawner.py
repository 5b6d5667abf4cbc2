"""How a student's server is started and stopped on one machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import resource
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
from jupyterhub.spawner import LocalProcessSpawner
from tornado import web
from traitlets import Integer, Unicode, default

from introml.grader.box import cgroups
from introml.hub.course import HOMES, Course, Event, has_room, is_full
from introml.hub.course import now as moment
from introml.hub.jupyter import accounts
from introml.hub.jupyter.sockets import Sockets, url_of
from introml.hub.servers import limits, releases

_NO_ROOM = (
    "the disk of the course is full. Nothing that you saved or handed in is lost; start it again "
    "when there is room"
)


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

    @cached_property
    def socket(self) -> Path:
        """Where the server listens. A port would be anyone's when the server dies."""
        return Sockets(self.course).server(self.user.name)

    async def start(self) -> Any:
        try:
            await asyncio.to_thread(self.prepare)
            await super().start()
        except Exception as problem:
            raise await self._cannot(problem) from problem
        with contextlib.suppress(psutil.NoSuchProcess):
            self.started_at = psutil.Process(self.pid).create_time()
        return url_of(self.socket)

    def get_args(self) -> list[str]:
        return [*super().get_args(), f"--ServerApp.sock={self.socket}"]

    def get_env(self) -> dict[str, str]:
        env = super().get_env()
        # JupyterHub's server takes a port from here; Jupyter takes a socket only where that port
        # is its default one.
        base_url = env.get("JUPYTERHUB_SERVICE_PREFIX", "/")
        return env | {"JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:8888{base_url}"}

    def prepare(self) -> None:
        """All that must be there before the server is. Raises `NoServer`."""
        releases.publish(self.course, Path(self.shared))

    async def _cannot(self, problem: Exception) -> NoServer:
        """What a student is told of a server that did not start; a teacher reads it in the log."""
        if isinstance(problem, NoServer):
            told = problem
        elif is_full(problem):
            told = NoServer(_NO_ROOM)
        else:
            told = NoServer("something failed that the course's log names")
        said = str(problem.log_message if isinstance(problem, NoServer) else problem)
        self.log.error("no server for %s: %s", self.user.name, said, exc_info=problem)
        await self.note("server failed", said or type(problem).__name__)
        return told

    async def note(self, what: str, detail: str) -> None:
        """Write into the course's log what became of this server."""

        def write() -> None:
            name = self.user.name
            with self.course.database.writing() as session:
                event = Event(at=moment(), who="hub", what=what, person=name, detail=detail[:2000])
                session.add(event)

        try:
            await asyncio.to_thread(write)
        except Exception as problem:  # a log that cannot be written is no reason to fail
            self.log.error("not in the course's log: %s of %s: %s", what, self.user.name, problem)

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
    _group: cgroups.Cgroup | None = None
    #: How many of its processes were ended for want of memory, as far as it was told.
    _kills = 0
    #: Whether the server was started, and neither stopped nor told to have ended.
    _is_up = False

    async def start(self) -> Any:
        try:
            address = await super().start()
            self._is_up = True
            return address
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
        homes = Path(self.homes)
        if homes.is_dir() and not has_room(homes, ordinary=True):
            raise NoServer(_NO_ROOM)
        super().prepare()
        try:
            owner = accounts.account(self.user.name, homes)
        except accounts.AccountError as problem:
            raise NoServer(str(problem)) from problem
        wanted = limits.Limits(self.mem_limit, self.cpu_limit, self.most_processes)
        try:
            self._group = limits.group_of(owner.pw_uid, wanted)
            self._entrances = tuple(self._group.entrances()) if self._group else ()
            self._kills = self._group.kills() if self._group else 0
        except OSError as problem:
            raise NoServer(f"its limits cannot be set ({problem.strerror})") from problem
        Sockets(self.course).make_folder(self.user.name, owner.pw_uid, owner.pw_gid)

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

    async def poll(self) -> int | None:
        status = await super().poll()
        if self._is_up:
            await self._note_what_memory_ended()
        if self._is_up and status is not None:
            self._is_up = False
            await self.note("server ended", f"it ended by itself, with status {status}")
        return status

    async def _note_what_memory_ended(self) -> None:
        kills = self._group.kills() if self._group else 0
        if kills > self._kills:
            self._kills = kills
            most = limits.in_words(self.mem_limit) if self.mem_limit else "the machine"
            words = f"a process was ended: it needed more than {most} of memory"
            await self.note(limits.OUT_OF_MEMORY, words)

    async def stop(self, now: bool = False) -> None:
        if self._is_up and self._waiting_for_response:  # JupyterHub gives it up
            words = f"it did not answer within {self.http_timeout} s; hub.log has what it said"
            await self.note("server failed", words)
        self._is_up = False
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
        Sockets(self.course).make_folder(self.user.name, os.geteuid(), os.getegid())
