"""The template: a warm process that has imported torch, knows nothing else, and forks boxes.

It runs apart from the checker, with a clean environment, in a file system of its own (see
`box.root`), and hears over one socket: each request is a line of JSON with the descriptors that
the new box is to have; the answer carries a pidfd of the box's first process. When the socket
closes, the template ends, and with it, as they live in its process namespace, all its boxes.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import site
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from introml.book.paths import ROOT
from introml.grader.box import cgroups, kernel, root
from introml.grader.box.inside import Plan, do_without_epoll, start
from introml.grader.box.limits import Limits
from introml.grader.box.pages import gather
from introml.grader.box.seccomp import Filter, box_filter

_LONGEST = 1 << 16
_MOST_DESCRIPTORS = 8


@dataclass(frozen=True)
class Setting:
    """What a template is told at its start."""

    place: str
    isolated: bool = True
    compiler: bool = False
    devices: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    group_parents: tuple[str, ...] = ()
    group_owner: str = ""


def main(fd: int) -> None:
    """Run the template's launcher: enter the outer namespaces, then fork the template proper."""
    sock = socket.socket(fileno=fd)
    setting = Setting(**json.loads(sock.recv(_LONGEST)))
    try:
        kind = _enter(setting)
    except OSError as error:
        _answer(sock, {"refused": str(error)})
        sys.exit(1)
    pid = os.fork()
    if pid == 0:
        try:
            kernel.die_with_parent()
            _TemplateProcess(sock, setting, kind).run()
        except BaseException as error:
            _answer(sock, {"error": f"{type(error).__name__}: {error}"})
        finally:
            os._exit(1)
    sock.close()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # All boxes are gone. If the checker is too, nobody else removes their groups.
    if setting.group_owner:
        cgroups.remove_owned(list(setting.group_parents), setting.group_owner)
    sys.exit(code & 0xFF)


def _enter(setting: Setting) -> str:
    """Enter what makes boxes possible; return whose rights it rests on: root, user or none."""
    if not setting.isolated:
        return "none"
    try:
        kernel.unshare(kernel.NEWPID)
    except PermissionError:
        user, group = os.getuid(), os.getgid()
        kernel.unshare(kernel.NEWUSER | kernel.NEWPID)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        return "user"
    return "root"


def _answer(sock: socket.socket, message: dict, fds: tuple[int, ...] = ()) -> None:
    with contextlib.suppress(OSError):
        socket.send_fds(sock, [json.dumps(message).encode()], list(fds))


def _forget_the_way_here() -> None:
    """Let a student's code import neither this package nor anything from where it lies."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "introml"]:
        del sys.modules[name]
    home = str(ROOT)
    packages = site.getsitepackages()
    sys.path[:] = [path for path in sys.path if path in packages or path != home]
    sys.path_importer_cache.clear()


class _TemplateProcess:
    """The process that forks boxes: pid 1 of its own process namespace, always one thread."""

    def __init__(self, sock: socket.socket, setting: Setting, kind: str) -> None:
        self.sock = sock
        self.setting = setting
        self.kind = kind
        #: The filters of boxes in which other programs may be started, and of those in which none.
        self.filters: dict[bool, Filter] = {}
        self.own_namespace: int | None = None
        #: pidfd of each living box's first process -> its pid and the descriptor of its reports
        self.boxes: dict[int, tuple[int, int]] = {}

    def run(self) -> NoReturn:
        """Import, build the root, report, and serve requests until the checker goes."""
        if self.kind != "none":
            self.own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
            gpu = bool(self.setting.devices)
            for programs in (True, False):
                self.filters[programs] = box_filter(
                    compiler=self.setting.compiler, gpu=gpu, programs=programs
                )
        serve, withdrawal = self._import()
        if self.kind != "none":
            kernel.unshare(kernel.NEWNS)
            root.build(self.setting.place, self.setting.compiler, self.setting.devices)
        threads = len(os.listdir("/proc/self/task"))
        if threads != 1:
            raise RuntimeError(f"the template has {threads} threads; a fork needs it to have one")
        _forget_the_way_here()
        gc.collect()
        gc.freeze()
        gather()
        _answer(self.sock, {"ready": self.kind})
        while True:
            poll = select.poll()
            for fd in (self.sock.fileno(), *self.boxes):
                poll.register(fd, select.POLLIN)
            for fd, _ in poll.poll():
                if fd in self.boxes:
                    self._bury(fd)
                elif not self._hear(serve, withdrawal):
                    os._exit(0)

    def _import(self) -> tuple[Callable[[int], NoReturn], Any]:
        """Make everything warm; return what a box runs, and what withdraws operators here."""
        import torch

        # Before any operation: a pool of threads, once started, does not survive a fork.
        torch.set_num_threads(1)
        for name in self.setting.preload:
            importlib.import_module(name)
        do_without_epoll()
        from introml.grader.wire import Withdrawal, student_process

        withdrawal = Withdrawal()
        return functools.partial(student_process.serve, withdrawal=withdrawal), withdrawal

    def _hear(self, serve: Callable[[int], NoReturn], withdrawal: Any) -> bool:
        """Answer one request of the checker's; false when the checker is gone."""
        data, fds, _, _ = socket.recv_fds(self.sock, _LONGEST, _MOST_DESCRIPTORS)
        if not data:
            return False
        request = json.loads(data)
        requests, status, output, *cgroup = fds
        # Once, here: each box inherits it, and gives back what it is not to withhold.
        withdrawal.withdraw(request["families"])
        programs = self.setting.compiler or not request["families"]
        plan = Plan(
            limits=Limits(**request["limits"]),
            uid=request["uid"] if self.kind == "root" else os.getuid(),
            gid=request["uid"] if self.kind == "root" else os.getgid(),
            requests=requests,
            status=status,
            output=output,
            cgroup=tuple(cgroup),
            isolated=self.kind != "none",
            filter=self.filters.get(programs),
            cuda=bool(self.setting.devices),
            compiler=self.setting.compiler,
        )
        try:
            pid = start(plan, serve, self.own_namespace)
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            _answer(self.sock, {"error": str(error)})
            for fd in fds:
                os.close(fd)
            return True
        _answer(self.sock, {"started": True}, (pidfd,))
        self.boxes[pidfd] = (pid, status)
        for fd in (requests, output, *cgroup):
            os.close(fd)
        return True

    def _bury(self, pidfd: int) -> None:
        """Reap a box's first process and report how it ended."""
        pid, status = self.boxes.pop(pidfd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(OSError):
            os.write(status, json.dumps({"over": code}).encode() + b"\n")
        os.close(status)
        os.close(pidfd)


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
