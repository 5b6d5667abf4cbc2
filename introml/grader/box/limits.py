"""How much a box may use, and the limits that the kernel sets on each of its processes."""

import os
import resource
import signal
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one box may use from its start to its end; times in seconds, sizes in MB (2^20 bytes).

    `memory_mb` counts what the student's code adds to the warm process it starts in.
    """

    wall_s: float = 60.0
    cpu_s: float = 60.0
    memory_mb: int = 1024
    processes: int = 64
    tmp_mb: int = 64
    file_mb: int = 16
    reply_mb: int = 64

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"the limit {name} must be above 0, not {value}")


_INODES_PER_MB = 256


def tmpfs_options(limits: Limits, mode: str) -> str:
    """Return the mount options of a private folder in memory, capped in bytes and files."""
    inodes = limits.tmp_mb * _INODES_PER_MB
    return f"size={limits.tmp_mb}m,nr_inodes={inodes},mode={mode}"


def set_rlimits(limits: Limits, address_space: bool) -> None:
    """Limit this process and each that it starts, for good.

    `address_space` limits that too: not on a GPU, whose driver reserves far more than it uses.
    """
    mb = 1 << 20
    cpu = max(1, round(limits.cpu_s))
    wanted = {
        # The soft limit sends SIGXCPU, which tells a full budget from other deaths.
        resource.RLIMIT_CPU: (cpu, cpu + 2),
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_FSIZE: limits.file_mb * mb,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 8 * mb,
    }
    if address_space:
        room = (limits.memory_mb + 512) * mb
        wanted[resource.RLIMIT_AS] = _own_size() + room
    for which, value in wanted.items():
        soft, hard = value if isinstance(value, tuple) else (value, value)
        now = resource.getrlimit(which)[1]
        if now != resource.RLIM_INFINITY:
            soft, hard = min(soft, now), min(hard, now)
        resource.setrlimit(which, (soft, hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _own_size() -> int:
    """Bytes of address space that this process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Measures what a box has added to the memory that it shares with its template.

    For where there are no control groups. Made before the student's process starts.
    """

    def __init__(self) -> None:
        self._shared = _memory(os.getpid(), "status", ("RssAnon:", "RssShmem:"))

    def over(self, limit: int) -> bool:
        """Whether the other processes in this /proc have added more than `limit` bytes."""
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        pids.remove(os.getpid())
        # Both sums are too large, each in another way: this one counts what a child shares with
        # its parent twice, the second a part of what both share with the template.
        grown = sum(
            max(0, _memory(pid, "status", ("RssAnon:", "RssShmem:")) - self._shared) for pid in pids
        )
        if grown <= limit:
            return False
        fields = ("Pss_Anon:", "Pss_Shmem:")
        return sum(_memory(pid, "smaps_rollup", fields) for pid in pids) > limit


def _memory(pid: int, name: str, fields: tuple[str, ...]) -> int:
    """Bytes in some fields of a file about a process; 0 once it has ended."""
    try:
        with open(f"/proc/{pid}/{name}") as file:
            return sum(int(line.split()[1]) << 10 for line in file if line.startswith(fields))
    except OSError:
        return 0
