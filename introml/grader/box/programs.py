"""No other programs in a box from which operators are withheld: a fresh Python would have them."""

import os
import struct

from introml.grader.box.seccomp import Filter

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # EPERM
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCH = 0, 4
#: The architecture, and the numbers of execve and execveat there.
_CALLS = {"x86_64": (0xC000003E, 59, 322), "aarch64": (0xC00000B7, 221, 281)}


def no_programs(machine: str | None = None) -> Filter:
    """A filter, beside the box's own, under which a process and its children start no program.

    They may still fork. Raises `OSError` for a machine that the box does not know.
    """
    machine = machine or os.uname().machine
    if machine not in _CALLS:
        raise OSError(f"the box knows {' and '.join(_CALLS)}, not {machine}")
    architecture, execve, execveat = _CALLS[machine]
    program = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 1, 0, execve),
        (_EQUAL, 0, 1, execveat),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return Filter(b"".join(struct.pack("<HBBI", *line) for line in program))
