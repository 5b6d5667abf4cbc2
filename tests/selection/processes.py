"""How many test processes run beside one another on this machine; prints the number.

Tests wait now and then, so there is one process more than there are cores; fewer where the memory
would not do for that many, since each has torch, and some of them a browser or boxes.
"""

import os
from pathlib import Path

PROCESS_GB = 2.0


def processes(cores: int, free_gb: float) -> int:
    """The number for so many cores and so much free memory: at least one."""
    return max(1, min(cores + 1, int(free_gb / PROCESS_GB)))


def free_gb(meminfo: str, limit: str = "max", used: str = "0") -> float:
    """The memory that is free, in GB: the machine's, or what the control group's limit leaves."""
    available = next(x for x in meminfo.splitlines() if x.startswith("MemAvailable:"))
    free = int(available.split()[1]) * 1024
    if limit.strip() != "max":
        free = min(free, int(limit) - int(used))
    return free / 1e9


def _read(path: str, otherwise: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return otherwise


if __name__ == "__main__":
    group = "/sys/fs/cgroup/memory"
    print(
        processes(
            len(os.sched_getaffinity(0)),
            free_gb(
                _read("/proc/meminfo", "MemAvailable: 4000000 kB"),
                _read(f"{group}.max", "max"),
                _read(f"{group}.current", "0"),
            ),
        )
    )
