"""The Python that students' servers run: one that other users can read, without any lab's secrets.

Under root's home nobody else can run a Python, and the course's own `.venv` reaches the folder in
which hidden checks and solutions lie. So root makes a second environment, with `introml` as a
built package, which holds neither.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

from introml.book.paths import ROOT
from introml.hub.servers.clone_packages import copy_packages
from introml.hub.servers.interpreters import (
    NoPython,
    find_interpreter,
    others_can_run,
    said_by,
)

FOLDER = Path("/opt/introml/env")
#: What is installed, in this order: the locks, whose hashes pip checks, and torch, which has none.
_INSTALLS = (("requirements.txt", "requirements-hub.txt"), ("requirements-torch.txt",))
_PAGE_CONFIG = '{"disabledExtensions": {"@jupyterlab/debugger-extension": true}}\n'
#: What a compiled package is made for.
_KIND = "import sysconfig; print(sysconfig.get_config_var('SOABI'), sysconfig.get_platform())"


def make_ready(folder: Path, say: Callable[[str], None]) -> Path:
    """An environment for students in `folder`, brought up to date; its Python. Raises `NoPython`.

    Nothing is done where nothing has changed since the last time.
    """
    if not folder.parent.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(0o755)
    # Two courses on one machine share it, and may start at the same time.
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _made_ready(folder, say)


def _made_ready(folder: Path, say: Callable[[str], None]) -> Path:
    python = folder / "bin" / "python"
    is_whole = False
    if not python.exists():
        interpreter = find_interpreter()
        say(f"making the students' Python in {folder} with {interpreter}")
        _run([interpreter, "-m", "venv", str(folder)], "making it")
        if said_by(python, _KIND) == said_by(Path(sys.executable), _KIND) != "":
            say("copying the course's packages to it")
            pins = set(_requirements())
            is_whole = pins == copy_packages(pins, folder)
    installed = folder / "introml-installed"
    if _read(installed) != (wanted := _hash_of_requirements()):
        if not is_whole:
            say("installing the students' packages (torch is the large one; some minutes at first)")
            for names in _INSTALLS:
                files = [part for name in names for part in ("-r", str(ROOT / name))]
                _run(_pip(python, "install", "-q", *files), f"installing {' and '.join(names)}")
        installed.write_text(wanted, encoding="ascii")
    built = folder / "introml-built"
    if _read(built) != (wanted := _hash_of_package()):
        say("installing introml for the students")
        with tempfile.TemporaryDirectory() as temporary:
            wheel = build_wheel(Path(temporary))
            _run(
                _pip(python, "install", "-q", "--no-deps", "--force-reinstall", str(wheel)),
                "installing introml",
            )
        built.write_text(wanted, encoding="ascii")
    for one in (installed, built, _without_debugger(folder)):
        one.chmod(0o644)
    if not others_can_run(str(python)):
        raise NoPython(f"{python} cannot be run by other users; see who can read {folder}")
    return python


def _without_debugger(folder: Path) -> Path:
    """Leave JupyterLab's debugger out; the file that says so.

    Once it was used, debugpy listens at a port without asking who comes: any user of the machine
    could run code as the student.
    """
    path = folder / "etc/jupyter/labconfig/page_config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(_PAGE_CONFIG, encoding="ascii")
    return path


def build_wheel(folder: Path) -> Path:
    """The package `introml`, built into a folder. Raises `NoPython`."""
    command = _pip(
        Path(sys.executable), "wheel", "-q", "--no-deps", "--no-build-isolation", "-w",
        str(folder), str(ROOT),
    )  # fmt: skip
    _run(command, "building introml")
    (wheel,) = folder.glob("introml-*.whl")
    return wheel


def _pip(python: Path, *arguments: str) -> list[str]:
    return [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]


def _run(command: list[str], what: str) -> None:
    # What students run must be readable to them, whatever the umask here.
    done = subprocess.run(command, umask=0o022, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise NoPython(f"{what} failed: {' '.join(command)}\n{end}")


def _requirements() -> list[str]:
    """The pins that hold for this Python, without their hashes."""
    lines = [line for path in _files() for line in path.read_text(encoding="utf-8").splitlines()]
    pins = [line.rstrip("\\ ") for line in lines if re.match(r"\w", line)]
    here = [(Requirement(pin), pin) for pin in pins]
    return [pin for one, pin in here if one.marker is None or one.marker.evaluate()]


def _hash_of_requirements() -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in _files())).hexdigest()


def _files() -> list[Path]:
    return [ROOT / name for names in _INSTALLS for name in names]


def _hash_of_package() -> str:
    """Changes when a file of the package, or one that is built into it, does."""
    told = [
        f"{path} {one.st_size} {one.st_mtime_ns}"
        for path in _package_files()
        if (one := path.stat())
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _package_files() -> Iterator[Path]:
    yield ROOT / "pyproject.toml"
    for top in ("introml", "assets/data", "assets/facts", "assets/recordings"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii") if path.exists() else ""
