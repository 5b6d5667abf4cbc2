"""What starts a student's server, run as the student: labs and pages first, then JupyterLab.

Labs come into `labs/`, the book's pages into `book/`. What a student has changed is never written
over: a newer release of it arrives beside it. What a student has deleted stays away, until they
fetch it (`introml fetch`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import shlex
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from introml.grader import atomic
from introml.hub.servers.quick import without_unused

_STATE = ".introml/given.json"
_LARGEST = 50_000_000
_MOST_BESIDE = 9


def main(arguments: list[str]) -> None:
    """Bring labs and pages into the home, and become the server. Returns never."""
    home = Path.cwd()
    without_unused()
    if shared := os.environ.get(SHARED):
        for line in bring(home, Path(shared)):
            print(line, file=sys.stderr)
    os.environ[HOME] = str(home)  # for what is typed in a terminal, wherever that is
    given = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [str(QUIET), given]))
    command = [sys.executable, "-P", "-m", "introml.hub.servers.bound_server"]
    command.append("jupyterhub.singleuser")
    command += [*LEAN, *terminal(os.environ, Path(sys.executable).parent), *arguments]
    os.execv(sys.executable, command)


#: The environment variables that name the folder in which a student has `labs/` and `book/`, and
#: the one in which all of it is as it was given.
HOME, SHARED = "INTROML_HOME", "INTROML_SHARED"

#: What this course has no use for, and what asks hosts on the internet. What a kernel shows goes
#: over a port that each user of the machine can listen at: encrypted, it is the student's alone.
LEAN = [
    "--KernelManager.transport_encryption=auto",
    "--ServerApp.jpserver_extensions=jupyter_lsp=False",
    "--ServerApp.jpserver_extensions=jupyterlab_jupytext=False",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
]
#: In it, what asks a student at the first start whether to fetch news is switched off.
QUIET = Path(__file__).with_name("jupyter")
#: Shells that read `exec` and `"$PATH"` alike.
_SHELLS = {"sh", "ash", "bash", "dash", "ksh", "zsh"}


def terminal(environment: Mapping[str, str], programs: Path) -> list[str]:
    """What has JupyterLab's terminals find the course's programs, `introml` and `python` first.

    Jupyter starts a login shell, in which /etc/profile sets the path anew. So the login comes
    first, then the path, then the shell in which the student types.
    """
    shell = environment.get("SHELL", "")
    with contextlib.suppress(KeyError):  # a container may run as a user of no name
        shell = shell or pwd.getpwuid(os.getuid()).pw_shell
    if Path(shell).name not in _SHELLS:
        return []
    then = f'exec /usr/bin/env PATH={shlex.quote(str(programs))}:"$PATH" {shlex.quote(shell)}'
    command = shlex.join([shell, "-l", "-c", then])
    return [f"--ServerApp.terminado_settings=shell_command={command}"]


def bring(home: Path, shared: Path) -> Iterator[str]:
    """Put what is shared into a home; says in a line each what is not as someone may expect.

    Nothing that fails here keeps a server from starting.
    """
    state = _read_state(home / _STATE)
    pages: dict[str, bytes] = {}
    for source, target, strict in given(shared):
        try:
            content = source.read_bytes()
            if line := _bring_one(home, target, content, state, strict=strict):
                yield line
            if not strict and state.get(f"{target} trusted") != _exact(content):
                pages[str(target)] = content
        except OSError as problem:
            yield f"{target}: {problem.strerror or problem}"
    try:
        if pages:
            trust(list(pages.values()))
        state |= {f"{place} trusted": _exact(content) for place, content in pages.items()}
    except Exception as problem:
        yield f"the pages' figures appear only when they are run: {problem}"
    try:
        folder = folder_in(home, Path(_STATE).parent)
        atomic.write(folder / Path(_STATE).name, json.dumps(state, indent=0))
    except OSError as problem:
        yield f"{_STATE}: {problem.strerror or problem}"


def trust(pages: list[bytes]) -> None:
    """Have JupyterLab show the outputs that these notebooks came with: figures, widgets.

    Of a notebook that this person has neither run nor signed it shows text alone. Raises what
    nbformat does where something is no notebook, or signatures cannot be kept.
    """
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    for content in pages:
        notary.sign(nbformat.reads(content.decode(), as_version=4))


def given(shared: Path) -> Iterator[tuple[Path, Path, bool]]:
    """Of all that is given: source, place in the home, and whether each byte is a student's work.

    Of a page of the book, only its cells are.
    """
    for name, place, strict in (("releases", "labs", True), ("book", "book", False)):
        for source in sorted((shared / name).rglob("*")):
            if source.is_file() and not source.name.startswith("."):
                yield source, Path(place) / source.relative_to(shared / name), strict


def _bring_one(
    home: Path, target: Path, content: bytes, state: dict[str, str], *, strict: bool
) -> str:
    """Bring one file. `state` remembers of each path what was given there last."""
    print_of = _exact if strict else _of_sources
    new, key = print_of(content), str(target)
    place = folder_in(home, target.parent) / target.name
    found = read(place)
    if found is None:
        if key in state:
            return ""  # it was deleted
        atomic.write(place, content)
        state[key] = new
        return ""
    mine = print_of(found)
    if mine == new or mine == state.get(key):
        if found != content and (mine != new or _exact(found) == state.get(f"{key} exactly")):
            atomic.write(place, content)
        state[key] = new
        state[f"{key} exactly"] = _exact(content)
        return ""
    if state.get(f"{key} beside") == new or state.get(key) == new:
        return ""  # this release was given before, and the student's own goes on
    beside = _beside(place)
    atomic.write(beside, content)
    # Older than the student's own, which stays the one that checks take for the lab's notebook.
    told = place.stat()
    os.utime(beside, (told.st_atime, told.st_mtime - 1))
    state[f"{key} beside"] = new
    return f"{target} was changed here, so its new release is beside it: {beside.name}"


def _beside(place: Path) -> Path:
    for number in range(1, _MOST_BESIDE + 1):
        more = f"-{number}" if number > 1 else ""
        beside = place.with_name(f"{place.stem}-new{more}{place.suffix}")
        if not os.path.lexists(beside):
            return beside
    raise FileExistsError(17, f"there are {_MOST_BESIDE} new releases beside it; delete some")


def folder_in(home: Path, parts: Path) -> Path:
    """A folder in the home, made if it is missing. A link in its way is not followed."""
    folder = home
    for part in parts.parts:
        folder = folder / part
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise NotADirectoryError(20, f"{folder} is no folder, so nothing was put into it")
    return folder


def read(path: Path) -> bytes | None:
    """The bytes of a student's file; None if there is nothing of that name. Raises `OSError`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        told = os.fstat(descriptor)
        if not stat.S_ISREG(told.st_mode):
            raise FileExistsError(17, "something that is no file has its place")
        if told.st_size > _LARGEST:
            return b""  # whatever it is, it was changed
        return file.read()


def _exact(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _of_sources(content: bytes) -> str:
    """A fingerprint of a notebook's cells without outputs: to run a page is not to change it."""
    try:
        cells = json.loads(content)["cells"]
        told = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _exact(content)
    return _exact(json.dumps(told).encode())


def _read_state(path: Path) -> dict[str, str]:
    try:
        state: Any = json.loads(read(path) or b"{}")
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(state, dict):
        return {}
    return {key: value for key, value in state.items() if isinstance(value, str)}


if __name__ == "__main__":
    main(sys.argv[1:])
