"""Names that tell which process made a thing, so that what a killed one leaves can be removed."""

import itertools
import os
from pathlib import Path

_numbers = itertools.count()


def new_name(prefix: str) -> str:
    """A name that begins with `prefix` and that no other living process will choose."""
    return f"{prefix}{os.getpid()}-{_start_time(os.getpid())}-{next(_numbers)}"


def left_behind(folder: Path, prefix: str) -> list[Path]:
    """What lies in `folder` under names of processes that have ended."""
    found = []
    for path in folder.glob(f"{prefix}*"):
        pid, _, rest = path.name.removeprefix(prefix).partition("-")
        start, _, _ = rest.partition("-")
        ours = pid.isdecimal() and start.isdecimal()
        if ours and _start_time(int(pid)) != int(start):
            found.append(path)
    return found


def _start_time(pid: int) -> int:
    """When a process started, in clock ticks since the machine did; 0 if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])
