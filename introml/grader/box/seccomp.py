"""The filter of system calls in a box: what Python and its packages need passes, nothing else.

A classic BPF program, written here number by number so that nothing needs to be installed. It
looks for a call's number in a search tree, so that a call costs some ten instructions at most; a
program of another architecture is killed. `calls` has the numbers, this module the arguments.

Two kinds of call are refused although programs use them. Some carry words between boxes that see
the same read-only files: locks, leases and hints lie on the file, and one may wait for another
through a futex on a page of it. Some take memory of the kernel that no limit counts.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from introml.grader.box import calls

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL = 0x80000000
_LOAD = 0x20  # A = word at offset k of the call's description
_JUMP = 0x05  # k instructions on
_EQUAL = 0x15  # if A == k
_ATLEAST = 0x35  # if A >= k
_ANYBIT = 0x45  # if A & k
_RETURN = 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # where they stand in a call's description
_FARTHEST = 255  # how far a condition can jump
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}: a process in a new namespace of any kind.
_NEW_NAMESPACES = 0x00020000 | 0x7E000000
_AF_UNIX = 1
_SOCK_STREAM, _SOCK_SEQPACKET = 1, 5
_SOCK_FLAGS = (0, 0x800, 0x80000, 0x80800)  # SOCK_NONBLOCK, SOCK_CLOEXEC
_SOL_SOCKET = 1
# SO_REUSEADDR (which has no effect) and timeouts; a larger buffer would be the kernel's memory.
_SOCKET_OPTIONS = (2, 20, 21, 66, 67)
_MSG_OOB = 1
# FIOCLEX, FIONCLEX, FIONBIO, FIONREAD, and what asks whether it is a terminal.
_IOCTLS = (0x5450, 0x5451, 0x5421, 0x541B, 0x5401, 0x5413, 0x802C542A)
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ.
_FCNTLS = (0, 1, 2, 3, 4, 1030, 1032)
_LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW and those of open files
# PR_{SET,GET}_PDEATHSIG, GET_DUMPABLE, {SET,GET}_NAME, GET_SECCOMP, CAPBSET_READ, GET_TIMERSLACK,
# {SET,GET}_NO_NEW_PRIVS, SVE_GET_VL, SME_GET_VL. Not SET_DUMPABLE: who watches could not look.
_PRCTLS = (1, 2, 3, 15, 16, 21, 23, 30, 38, 39, 51, 64)
# ARCH_{SET,GET}_{GS,FS}, ARCH_GET_XCOMP_SUPP, ARCH_{GET,REQ}_XCOMP_PERM (matrix units).
_ARCH_PRCTLS = (0x1001, 0x1002, 0x1003, 0x1004, 0x1021, 0x1022, 0x1023)
# NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED, FREE, DONTFORK, DOFORK, HUGEPAGE, NOHUGEPAGE,
# DONTDUMP, DODUMP, WIPEONFORK, KEEPONFORK, POPULATE_{READ,WRITE}, GUARD_{INSTALL,REMOVE}.
# Not COLD, PAGEOUT, COLLAPSE, MERGEABLE: they change pages that others see.
_ADVICE = (0, 1, 2, 3, 4, 8, 10, 11, 14, 15, 16, 17, 18, 19, 22, 23, 102, 103)
_MAP_LOCKED_OR_HUGE = 0x2000 | 0x40000
_PRIVATE, _CLOCK = 128, 256  # FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME
_WAIT, _WAKE, _WAIT_BITSET, _WAKE_BITSET = 0, 1, 9, 10
# With FUTEX_REQUEUE, CMP_REQUEUE and WAKE_OP, between the threads of one process.
_FUTEXES = tuple(_PRIVATE | operation for operation in (0, 1, 3, 4, 5, 9, 10, 256, 265))
_SHARED_WAITS = (_WAIT, _WAIT_BITSET, _CLOCK | _WAIT, _CLOCK | _WAIT_BITSET)

#: Instructions: operation, jump if true, jump if false, k.
_Program = list[tuple[int, int, int, int]]


@dataclass(frozen=True)
class Filter:
    """A finished program, ready to be applied after a fork."""

    code: bytes

    def apply(self) -> None:
        """Filter this process and all it starts, for good; needs no_new_privs."""
        buffer = ctypes.create_string_buffer(self.code, len(self.code))
        program = struct.pack("HxxxxxxQ", len(self.code) // 8, ctypes.addressof(buffer))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(22, 2, program, 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
            number = ctypes.get_errno()
            raise OSError(number, f"seccomp: {os.strerror(number)}")


def box_filter(
    machine: str | None = None,
    *,
    compiler: bool = False,
    gpu: bool = False,
    cold: bool = False,
    programs: bool = True,
) -> Filter:
    """Return the box's filter for this machine, or for "x86_64" or "aarch64".

    With `compiler`, locks are granted without being taken: caches of compiled code ask for them,
    and lie in a folder of one box's own. With `gpu`, what a GPU's driver needs passes too. With
    `cold`, no file's times are set, as bwrap can mount no device read-only: others would see them.
    Without `programs`, no other program is started: a fresh Python would have what is withheld.
    """
    machine = machine or os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(f"the box knows x86_64 and aarch64, not {machine}")
    answers = {number: _fail(code) for number, code in calls.refused(machine).values()}
    answers |= dict.fromkeys(calls.allowed(machine, gpu).values(), _ALLOWED)
    if cold:
        answers |= dict.fromkeys(calls.times(machine).values(), _fail(0))
    if not programs:
        answers[calls.allowed(machine)["execve"]] = _fail(errno.EPERM)
    blocks = _by_arguments(compiler, gpu)
    answers |= {number: blocks[name] for name, number in calls.by_arguments(machine).items()}
    program = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_tree(_ranges(answers, _fail(errno.ENOSYS))),
    ]
    return Filter(b"".join(struct.pack("<HBBI", *line) for line in program))


_ALLOWED: _Program = [(_RETURN, 0, 0, _ALLOW)]


def _fail(code: int) -> _Program:
    """Return an errno; 0 makes the call succeed without being done."""
    return [(_RETURN, 0, 0, _ERRNO | code)]


def _one_of(
    argument: float, values: Sequence[int], then: _Program, otherwise: _Program
) -> _Program:
    """Choose by the low word of an argument, or by the high one of, say, 3.5.

    Of most arguments the kernel reads no more than the low word itself.
    """
    tests = [
        (_EQUAL, len(values) - 1 - i + len(otherwise), 0, value) for i, value in enumerate(values)
    ]
    return [_load(argument), *tests, *otherwise, *then]


def _any_bit(argument: int, bits: int, then: _Program, otherwise: _Program) -> _Program:
    return [_load(argument), (_ANYBIT, len(otherwise), 0, bits), *otherwise, *then]


def _load(argument: float) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, _ARGUMENTS + int(8 * argument))


def _by_arguments(compiler: bool, gpu: bool) -> Mapping[str, _Program]:
    """What is done with each call of which some pass."""
    lock = _fail(0 if compiler else errno.ENOLCK)
    kinds = (_SOCK_STREAM, _SOCK_SEQPACKET) if gpu else (_SOCK_STREAM,)
    types = [kind | flags for kind in kinds for flags in _SOCK_FLAGS]
    sockets = _one_of(
        0,
        [_AF_UNIX],
        _one_of(1, types, _ALLOWED, _fail(errno.ESOCKTNOSUPPORT)),
        _fail(errno.EAFNOSUPPORT),
    )
    fcntls = _one_of(1, _FCNTLS, _ALLOWED, _one_of(1, _LOCKS, lock, _fail(errno.EINVAL)))
    return {
        "clone": _any_bit(0, _NEW_NAMESPACES, _fail(errno.EPERM), _ALLOWED),
        # Limits and niceness of another process with the same user, such as the box's first.
        "prlimit64": _one_of(0, [0], _ALLOWED, _fail(errno.EPERM)),
        "setpriority": _one_of(
            0, [0], _one_of(1, [0], _ALLOWED, _fail(errno.EPERM)), _fail(errno.EPERM)
        ),
        "socket": sockets,
        "socketpair": sockets,
        "setsockopt": _one_of(
            1,
            [_SOL_SOCKET],
            _one_of(2, _SOCKET_OPTIONS, _ALLOWED, _fail(errno.ENOPROTOOPT)),
            _fail(errno.ENOPROTOOPT),
        ),
        "sendto": _any_bit(3, _MSG_OOB, _fail(errno.EOPNOTSUPP), _ALLOWED),
        "sendmsg": _any_bit(2, _MSG_OOB, _fail(errno.EOPNOTSUPP), _ALLOWED),
        "ioctl": _ALLOWED if gpu else _one_of(1, _IOCTLS, _ALLOWED, _fail(errno.ENOTTY)),
        "fcntl": fcntls,
        "flock": lock,
        "fadvise64": _fail(0),  # advice, not taken: it would put a shared file out of memory
        "prctl": _one_of(0, _PRCTLS, _ALLOWED, _fail(errno.EINVAL)),
        "arch_prctl": _one_of(0, _ARCH_PRCTLS, _ALLOWED, _fail(errno.EINVAL)),
        "madvise": _one_of(2, _ADVICE, _ALLOWED, _fail(errno.EINVAL)),
        "mmap": _any_bit(3, _MAP_LOCKED_OR_HUGE, _fail(errno.ENOMEM), _ALLOWED),
        "futex": _futex(),
    }


def _futex() -> _Program:
    """Threads of one process may wait for each other; on memory that others see, nobody sleeps.

    libc asks again: semaphores between processes, and who waits for the end of a thread, poll.
    A wait with a time limit, which libc would not ask about again, is over at once.
    """
    with_limit = _fail(errno.ETIMEDOUT)
    no_limit = _one_of(3.5, [0], _fail(errno.EAGAIN), with_limit)
    shared = _one_of(3, [0], no_limit, with_limit)
    others = _one_of(1, (_WAKE, _WAKE_BITSET), _fail(0), _fail(errno.ENOSYS))
    return _one_of(1, _FUTEXES, _ALLOWED, _one_of(1, _SHARED_WAITS, shared, others))


def _ranges(answers: Mapping[int, _Program], default: _Program) -> list[tuple[int, _Program]]:
    """Where each answer begins, over all numbers: neighbours with the same one are joined."""
    begins: list[tuple[int, _Program]] = [(0, answers.get(0, default))]
    borders = sorted({border for number in answers for border in (number, number + 1)} - {0})
    for border in borders:
        answer = answers.get(border, default)
        if answer != begins[-1][1]:
            begins.append((border, answer))
    return begins


def _tree(ranges: list[tuple[int, _Program]]) -> _Program:
    """A search tree over ranges of numbers; A holds the number."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    low, high = _tree(ranges[:middle]), _tree(ranges[middle:])
    if len(low) <= _FARTHEST:
        return [(_ATLEAST, len(low), 0, ranges[middle][0]), *low, *high]
    return [(_ATLEAST, 0, 1, ranges[middle][0]), (_JUMP, 0, 0, len(low)), *low, *high]


def refused_calls(machine: str | None = None) -> dict[str, tuple[int, int]]:
    """Return the number and errno of each call that has a name here and fails without a GPU."""
    return calls.refused(machine or os.uname().machine)
