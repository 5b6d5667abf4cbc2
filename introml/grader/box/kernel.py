"""The few calls to the kernel that Python lacks: namespaces, mounts, capabilities, prctl."""

import ctypes
import os
import struct

NEWNS = 0x00020000
NEWCGROUP = 0x02000000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
_MNT_DETACH = 2
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000

ATTR_RDONLY = 1
ATTR_NOSUID = 2
ATTR_NODEV = 4

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4

_SYSCALLS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "mount_setattr": 442, "close_range": 436},
    "aarch64": {"pivot_root": 41, "capset": 91, "mount_setattr": 442, "close_range": 436},
}
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(name: str, *arguments: object) -> int:
    machine = os.uname().machine
    if machine not in _SYSCALLS:
        raise OSError(f"the box knows x86_64 and aarch64, not {machine}")
    number = _SYSCALLS[machine][name]
    return _check(_libc.syscall(ctypes.c_long(number), *arguments), name)


def unshare(flags: int) -> None:
    """Leave the namespaces in `flags` for new ones."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, flags: int) -> None:
    """Enter the namespace that `fd` names."""
    _check(_libc.setns(fd, flags), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount `source` on `target`."""
    _check(
        _libc.mount(
            source.encode(),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        ),
        f"mount {source} on {target}",
    )


def bind(source: str, target: str, attributes: int = 0) -> None:
    """Show a folder or file at another place too, with all below it, under `attributes`."""
    _check(
        _libc.mount(
            os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(MS_BIND | MS_REC), None
        ),
        f"bind {source}",
    )
    if attributes:
        set_attributes(target, attributes)


def set_attributes(target: str, attributes: int, recursive: bool = True) -> None:
    """Add attributes such as ATTR_RDONLY to a mount (Linux 5.12)."""
    request = struct.pack("<4Q", attributes, 0, 0, 0)
    _syscall(
        "mount_setattr",
        _AT_FDCWD,
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE if recursive else 0),
        request,
        ctypes.c_size_t(len(request)),
    )


def pivot(root: str) -> None:
    """Make `root` the root of this mount namespace, and let go of the old one."""
    os.chdir(root)
    # With both names ".", the old root ends up under the new one, from where it is detached.
    _syscall("pivot_root", b".", b".")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount the old root")
    os.chdir("/")


def drop_capabilities() -> None:
    """Give up every capability, the bounding and the ambient set, for good."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _syscall("capset", struct.pack("<Ii", 0x20080522, 0), bytes(24))


def no_new_privileges() -> None:
    """No program that this process starts can have more rights than it."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def die_with_parent() -> None:
    """SIGKILL when the parent dies; a change of user clears it, so call it again after one."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0), "pdeathsig")


def set_undumpable() -> None:
    """No process without rights over this one can trace it or read its memory."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "undumpable")


def set_dumpable() -> None:
    """Undo `set_undumpable`; a change of user sets that too."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable")


def set_host_name(name: str) -> None:
    """Name this uts namespace."""
    _check(_libc.sethostname(name.encode(), len(name)), "sethostname")


def close_from(first: int) -> None:
    """Close every file descriptor from `first` on."""
    _syscall("close_range", ctypes.c_uint(first), ctypes.c_uint(0xFFFFFFFF), ctypes.c_uint(0))
