"""How long a box's processes have computed, by the kernel's clocks: without a control group."""

import contextlib
import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def computing_s(pidfd: int) -> float | None:
    """Seconds of computing so far of a process and all below it; None once it has ended.

    All threads count, also those that have ended; of processes that have ended, what their parent
    was told, to a hundredth of a second.
    """
    text = Path(f"/proc/self/fdinfo/{pidfd}").read_text()
    first = int(next(line for line in text.splitlines() if line.startswith("Pid:")).split()[1])
    if first <= 0:
        return None
    total, waiting = 0.0, [first]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError, IndexError):  # it may end meanwhile
            total += time.clock_gettime(~pid << 3 | 2)  # the kernel's name for its clock
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[13]) + int(fields[14])) / _TICKS
            for task in os.listdir(f"/proc/{pid}/task"):
                children = Path(f"/proc/{pid}/task/{task}/children").read_text()
                waiting += map(int, children.split())
    return total
