"""The processes of one box: the first one, which is trusted and watches, and the student's.

The template calls `start`. The first process is pid 1 of the box: it never runs a student's code,
nobody in the box can kill, trace or limit it, and when it ends, the kernel ends all the rest.
"""

import contextlib
import json
import os
import select
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from introml.grader.box import kernel, root
from introml.grader.box.limits import Limits, MemoryWatch, set_rlimits, tmpfs_options
from introml.grader.box.seccomp import Filter

_STUDENT = 1000
_REQUESTS = 3
_LOOK_S = 0.1


@dataclass(frozen=True)
class Plan:
    """What one box gets: its limits, user, descriptors, and which protections can be had."""

    limits: Limits
    uid: int
    gid: int
    requests: int
    status: int
    output: int
    cgroup: tuple[int, ...]
    isolated: bool
    filter: Filter | None
    cuda: bool = False
    compiler: bool = False


def start(plan: Plan, serve: Callable[[int], None], own_pid_namespace: int | None) -> int:
    """Fork the first process of a box, which starts the student's; return its pid.

    The student's process calls `serve` with the descriptor of its request socket.
    """
    if plan.isolated:
        assert own_pid_namespace is not None, "an isolated template has opened its own namespace"
        # Back to the template's own namespace first: a process makes only children of its own.
        kernel.setns(own_pid_namespace, kernel.NEWPID)
        kernel.unshare(kernel.NEWPID)
    pid = os.fork()
    if pid == 0:
        _guard(plan, lambda: _first(plan, serve))
    return pid


def _guard(plan: Plan, run: Callable[[], None]) -> NoReturn:
    """Run a process of the box and end it, whatever happens, without going back to its caller."""
    try:
        run()
    except BaseException as error:
        _say(plan, {"setup": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(70)


def _say(plan: Plan, message: dict) -> None:
    with contextlib.suppress(OSError):
        os.write(plan.status, json.dumps(message).encode() + b"\n")


def _first(plan: Plan, serve: Callable[[int], None]) -> None:
    began = time.monotonic()
    os.setsid()
    kernel.die_with_parent()
    # A handler would let the box's processes reach pid 1 with a signal.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    kernel.set_undumpable()
    proc = _enter_namespaces(plan) if plan.isolated else -1
    memory = MemoryWatch(proc) if plan.isolated and not plan.cgroup else None
    here, there = os.pipe(), os.pipe()
    worker = os.fork()
    if worker == 0:
        _guard(plan, lambda: _worker(plan, serve, proc, there[0], here[1]))
    for fd in (*plan.cgroup, plan.requests, plan.output, here[1], there[0]):
        os.close(fd)
    if plan.isolated:
        os.read(here[0], 1)
        _map_user(worker, plan, proc)
        os.write(there[1], b"m")
        os.read(here[0], 1)
        if plan.cuda:
            kernel.set_attributes("/proc", kernel.ATTR_RDONLY)
        os.write(there[1], b"g")
        kernel.drop_capabilities()
        kernel.no_new_privileges()
    _watch(plan, worker, began + plan.limits.wall_s, memory)


def _enter_namespaces(plan: Plan) -> int:
    """Enter the box's own namespaces; return a descriptor of its true /proc.

    Nobody has another way to it, unless a GPU's driver must: a name leads to the still one.
    """
    kernel.unshare(kernel.NEWNS | kernel.NEWUTS | kernel.NEWIPC | kernel.NEWNET | kernel.NEWCGROUP)
    closed = kernel.MS_NOSUID | kernel.MS_NODEV
    root.renew_own_folders(tmpfs_options(plan.limits, "1777"), plan.compiler)
    kernel.mount("proc", "/proc", "proc", closed | kernel.MS_NOEXEC, "hidepid=2")
    kernel.set_host_name("box")
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if not plan.cuda:
        kernel.bind(root.STILL_PROC, "/proc")
    return proc


def _write(proc: int, name: str, text: str) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _map_user(worker: int, plan: Plan, proc: int) -> None:
    """Give the student's process one user of its own, that has no rights outside the box."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_STUDENT} {plan.uid} 1"),
        ("gid_map", f"{_STUDENT} {plan.gid} 1"),
    ):
        _write(proc, f"{worker}/{name}", text)


def _watch(plan: Plan, worker: int, deadline: float, memory: MemoryWatch | None) -> None:
    """Reap what ends, until the student's process has or the time is over; then say how."""
    while True:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                pid = 0
            if pid == worker:
                code = os.waitstatus_to_exitcode(status)
                how = {"signal": -code} if code < 0 else {"exit": code}
                _say(plan, {**how, "cpu_s": usage.ru_utime + usage.ru_stime})
                os._exit(0)
            if pid == 0:
                break
        left = deadline - time.monotonic()
        if left <= 0:
            _say(plan, {"time": plan.limits.wall_s})
            os._exit(0)
        if memory and memory.over(plan.limits.memory_mb << 20):
            _say(plan, {"memory": plan.limits.memory_mb})
            os._exit(0)
        signal.sigtimedwait({signal.SIGCHLD}, min(left, _LOOK_S) if memory else left)


def _worker(plan: Plan, serve: Callable[[int], None], proc: int, told: int, tell: int) -> None:
    for fd in plan.cgroup:
        os.write(fd, b"0")
    if plan.isolated:
        _become_student(plan, proc, told, tell)
    else:
        set_rlimits(plan.limits, address_space=not plan.cuda)
    kernel.die_with_parent()  # again: the change of user cleared it
    requests = arrange_descriptors(plan.requests, plan.output)
    kernel.no_new_privileges()
    if plan.filter:
        plan.filter.apply()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.umask(0o077)
    with contextlib.suppress(OSError):
        os.chdir("/tmp")
    try:
        serve(requests)
    finally:
        os._exit(0)


def _become_student(plan: Plan, proc: int, told: int, tell: int) -> None:
    if os.getuid() == 0:
        os.setgroups([])
    # Its parent must be able to write the map, which an undumpable process does not allow.
    kernel.set_dumpable()
    kernel.unshare(kernel.NEWUSER)
    # Not before: limits of whoever makes a user namespace bound that user's processes in all of
    # these together, and then one box of an ordinary user could use up what another may have.
    set_rlimits(plan.limits, address_space=not plan.cuda, proc=proc)
    os.write(tell, b"u")
    os.read(told, 1)
    os.setresgid(_STUDENT, _STUDENT, _STUDENT)
    os.setresuid(_STUDENT, _STUDENT, _STUDENT)
    _write(proc, "sys/user/max_user_namespaces", "0")
    kernel.set_dumpable()
    # When memory is short, the student's processes go first.
    _write(proc, "self/oom_score_adj", "1000")
    os.write(tell, b"d")
    os.read(told, 1)
    kernel.drop_capabilities()


def do_without_epoll() -> None:
    """Have Python wait with poll: epoll takes memory of the kernel, which no limit counts."""
    vars(selectors)["DefaultSelector"] = selectors.PollSelector
    for name in [name for name in vars(select) if name.lower().startswith("epoll")]:
        delattr(select, name)


def arrange_descriptors(requests: int, output: int) -> int:
    """Leave 0 to 2 and the request socket, close all others; return the socket's new number."""
    null = os.open("/dev/null", os.O_RDWR)
    # The copies come before any is moved, and the highest number last: none is overwritten.
    moved = [os.dup(fd) for fd in (null, output, output, requests)]
    for target, fd in enumerate(moved):
        os.dup2(fd, target, inheritable=target < _REQUESTS)
    kernel.close_from(_REQUESTS + 1)
    return _REQUESTS
