"""How much a box may use, and the limits that the kernel sets on each of its processes."""

import contextlib
import itertools
import mmap
import os
import resource
import signal
from dataclasses import dataclass
from typing import BinaryIO


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


def set_rlimits(limits: Limits, address_space: bool, proc: int | None = None) -> None:
    """Limit this process and each that it starts, for good.

    `address_space` limits that too: not on a GPU, whose driver reserves far more than it uses.
    `proc` is a descriptor of a true /proc, where no name leads to one.
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
        resource.RLIMIT_SIGPENDING: 256,
        resource.RLIMIT_MEMLOCK: 8 * mb,
    }
    if address_space:
        room = (limits.memory_mb + 512) * mb
        wanted[resource.RLIMIT_AS] = _own_size(proc) + room
    for which, value in wanted.items():
        soft, hard = value if isinstance(value, tuple) else (value, value)
        now = resource.getrlimit(which)[1]
        if now != resource.RLIM_INFINITY:
            soft, hard = min(soft, now), min(hard, now)
        resource.setrlimit(which, (soft, hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _own_size(proc: int | None) -> int:
    """Bytes of address space that this process has now."""
    name = "self/statm" if proc is not None else "/proc/self/statm"
    try:
        with _file(proc, name) as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return _tried_size()


def _file(proc: int | None, name: str) -> BinaryIO:
    """Open a file below a /proc of which there is a descriptor."""
    return open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc), "rb")


def _tried_size() -> int:
    """The same where there is no /proc: the least limit, to a MB, under which it can still grow.

    Tried in a child, which has the same size and loses nothing when it fails.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        low, high = 0, 1 << 22
        with contextlib.suppress(MemoryError):
            while high - low > 1:
                middle = (low + high) // 2
                resource.setrlimit(resource.RLIMIT_AS, (middle << 20, resource.RLIM_INFINITY))
                try:
                    mmap.mmap(-1, 1 << 20).close()
                    high = middle
                except OSError:
                    low = middle
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            os.write(write, str(high << 20).encode())
        os._exit(0)
    os.close(write)
    said = os.read(read, 100)
    os.close(read)
    os.waitpid(pid, 0)
    return int(said)


_RESIDENT = (b"RssAnon:", b"RssShmem:", b"VmPTE:")
# At most: a socket's queue (net.core.wmem_default and a last message), a pipe's 16 pages with one
# end left, a mapping with its links to memory.
_SOCKET = 256 << 10
_DESCRIPTOR = 64 << 10
_MAPPING = 320
_LOOKS_A_COUNT = 10  # to count mappings takes a millisecond a process
_MANY_MAPPINGS = 5_000  # a process with more is taken to have as many as the kernel allows
_MOST_MAPPINGS = 65_530


class MemoryWatch:
    """Measures what a box has added to the memory that it shares with its template.

    For where there are no control groups. Made before the student's process starts. The kernel's
    own memory is counted as what it can be at most: buffers of pipes and sockets, tables of pages,
    descriptions of mappings.
    """

    def __init__(self, proc: int) -> None:
        self._proc = proc  # a descriptor: whoever watches may have no name for its /proc
        self._shared = self._memory("self", "status", _RESIDENT)
        self._looks = 0
        self._mappings = 0

    def over(self, limit: int) -> bool:
        """Whether the other processes in this /proc have added more than `limit` bytes."""
        pids = [name for name in self._names(".") if name.isdigit() and int(name) != os.getpid()]
        kernel = self._sockets() * _SOCKET
        kernel += sum(len(self._names(f"{pid}/fd")) for pid in pids) * _DESCRIPTOR
        # Both sums are too large, each in another way: this one counts what a child shares with
        # its parent twice, the second a part of what both share with the template.
        grown = sum(max(0, self._memory(pid, "status", _RESIDENT) - self._shared) for pid in pids)
        if grown + kernel + self._mappings > limit:
            least = kernel + self._mappings
            least += sum(self._memory(pid, "status", (b"VmPTE:",)) for pid in pids)
            for pid in pids:  # the first few may be enough: each takes milliseconds
                if least > limit:
                    break
                least += self._memory(pid, "smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:"))
            if least > limit:
                return True
        self._looks += 1
        if self._looks % _LOOKS_A_COUNT == 0:
            self._mappings = sum(map(self._mapped, pids))
        return False

    def _names(self, folder: str) -> list[str]:
        """The names in a folder of /proc; none once its process has ended."""
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._proc)
        except OSError:
            return []
        try:
            return os.listdir(fd)
        except OSError:
            return []
        finally:
            os.close(fd)

    def _sockets(self) -> int:
        """How many sockets this network namespace has, on their way to a process too."""
        with _file(self._proc, "self/net/sockstat") as file:
            return int(file.readline().split()[2])

    def _mapped(self, pid: str) -> int:
        """Bytes of the kernel's that describe a process's mappings, at most."""
        try:
            with _file(self._proc, f"{pid}/maps") as file:
                count = sum(1 for _ in itertools.islice(file, _MANY_MAPPINGS))
        except OSError:
            return 0
        return (count if count < _MANY_MAPPINGS else _MOST_MAPPINGS) * _MAPPING

    def _memory(self, pid: str, name: str, fields: tuple[bytes, ...]) -> int:
        """Bytes in some fields of a file about a process; 0 once it has ended."""
        try:
            with _file(self._proc, f"{pid}/{name}") as file:
                return sum(int(line.split()[1]) << 10 for line in file if line.startswith(fields))
        except OSError:
            return 0
