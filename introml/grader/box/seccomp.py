"""The filter of system calls in a box: what no lab needs and what escapes are made of is refused.

A classic BPF program, written here number by number so that nothing needs to be installed.
Calls on the list fail with EPERM; a program of another architecture is killed.
"""

import ctypes
import os
import struct
from dataclasses import dataclass

_EPERM = 1
_ENOSYS = 38
_EAFNOSUPPORT = 97
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL = 0x80000000
_LOAD = 0x20  # A = word at offset k of the call's description
_EQUAL = 0x15  # if A == k
_ATLEAST = 0x35  # if A >= k
_ANYBIT = 0x45  # if A & k
_RETURN = 0x06
_NUMBER, _ARCH, _ARGUMENT_0 = 0, 4, 16
_X32_BIT = 0x40000000
_AF_UNIX = 1
# CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}: a process in a new namespace of any kind.
_NEW_NAMESPACES = 0x00020000 | 0x7E000000

# Numbers from Linux's tables: x86_64, aarch64 (None where there is no such call).
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # parts of the kernel with a long record of holes
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "personality": (135, 92),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "modify_ldt": (154, None),
    "lookup_dcookie": (212, 18),
    # the machine itself
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, None),
    "ioperm": (173, None),
    # memory that outlives its process, or that nobody counts
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
}
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_SOCKET = (41, 198)
_PRLIMIT = (302, 261)
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}


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


def box_filter(machine: str | None = None) -> Filter:
    """Return the box's filter for this machine, or for "x86_64" or "aarch64"."""
    machine = machine or os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(f"the box knows x86_64 and aarch64, not {machine}")
    arch, column = _ARCHITECTURES[machine]
    numbers = sorted(refused_calls(machine).values())
    program = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        program += [(_ATLEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    for number in numbers:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    # clone3 passes its flags by address, out of a filter's sight: libc falls back to clone.
    program += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    program += [
        (_EQUAL, 0, 4, _CLONE[column]),
        (_LOAD, 0, 0, _ARGUMENT_0),
        (_ANYBIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    program += [
        (_EQUAL, 0, 4, _SOCKET[column]),
        (_LOAD, 0, 0, _ARGUMENT_0),
        (_EQUAL, 1, 0, _AF_UNIX),
        (_RETURN, 0, 0, _ERRNO | _EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]
    # Limits of another process with the same user, such as the box's own first process.
    program += [
        (_EQUAL, 0, 4, _PRLIMIT[column]),
        (_LOAD, 0, 0, _ARGUMENT_0),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return Filter(b"".join(struct.pack("<HBBI", *line) for line in program))


def refused_calls(machine: str | None = None) -> dict[str, int]:
    """Return the names and numbers of the calls that always fail here."""
    column = _ARCHITECTURES[machine or os.uname().machine][1]
    numbers = {name: pair[column] for name, pair in _REFUSED.items()}
    return {name: number for name, number in numbers.items() if number is not None}
