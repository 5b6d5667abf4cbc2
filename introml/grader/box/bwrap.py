"""The cold way into a box, by bubblewrap: for where only that may make namespaces.

The checker starts a keeper, which starts `bwrap`, in which Python starts afresh and imports torch:
seconds a box instead of milliseconds. The keeper holds the wall clock; when it is killed, all of
the box ends. Memory is limited for each process alone.
"""

import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from introml.book.paths import PACKAGE
from introml.grader.box import kernel
from introml.grader.box.inside import arrange_descriptors, do_without_epoll
from introml.grader.box.limits import Limits, set_rlimits
from introml.grader.box.root import (
    DEVICES,
    GROUP,
    OWN_FOLDERS,
    PASSWD,
    folders,
    interpreter_links,
    system_links,
)
from introml.grader.box.seccomp import box_filter

_CODE = "/run/code"
_NEEDED = {
    ".": ("__init__",),
    "book": ("__init__", "paths"),
    "grader": ("__init__", "families"),
    # All of this room: nothing in it knows of checks.
    "grader/wire": tuple(sorted(path.stem for path in (PACKAGE / "grader/wire").glob("*.py"))),
    "grader/box": (
        "__init__",
        "kernel",
        "limits",
        "calls",
        "seccomp",
        "inside",
        "root",
        "bwrap",
    ),
}


def available() -> bool:
    """Whether there is a bwrap that works here."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    trial = [program, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    pid = os.posix_spawn(
        program,
        trial,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)],
    )
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def command(task: dict, compiler: bool, environment: dict[str, str]) -> list[str]:
    """Return the command that runs `cold` in a box made by bwrap."""
    limits = Limits(**task["limits"])
    size = str(limits.tmp_mb << 20)
    line = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    line += ["--uid", "1000", "--gid", "1000", "--hostname", "box", "--cap-drop", "ALL"]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    shown = folders(compiler)
    links, interpreter = interpreter_links()
    files = [interpreter, "/etc/ld.so.cache", f"{sys.prefix}/pyvenv.cfg"]
    # No devices and no /proc of bwrap's own: terminals are counted over the whole machine, and a
    # true /proc tells what others do.
    for device in DEVICES:
        line += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    for folder in OWN_FOLDERS:
        line += ["--size", size, "--tmpfs", folder]
    ways = _ways([*map(str, shown), *files, *(link for link, _ in links)])
    for way in ways:
        line += ["--size", str(1 << 20), "--tmpfs", way]
    for path in shown:
        line += ["--ro-bind", str(path), str(path)]
        masked = path / "introml"
        for package in [masked] if masked.is_dir() else path.glob("site-packages/introml"):
            line += ["--tmpfs", str(package), "--remount-ro", str(package)]
    for link, target in [*links, *system_links()]:
        line += ["--symlink", target, link]
    for file in files:
        if os.path.exists(file):
            line += ["--ro-bind", file, file]
    for folder, names in _NEEDED.items():
        for name in names:
            for file in (f"{folder}/{name}.py", f"{folder}/{name}.pyi"):
                if (PACKAGE / file).exists():
                    line += ["--ro-bind", str(PACKAGE / file), f"{_CODE}/introml/{file}"]
    written = {
        "/proc/cpuinfo": Path("/proc/cpuinfo").read_text(),
        "/etc/passwd": PASSWD,
        "/etc/group": GROUP,
    }
    for place, text in written.items():
        line += ["--ro-bind-data", str(_readable(text.encode())), place]
    # Given to bwrap, it also binds the box's first process, which is the student's user too.
    line += ["--seccomp", str(_readable(box_filter(compiler=compiler, cold=True).code))]
    for place in ("/", *ways):
        line += ["--remount-ro", place]
    line += ["--chdir", "/tmp"]
    code = (
        f"import sys; sys.path.insert(0, {_CODE!r}); "
        f"from introml.grader.box.bwrap import cold; cold({json.dumps(task)!r})"
    )
    return [*line, sys.executable, "-s", "-P", "-c", code]


def _ways(paths: list[str]) -> list[str]:
    """Return the folders just below a box's own folders through which one of `paths` is reached."""
    found = {
        f"{own}/{path.removeprefix(own + '/').partition('/')[0]}"
        for own in OWN_FOLDERS
        for path in paths
        if path.startswith(own + "/")
    }
    return sorted(way for way in found if way not in paths)


def _readable(data: bytes) -> int:
    """An inherited descriptor from which a few bytes can be read."""
    file = os.memfd_create("bwrap")
    os.write(file, data)
    os.lseek(file, 0, os.SEEK_SET)
    os.set_inheritable(file, True)
    return file


def keep(text: str) -> None:
    """Run the keeper: start bwrap, end it when the time is over, say how it ended."""
    task = json.loads(text)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    deadline = time.monotonic() + task["limits"]["wall_s"]
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        kernel.die_with_parent()
        line = command(task, task["compiler"], task["environment"])
        for fd in (task["requests"], task["status"], task["output"]):
            os.set_inheritable(fd, True)
        os.execvp(line[0], line)
    for fd in (task["requests"], task["output"]):
        os.close(fd)
    word: dict = {"time": task["limits"]["wall_s"]}
    while (left := deadline - time.monotonic()) > 0:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            # bwrap passes a signal on as 128 and its number.
            number = -code if code < 0 else code - 128
            word = {"signal": number} if number > 0 else {"exit": code}
            break
        signal.sigtimedwait({signal.SIGCHLD}, left)
    os.write(task["status"], json.dumps(word).encode() + b"\n")
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os._exit(0)


def cold(text: str) -> None:
    """Become the student's process, in a box that bwrap has made."""
    import torch

    from introml.grader.wire import serve

    task = json.loads(text)
    torch.set_num_threads(1)
    for name in task["preload"]:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "introml"]:
        del sys.modules[name]
    sys.path.remove(_CODE)
    do_without_epoll()
    set_rlimits(Limits(**task["limits"]), address_space=True)
    requests = arrange_descriptors(task["requests"], task["output"])
    os.umask(0o077)
    serve(requests)
