"""`make hub`: from a course's folder to a running course, and back when it is stopped.

It prepares what is missing, starts JupyterHub, says where it is, and starts it again if it dies.
Ctrl-C ends all of it: hub, proxy, service, workers, and the students' servers.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import getpass
import grp
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.book.paths import ROOT
from introml.grader import atomic
from introml.grader.lab import LabError
from introml.hub.course import Course, CourseError, Person, default_folder
from introml.hub.jupyter import CHOSEN, DIE_WITH_PARENT, QUICK, sessions, sockets
from introml.hub.operate import preflight
from introml.hub.operate.health import answer, local_url, started_file
from introml.hub.operate.secrets_audit import given_out, open_to_students
from introml.hub.people import GROUP, people
from introml.hub.servers import interpreters, releases, students_env

_LOCAL = ROOT / "deploy/local/jupyterhub_config.py"
_HTML = ROOT / "_build/html"
#: Seconds in which the hub must be up; in which it must end; and after which a death is no
#: failed start, so that it is started again.
_UP, _DOWN, _RAN = 60.0, 40.0, 5.0
_LARGEST_LOG = 10_000_000
#: The exit status of `--look` where a hub runs already, and a teacher has got a link to it.
INVITED = 3


class CannotStart(Exception):
    """The course cannot be started; the text says why, and what to do."""


class RunsAlready(CannotStart):
    """A hub runs this course."""


def main(arguments: list[str] | None = None) -> int:
    """Run a course until it is stopped. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="introml.hub.operate.start", description=__doc__)
    os.umask(0o077)
    parser.add_argument("--port", type=int, help="where people reach it (8000, or course.toml's)")
    parser.add_argument("--address", help="127.0.0.1 for this machine alone; 0.0.0.0 for all")
    parser.add_argument(
        "--teacher", metavar="NAME", help="make a teacher, or give one a new link; name or email"
    )
    parser.add_argument("--look", action="store_true", help="only see whether it could start")
    parser.add_argument(
        "--config", type=Path, default=_LOCAL, help="of JupyterHub (one for this machine alone)"
    )
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        run = Run(options)
        try:
            with run.alone():
                run.look()
                if options.look:
                    return 0
                run.prepare()
                return run.serve(began)
        except RunsAlready:
            if not options.teacher:
                raise
            run.invite()
            return INVITED if options.look else 0
    except (
        CannotStart, CourseError, LabError, people.RosterError, interpreters.NoPython
    ) as problem:  # fmt: skip
        print(f"make hub: {problem}", file=sys.stderr)
    except sa.exc.OperationalError as problem:
        print(f"make hub: the database does not answer: {problem.orig}", file=sys.stderr)
    except OSError as problem:
        print(f"make hub: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped before it was up", file=sys.stderr)
        return 130
    return 1


class Run:
    """One run of a course."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.course = Course.at(default_folder())
        asked = {"port": options.port, "address": options.address}
        self.chosen: dict[str, Any] = {k: x for k, x in asked.items() if x is not None}
        self.hub = self.course.hub_settings(**self.chosen)
        self.teacher = options.teacher
        self.config = options.config.absolute()
        self.sockets = sockets.Sockets(self.course)
        self.invitation = ""
        #: What the teacher types to sign in: the name, and the email address if it is known.
        self.called: list[str] = []
        self.stopping = False

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the course's lock: two hubs on one course would fight over it."""
        path = self.course.folder / "hub.lock"
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunsAlready(
                    f"a hub for {self.course.folder} is running already (process "
                    f"{file.read().strip() or 'unknown'}); stop that one first"
                ) from None
            file.truncate()
            file.write(str(os.getpid()))
            file.flush()
            yield

    def look(self) -> None:
        """Whether all holds that is known before the book is built. Raises `CannotStart`."""
        if found := preflight.problems(
            self.course.folder, port=self.hub.port, address=self.hub.address, builds=False
        ):
            raise CannotStart(preflight.told(found).removeprefix("make hub: "))
        self.course.database.migrate()
        self._close_secrets()
        self._named_teacher()

    def _close_secrets(self) -> None:
        """Close what students could read and must not, where it is one's own to close."""
        if os.geteuid() != 0 or not (found := open_to_students(self.course)):
            return
        others = []
        for folder in found:
            if preflight.is_own(folder) and folder.parent != folder.parent.parent:
                folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~_students_bits(folder))
                _say(f"closed {folder} to other users: hidden checks and solutions are in it")
            else:
                others.append(folder)
        if others or (others := open_to_students(self.course)):
            names = " ".join(map(str, others))
            who = "go" if any(_students_bits(one) > 0o007 for one in others) else "o"
            raise CannotStart(
                "students, who have a shell here, could read hidden checks and solutions; "
                f"run: chmod {who}-rwx {names}"
            )

    def prepare(self) -> None:
        """Everything that must be there before the hub is, after `look`."""
        self._listen()
        if self.can_be_taken:
            sessions.end_all(self.course)
        if not (_HTML / "index.html").exists():
            raise CannotStart("the book isn't built; run: make site")
        self.course.database.migrate()
        self._close_secrets()  # again: a build writes files as well
        self.chosen["hub_port"] = self._hub_port()
        self.sockets.make_ready()
        if os.geteuid() == 0:
            if Path(self.hub.students_python) == students_env.FOLDER / "bin/python":
                students_env.make_ready(students_env.FOLDER, _say)
            elif not interpreters.others_can_run(self.hub.students_python, "import introml"):
                raise CannotStart(
                    f"students_python in course.toml is {self.hub.students_python}; other users "
                    "cannot run it, or it has no introml"
                )
        releases.prepare(self.course, Path(self.hub.shared), _HTML)
        if os.geteuid() == 0:
            self._refuse_given_out()
        name = self._first_teacher()
        if os.geteuid() != 0:
            self.chosen["only"] = name

    def _refuse_given_out(self) -> None:
        """Nothing that students are given has a lab's answers in it. Raises `CannotStart`."""
        environment = Path(self.hub.students_python).parents[1]
        packages = environment.glob("lib/python3*/site-packages/introml")
        if found := given_out(self.course, [Path(self.hub.shared), *packages]):
            names = ", ".join(f"{one.path} ({', '.join(one.labs)})" for one in found)
            raise CannotStart(
                "what students are given has answers to labs in it whose solutions are not out: "
                f"{names}; take them out of the pages or modules that these files come from"
            )

    def _listen(self) -> None:
        """Take the public address, and keep it until the end: no other program gets it between."""
        try:
            self.listener = sockets.listen(self.hub.address, self.hub.port)
        except OSError as problem:
            raise CannotStart(
                f"{self.hub.address} port {self.hub.port} cannot be used ({problem.strerror}); "
                f"choose another: make hub PORT={self.hub.port + 1}"
            ) from problem
        self.listener.set_inheritable(True)

    @property
    def can_be_taken(self) -> bool:
        """Whether another user of this machine could have been sent browsers' cookies meanwhile."""
        return not self.hub.ssl_cert and sockets.anyone_can_take(self.hub.port)

    def _hub_port(self) -> int:
        """The port at which a cluster's nodes find the hub: the last one again, if it is free."""
        path = self.course.folder / "ports.json"
        try:
            last = json.loads(path.read_text(encoding="utf-8")).get("hub_port", 0)
        except (OSError, ValueError, AttributeError):
            last = 0
        port = self.hub.hub_port or _free_port(last)
        path.write_text(json.dumps({"hub_port": port}), encoding="utf-8")
        return port

    def _named_teacher(self) -> None:
        """Whether the teacher who is named, or the first one, can be. Raises `CannotStart`."""
        with self.course.database.reading() as session:
            if self.teacher is not None:
                found = self._known(session)
                if found is None:
                    _entry(self.teacher)
                elif found.role != "teacher":
                    raise CannotStart(self._is_a_student(people.login_of(found)))
            elif not _teachers(session) and not self._invites:
                raise CannotStart(
                    "the course has no teacher yet; say who, as your institution calls them: "
                    "make hub TEACHER=name (or an email address)"
                )

    @property
    def _invites(self) -> bool:
        return self.course.settings.signin.kind == "invitations"

    def _known(self, session: Session) -> Person | None:
        """The person on the roster who is meant by TEACHER."""
        if not self.teacher:
            return None
        named = people.find(session, self.teacher.strip().lower())
        return named or people.whom(session, self.teacher.strip())

    def _is_a_student(self, name: str) -> str:
        return (
            f"{name!r} is a student here; name someone else, or let a teacher change the role on "
            "the page Roster"
        )

    def _first_teacher(self, url: str = "") -> str:
        """The teacher's name; made where there is none, and invited if asked or without password.

        Who is named gets a new link whether there is a password or not: it may be forgotten.
        """
        with self.course.database.writing() as session:
            teachers = _teachers(session)
            if self.teacher is None and teachers:
                teacher = teachers[0]
            else:
                teacher = self._made_teacher(session)
                if teacher.role != "teacher":
                    raise CannotStart(self._is_a_student(people.login_of(teacher)))
            # Until a teacher has a password, each start invites anew: links get lost.
            lost = not any(one.password for one in [teacher, *teachers])
            if self._invites and (self.teacher is not None or lost):
                secret = people.invite(session, teacher, "make hub")
                self.invitation = f"{url or self.hub.url}hub/invite#{secret}"
            self.called = list(
                dict.fromkeys(filter(None, (people.login_of(teacher), teacher.email)))
            )
            return teacher.name

    def _made_teacher(self, session: Session) -> Person:
        """Whom TEACHER means, or the first teacher if nobody is named; added to the roster."""
        if (known := self._known(session)) is not None:
            return people.someone(session, known.name)
        entry = _entry(self.teacher or _own_name())
        told = entry.name or entry.email
        if people.whom(session, told) is None:
            people.add_people(session, [entry], "make hub")
        return people.called(session, told)

    def invite(self) -> None:
        """A new link for the teacher who is named, to a hub that runs already."""
        self._first_teacher(self.course.url)
        _say(f"the course runs already, at {self.course.url}")
        self._tell_teacher()

    def _tell_teacher(self) -> None:
        name = " or as ".join(self.called)
        if not name:
            return
        if self.invitation:
            _say(
                f"{self.called[0]} sets a password by this link, which works once and for "
                f"{people.INVITATION_LASTS.days} days:\n  {self.invitation}\n"
                f"and signs in as {name} from then on"
            )
        elif self._invites:
            _say(
                f"sign in as {name}; a forgotten password is replaced by "
                f"make hub TEACHER={self.called[0]}"
            )

    def serve(self, began: float) -> int:
        """Run the hub until it is stopped; started again when it dies."""
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, self._stop)
        told = False
        while True:
            started = time.monotonic()
            self._note_address()
            self.process = self._start()
            if not self._wait_until_up():
                break
            if not told:
                self.course.runs_at(self.hub.url)
                self._tell(time.monotonic() - began)
                told = True
            self.process.wait()
            if self.stopping or time.monotonic() - started < _RAN:
                break
            _say("the hub died; starting it again")
        if self.stopping:
            self._end()
            self.sockets.remove()
            _say("stopped")
            return 0
        self._end()
        raise CannotStart(
            f"the hub did not start; the end of {self._log} says why:\n{self._tail()}"
        )

    def _note_address(self) -> None:
        """For `introml hub status`, which does not know where this start was told to listen."""
        node = {"address": self.hub.address, "port": self.hub.port}
        atomic.write(started_file(self.course), json.dumps(node), private=True)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._log.exists() and self._log.stat().st_size > _LARGEST_LOG:
            self._log.replace(self._log.with_suffix(".log.1"))
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._log_from = self._log.stat().st_size
        with os.fdopen(descriptor, "ab") as log:
            return subprocess.Popen(
                [*DIE_WITH_PARENT, *QUICK, "jupyterhub", "-f", str(self.config)],
                cwd=self.course.folder,
                env=os.environ
                | {
                    CHOSEN: json.dumps(self.chosen),
                    sockets.LISTENER: str(self.listener.fileno()),
                    "INTROML_COURSE": str(self.course.folder),
                },
                pass_fds=(self.listener.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )

    def _wait_until_up(self) -> bool:
        until = time.monotonic() + _UP
        here = local_url(self.hub)
        for url in (f"{here}hub/health", f"{here}services/course/health"):
            while answer(url, urlsplit(self.hub.url).netloc) != 200:
                if self.stopping or self.process.poll() is not None or time.monotonic() > until:
                    return False
                time.sleep(0.05)
        return True

    def _tell(self, seconds: float) -> None:
        _say(f"the course is at {self.hub.url} ({seconds:.1f} s)")
        settings = self.course.folder / "course.toml"
        _say(f"its times are those of {self.course.zone}: time_zone in {settings}")
        if os.geteuid() != 0:
            _say(
                f"it runs for one person alone, {self.chosen['only']}: without root, students "
                "would all be the same user of this machine, and could read each other's work"
            )
        elif not self.hub.student_hosts:
            _say(
                "students' servers share the hub's host name, so each is shown to its student's "
                "browser alone; with names of their own they are apart altogether: introml hub "
                "hosts (at this machine), or introml hub hosts DOMAIN"
            )
        if self.can_be_taken:
            _say(
                f"any user of this machine could listen at port {self.hub.port} while no hub does, "
                "so each start ends everybody's session; a port below 1024, or a certificate of "
                "the hub's own, is safe from that"
            )
        self._tell_teacher()
        _say(f"Ctrl-C ends it; its log is {self._log}")

    def _stop(self, number: int, frame: Any) -> None:
        process = getattr(self, "process", None)
        if self.stopping and process is not None:
            process.kill()
        self.stopping = True
        if process is not None and process.poll() is None:
            process.terminate()

    def _end(self) -> None:
        self.listener.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_DOWN)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def _log(self) -> Path:
        return self.course.folder / "hub.log"

    def _tail(self) -> str:
        with self._log.open("rb") as file:
            file.seek(self._log_from)
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-15:])


def _teachers(session: Session) -> list[Person]:
    """The course's teachers, the first one first."""
    wanted = sa.select(Person).filter_by(role="teacher", active=True).order_by(Person.id)
    return list(session.scalars(wanted))


def _entry(teacher: str) -> people.Entry:
    """The roster's entry of a teacher, named or given by an email address."""
    if "@" not in teacher:
        return people.Entry(people.check_name(teacher), role="teacher")
    return people.Entry(email=people.check_email(teacher), role="teacher")


def _own_name() -> str:
    """What the first teacher is called if nobody says: the person who starts it, or "teacher"."""
    try:
        return people.check_name(getpass.getuser())
    except (people.RosterError, OSError, KeyError):
        return "teacher"


def _free_port(last: Any) -> int:
    """The port that was used last if it is free, else another one; root's is nobody else's."""
    mine = [] if os.geteuid() else random.sample(range(700, 1000), 50)
    last = last if isinstance(last, int) and 0 < last < (1024 if mine else 65536) else 0
    for port in (*([last] if last else []), *mine, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
    raise CannotStart("no port on 127.0.0.1 is free")


def _students_bits(folder: Path) -> int:
    """The rights that let students in: those of all, and of their group where it has the folder."""
    try:
        students = grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return 0o007
    return 0o077 if folder.stat().st_gid == students else 0o007


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
