"""What must hold for a hub to start, looked at in a second, before anything is installed or built.

    python introml/hub/operate/preflight.py --port 8000

`make hub` runs this file by itself first, so it uses Python's own modules alone.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import itertools
import os
import platform
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_ROOT = Path(__file__).resolve().parents[3]
#: Bytes that an installed `.venv`, the students' Python and a built book take, with what pip
#: and the build need on the way.
_VENV, _STUDENTS, _BOOK = 4_000_000_000, 2_700_000_000, 500_000_000
#: A process becomes one with its own view of the machine, as the grader's box does; and its
#: mounts, which some systems refuse to an ordinary user even then.
_NAMESPACES = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
done = libc.unshare(int(sys.argv[1])) or libc.mount(b"none", b"/", None, 0x44000, None)
sys.exit(1 if done else 0)
"""
_MOUNT_PID_NET, _USER = 0x00020000 | 0x20000000 | 0x40000000, 0x10000000


def problems(
    course: Path,
    *,
    port: int | None = None,
    address: str | None = None,
    root: Path = _ROOT,
    builds: bool = True,
) -> list[str]:
    """All that stands in the way of a hub for `course`, a sentence each with what to do.

    `builds`: what is to be installed and built will be, in the checkout.
    """
    try:
        settings, unread = _settings(course), []
    except ValueError as problem:
        settings, unread = {}, [str(problem)]
    hub = _table(settings, "hub")
    found = [
        *unread,
        *_of_the_system(),
        *_of_the_course(course),
        *_of_the_port(address or hub.get("address"), hub.get("port") if port is None else port),
        *(_of_the_checkout(root) if builds else ()),
        *_of_the_homes(hub.get("homes"), root),
        *_of_the_disk(root),
        *_of_the_sandbox(settings.get("workers")),
    ]
    if os.geteuid() == 0:
        found += [*_of_accounts(), *_of_the_students_python(hub.get("students_python"))]
        found += _of_secrets(settings, root)
    return found


def running(course: Path) -> str:
    """The process that runs a hub for this course, "unknown" if it does not say; "" if none."""
    try:
        with (course / "hub.lock").open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return file.read().strip() or "unknown"
    except OSError:
        pass  # none was ever started, or it is not ours to see
    return ""


def is_own(path: Path) -> bool:
    """Whether a file is of the one who starts the hub: theirs, root's, or theirs before `sudo`."""
    owner = path.stat().st_uid
    return owner in (os.geteuid(), 0) or str(owner) == os.environ.get("SUDO_UID")


def told(found: list[str]) -> str:
    """These problems in one text: one as a line, several as a list."""
    if len(found) == 1:
        return f"make hub: {found[0]}"
    return "\n  - ".join((f"make hub: {len(found)} things stand in the way:", *found))


def _of_the_system() -> Iterator[str]:
    if (system := platform.system()) != "Linux":
        yield f"a hub needs Linux, and this is {system}; the book alone: make book"


def _of_the_course(course: Path) -> Iterator[str]:
    place = _nearest(course)
    if course.exists():
        if not course.is_dir():
            yield f"{course} is no folder; the course's folder would be there: move it away"
        elif not is_own(course):
            yield f"{course} belongs to {_name_of(course)}; start the hub as they, or as root"
        elif course.stat().st_mode & 0o077:
            yield (
                f"{course}: others can read this folder, and it will hold submissions and keys; "
                f"run: chmod 700 {course}"
            )
    elif not os.access(place, os.W_OK | os.X_OK):
        yield (
            f"the course's folder, {course}, cannot be made: {place} is not yours to write in; "
            "choose another one: make hub INTROML_COURSE=DIR"
        )


def _of_the_port(address: Any, port: Any) -> Iterator[str]:
    address = address if isinstance(address, str) and address else "127.0.0.1"
    port = port if isinstance(port, int) and 0 <= port < 65536 else 8000
    if problem := _taken(address, port):
        near = itertools.chain(range(port + 1, min(port + 50, 65536)), (0,))
        free = next(one for one in near if not _taken(address, one))
        if port < 1024 and os.geteuid() != 0:
            free = 8000
        yield (
            f"{address} port {port} cannot be used ({problem}); choose another: make hub "
            f"PORT={free}"
        )


def _taken(address: str, port: int) -> str:
    """Why a port cannot be used; "" if it can."""
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as problem:
            return problem.strerror or str(problem)
    return ""


def _of_the_checkout(root: Path) -> Iterator[str]:
    """Without root, what an earlier `sudo make` has made there cannot be brought up to date."""
    places = [root, *(root / name for name in (".venv", "_build", "node_modules", "_build/html"))]
    others = [one for one in places if one.exists() and not os.access(one, os.W_OK)]
    if others:
        names = " ".join(str(one) for one in others)
        yield (
            f"{others[0]} belongs to {_name_of(others[0])}, and you may not write there; run: "
            f"sudo chown -R {_own_name()} {names}"
        )


def _of_the_homes(homes: Any, root: Path) -> Iterator[str]:
    places = _module("course/places")
    chosen = Path(homes) if isinstance(homes, str) and homes else places.default_homes(root)
    another = "/home/introml-students" if os.geteuid() == 0 else Path.home() / "introml-home"
    if places.overlap(chosen, root):
        yield (
            f"the homes of students would be in {chosen}, and the book's own folder is {root}: "
            "their files would lie among the labs' sources; name another folder in course.toml: "
            f'under [hub], homes = "{another}"'
        )


def _of_the_disk(root: Path) -> Iterator[str]:
    wanted = {root: 0}
    if not (root / ".venv/installed").exists():
        wanted[root] += _VENV
    if not (root / "_build/html/index.html").exists():
        wanted[root] += _BOOK
    if os.geteuid() == 0 and not Path("/opt/introml/env/introml-installed").exists():
        wanted[_nearest(Path("/opt/introml"))] = _STUDENTS
    disks: dict[int, tuple[Path, int]] = {}
    for place, size in wanted.items():
        first, before = disks.get(place.stat().st_dev, (place, 0))
        disks[place.stat().st_dev] = first, before + size
    for place, size in disks.values():
        free = shutil.disk_usage(place).free
        if free < size:
            yield (
                f"the disk of {place} has {free / 1e9:.1f} GB free, and what is installed and "
                f"built at the first start needs {size / 1e9:.1f} GB; make room there"
            )


def _of_the_sandbox(workers: Any) -> Iterator[str]:
    if workers == 0:  # they run elsewhere
        return
    flags = _MOUNT_PID_NET | (0 if os.geteuid() == 0 else _USER)
    made = [sys.executable, "-I", "-c", _NAMESPACES, str(flags)]
    by_bwrap = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    if not _works(made) and not _works(by_bwrap):
        yield (
            "what students hand in could not be graded: no sandbox can be made here; start the "
            "hub as root, or install bubblewrap (Debian or Ubuntu: apt install bubblewrap)"
        )


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _of_accounts() -> Iterator[str]:
    for command in ("useradd", "groupadd"):
        if shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            yield f"{command} is missing. Debian or Ubuntu: apt install passwd"


def _of_the_students_python(named: Any) -> Iterator[str]:
    if named or Path("/opt/introml/env/bin/python").exists():
        return
    interpreters = _module("servers/interpreters")
    try:
        interpreters.find_interpreter()
    except interpreters.NoPython as problem:
        yield str(problem)


def _of_secrets(settings: dict[str, Any], root: Path) -> Iterator[str]:
    """Folders with solutions that students could read, and that are another's to close.

    What else gives answers away is found by its content when all is installed (`secrets_audit`);
    the book's own tests do.
    """
    names = [settings.get("labs_folder") or str(root / "labs"), settings.get("hidden")]
    folders = [Path(one) for one in names if isinstance(one, str) and one]
    folders += [root / ".git", root / "tests"]
    others = [one for one in folders if _is_open(one) and not is_own(one)]
    if others:
        yield (
            "students, who have a shell here, could read hidden checks and solutions in a folder "
            f"of {_name_of(others[0])}'s; run: chmod o-rwx {' '.join(map(str, others))}"
        )


def _is_open(folder: Path) -> bool:
    """Whether any user of the machine can look into a folder, by its mode and those above it."""
    try:
        above = [one.stat().st_mode for one in folder.resolve().parents]
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IXOTH) and all(one & stat.S_IXOTH for one in above)


def _settings(course: Path) -> dict[str, Any]:
    """What `course.toml` says, as it stands there; nothing if there is none yet."""
    path = course / "course.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError:
        return {}  # whose folder it is, is said anyway
    except ValueError as problem:
        raise ValueError(f"{path} is not TOML: {problem}") from problem


def _table(settings: dict[str, Any], name: str) -> dict[str, Any]:
    table = settings.get(name)
    return table if isinstance(table, dict) else {}


def _nearest(path: Path) -> Path:
    """The folder itself, or the nearest one above that is there."""
    return next(one for one in (path, *path.parents) if one.exists())


def _name_of(path: Path) -> str:
    owner = path.stat().st_uid
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"user {owner}"


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _module(name: str) -> ModuleType:
    """A module of the hub that needs nothing installed, without the packages that it lies in."""
    path = Path(__file__).parents[1] / f"{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(arguments: Iterable[str] | None = None) -> int:
    """Say what stands in the way. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int)
    parser.add_argument("--address")
    parser.add_argument("--teacher")
    parser.add_argument("--config")
    options = parser.parse_args(None if arguments is None else list(arguments))
    course = _module("course/places").default_folder().absolute()
    if process := running(course):
        if options.teacher:  # she gets her link from the hub that runs
            return 0
        found = [
            f"a hub for {course} is running already (process {process}); stop that one first, "
            "or leave it running: a teacher's new link comes with make hub TEACHER=name"
        ]
    else:
        found = problems(course, port=options.port, address=options.address)
    if found:
        print(told(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
