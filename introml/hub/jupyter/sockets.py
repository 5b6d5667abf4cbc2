"""Where the parts of a hub listen: Unix sockets, in folders where nobody else can make a file.

A port on loopback is free for every user of the machine the moment the program behind it dies, and
whoever takes it gets the cookies and tokens that were meant for that program. A socket's place in a
folder is its owner's, whether the program lives or not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
from pathlib import Path
from urllib.parse import quote

from introml.hub.course import Course, CourseError

_RUN = Path("/run/introml")
#: What Linux takes as the path of a socket, its ending byte not counted.
_LONGEST = 107
#: The listening socket of the public address, as `introml.hub.operate.start` hands it on.
LISTENER = "INTROML_LISTENER"


class Sockets:
    """The sockets of one course's hub. All users may connect where `open_to_all`; none may bind."""

    def __init__(self, course: Course) -> None:
        self.open_to_all = os.geteuid() == 0
        name = hashlib.sha256(str(course.folder).encode()).hexdigest()[:12]
        self.folder = course.folder / "run"
        if self.open_to_all:
            # Students cannot pass through the course's folder.
            self.folder = _RUN / name
        elif not _can_hold(self.server("x" * 32)):
            self.folder = Path("/tmp") / f"introml-{os.geteuid()}-{name}"
        self.hub = self.folder / "hub.sock"
        self.service = self.folder / "service.sock"
        self.proxy = self.folder / "proxy.sock"

    def server(self, name: str) -> Path:
        """The socket of a student's server, in a folder for `name` alone."""
        return self.folder / "servers" / name / "server.sock"

    def make_ready(self) -> None:
        """Make the folder, without what a hub that was killed left. Raises `CourseError`."""
        above = [self.folder.parent] if self.open_to_all else []
        for folder in (*above, self.folder, self.folder / "servers"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            told = folder.lstat()
            if told.st_uid != os.geteuid() or not stat.S_ISDIR(told.st_mode):
                raise CourseError(f"{folder} is someone else's; take it away, and start again")
            folder.chmod(0o711 if self.open_to_all else 0o700)
        for one in (self.hub, self.service, self.proxy):
            one.unlink(missing_ok=True)

    def make_folder(self, name: str, owner: int, group: int) -> None:
        """The folder of a student's socket: the student's, in a folder that is not."""
        folder = self.server(name).parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.open_to_all:
            os.chown(folder, owner, group)

    def remove(self) -> None:
        """Take all of it away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _can_hold(path: Path) -> bool:
    """Whether a socket can be there: JupyterHub writes its path in small letters."""
    return len(os.fsencode(path)) <= _LONGEST and str(path) == str(path).lower()


def url_of(path: Path) -> str:
    """The address of a socket, as JupyterHub and its proxy write it."""
    return f"http+unix://{quote(str(path), safe='')}"


def listen(address: str, port: int) -> socket.socket:
    """A listening socket at the public address, which whoever starts the hub keeps open.

    The proxy takes connections from it, and one that dies leaves no port behind: who comes then
    waits for the next proxy. Raises `OSError`.
    """
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=kind, backlog=511)


def anyone_can_take(port: int) -> bool:
    """Whether a user without rights may listen at this port when nobody else does."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text("ascii"))
    except (OSError, ValueError):
        first = 1024
    return port >= first
