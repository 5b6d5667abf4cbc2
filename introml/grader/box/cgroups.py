"""Control groups: one for each box, where this process may make them (version 1 or 2).

The checker makes them, hands the way in to the template, and removes them. Those of a killed
checker are removed by its template's launcher, or, if that was killed too, by the next checker.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path

from introml.grader.box import owned

_PREFIX = "introml-"
#: Over which time the kernel counts a group's processor time, as is its own custom.
_PERIOD_US = 100_000


@dataclass(frozen=True)
class Parents:
    """Folders of the cgroup file system in which boxes' groups can be made.

    `cpu` is there where it can be had: then a box has one share of the processors, however many
    processes it starts. Without it, each of those would take as much as a whole other box.
    `clock` is where the computing time of a box is counted.
    """

    version: int
    memory: Path
    pids: Path
    cpu: Path | None = None
    clock: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """The folders, each once."""
        folders = (self.memory, self.pids, self.cpu, self.clock)
        return list(dict.fromkeys(one for one in folders if one is not None))

    def below(self, name: str) -> Parents:
        """The groups called `name` in these, made if need be, for groups in them. May be OSError.

        In a group of one's own, what its groups may use stays limited, whatever a manager of the
        machine's groups turns off around it.
        """
        for folder in self.folders:
            (folder / name).mkdir(exist_ok=True)
        if self.version == 2:
            control = self.memory / name / "cgroup.subtree_control"
            control.write_text("+memory +pids" + " +cpu" * (self.cpu is not None))
        return Parents(
            self.version,
            self.memory / name,
            self.pids / name,
            self.cpu / name if self.cpu else None,
            self.clock / name if self.clock else None,
        )


class Cgroup:
    """The group of one box at a time; it can be used again once that box has ended.

    One with a `name` is the same for whoever names it, and may be there already.
    """

    def __init__(self, parents: Parents, owner: str = _PREFIX, *, name: str = "") -> None:
        shared = bool(name)
        name = name or owned.new_name(owner)
        self.version = parents.version
        self.memory = parents.memory / name
        self.pids = parents.pids / name
        self.clock = parents.clock / name if parents.clock else None
        self.cpu = parents.cpu / name if parents.cpu else None
        self._folders = [folder / name for folder in parents.folders]
        for folder in self._folders:
            folder.mkdir(exist_ok=shared)

    def limit(self, memory_mb: int, processes: int, *, ends_whole: bool = True) -> None:
        """Set what the group may use. Where memory runs out, all of it ends, or what holds most.

        On version 1 it is always what holds most.
        """
        size = str(memory_mb << 20)
        if self.version == 1:
            # The smaller limit may not exceed the larger at any moment: widen first.
            swap = self.memory / "memory.memsw.limit_in_bytes"
            with contextlib.suppress(OSError):
                swap.write_text("-1")
            (self.memory / "memory.limit_in_bytes").write_text(size)
            with contextlib.suppress(OSError):
                swap.write_text(size)
        else:
            (self.memory / "memory.max").write_text(size)
            with contextlib.suppress(OSError):
                (self.memory / "memory.swap.max").write_text("0")
            with contextlib.suppress(OSError):
                (self.memory / "memory.oom.group").write_text(str(int(ends_whole)))
        (self.pids / "pids.max").write_text(str(processes))

    def limit_cpu(self, processors: float | None, weight: int) -> None:
        """Set how many processors the group may use, and its share of busy ones (100 is usual)."""
        if self.cpu is None:
            raise OSError(errno.ENOTSUP, "groups here have no limit on processor time")
        quota = None if processors is None else max(1000, round(processors * _PERIOD_US))
        if self.version == 1:
            (self.cpu / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (self.cpu / "cpu.cfs_quota_us").write_text(str(-1 if quota is None else quota))
            (self.cpu / "cpu.shares").write_text(str(max(2, weight * 1024 // 100)))
        else:
            (self.cpu / "cpu.max").write_text(f"{quota or 'max'} {_PERIOD_US}")
            (self.cpu / "cpu.weight").write_text(str(weight))

    def memory_limit(self) -> int | None:
        """The bytes of memory that stand as the group's limit; None if there is no such file."""
        name = "memory.limit_in_bytes" if self.version == 1 else "memory.max"
        return _number(self.memory / name)

    def processor_limit(self) -> float | None:
        """The processors that stand as the group's limit; None if there is none."""
        if self.cpu is None:
            return None
        name = "cpu.cfs_quota_us" if self.version == 1 else "cpu.max"
        quota = _number(self.cpu / name)
        return None if quota is None or quota < 0 else quota / _PERIOD_US

    def entrances(self) -> list[int]:
        """Open descriptors: a process of one thread that writes "0" to each has joined."""
        # "tasks" moves the one thread that writes, without the lock over all of the machine's
        # forks that "cgroup.procs" takes and waits some milliseconds for.
        name = "tasks" if self.version == 1 else "cgroup.procs"
        return [os.open(folder / name, os.O_WRONLY | os.O_CLOEXEC) for folder in self._folders]

    def kills(self) -> int:
        """How many processes were killed so far because the group's memory was full."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _counted(self.memory / name, "oom_kill") or 0

    def cpu_s(self) -> float | None:
        """Seconds of computing so far of all processes that were ever in it; None if not counted.

        The kernel's count: what a process does, or starts, or whom it has wait, changes nothing.
        """
        if self.clock is None:
            return None
        if self.version == 1:
            return int((self.clock / "cpuacct.usage").read_text()) / 1e9
        usage = _counted(self.clock / "cpu.stat", "usage_usec")
        return None if usage is None else usage / 1e6

    def remove(self) -> None:
        """Remove the group, once the last process in it has gone (2 s at most)."""
        _remove(self._folders)


def _number(file: Path) -> int | None:
    """The first number in a group's file; None if it is a word, or there is no such file."""
    try:
        return int(file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _counted(file: Path, name: str) -> int | None:
    """The number that stands beside a name in a group's file; None where there is none."""
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise
        return None  # its template ended, and the launcher has removed it: before, or as it is read
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), None)


def new_owner() -> str:
    """Return the beginning of the names of one template's groups."""
    return owned.new_name(_PREFIX) + "-"


def remove_owned(parents: list[str], owner: str) -> None:
    """Remove the groups whose names begin with `owner`, whoever made them."""
    _remove([folder for parent in parents for folder in Path(parent).glob(f"{owner}*")])


def _remove(folders: list[Path], patience_s: float = 2.0) -> None:
    deadline = time.monotonic() + patience_s
    for folder in folders:
        while folder.exists():
            with contextlib.suppress(OSError):
                folder.rmdir()
            if time.monotonic() > deadline:
                return  # the next checker's `remove_stale` takes it
            time.sleep(0.002)


def find_parents(root: Path = Path("/sys/fs/cgroup"), own: str | None = None) -> Parents | None:
    """Return where groups can be made, or None; `own` is the text of /proc/self/cgroup."""
    if own is None:
        try:
            own = Path("/proc/self/cgroup").read_text()
        except OSError:
            return None
    paths = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path.strip("/")
    if (root / "cgroup.controllers").exists():
        for folder in _upwards(root, paths.get("", "")):
            if _enables(folder) and _writable(folder):
                shares = folder if _shares(folder) else None
                return Parents(2, folder, folder, shares, clock=folder)
        return None
    found: dict[str, Path] = {}
    for controller in ("memory", "pids", "cpu", "cpuacct"):
        hierarchy = root / controller
        folders = [f for f in _upwards(hierarchy, paths.get(controller, "")) if _writable(f)]
        if folders:
            found[controller] = folders[0].resolve()
    if not {"memory", "pids"} <= found.keys():
        return None
    return Parents(1, found["memory"], found["pids"], found.get("cpu"), found.get("cpuacct"))


def remove_stale(parents: Parents) -> None:
    """Remove groups whose checker is gone; one that still has processes stays."""
    for parent in parents.folders:
        for folder in owned.left_behind(parent, _PREFIX):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _upwards(root: Path, path: str) -> list[Path]:
    """The group `path` below `root`, its parent, and so on to the root, as far as they exist."""
    parts = path.split("/") if path else []
    folders = [root.joinpath(*parts[:count]) for count in range(len(parts), -1, -1)]
    return [folder for folder in folders if folder.is_dir()]


def _enables(folder: Path) -> bool:
    """Whether groups in `folder` have memory and pids limits, if need be after turning them on."""
    control = folder / "cgroup.subtree_control"
    try:
        if not {"memory", "pids"} <= set(control.read_text().split()):
            control.write_text("+memory +pids")
        return {"memory", "pids"} <= set(control.read_text().split())
    except OSError:
        return False


def _shares(folder: Path) -> bool:
    """Whether groups in `folder` share the processors evenly, if need be after turning that on."""
    control = folder / "cgroup.subtree_control"
    with contextlib.suppress(OSError):
        if "cpu" not in control.read_text().split():
            control.write_text("+cpu")
        return "cpu" in control.read_text().split()
    return False


def _writable(folder: Path) -> bool:
    trial = folder / owned.new_name(_PREFIX)
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError:
        return False
    return True
