"""What one student's server may use of this machine, held by a control group of the student's own.

The group has the number of the student's account, so that a hub that comes back finds it again.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass

from introml.grader.box import cgroups
from introml.hub.course import HubSettings, bytes_in

#: What the course's log calls it when a student's memory ran out.
OUT_OF_MEMORY = "out of memory"
#: The group in which all students' are.
_STUDENTS = "introml.students"
#: A student's share of busy processors, where that of the hub and of a grading is 100.
_WEIGHT = 25
_TRIAL = "trial"
_trying = threading.Lock()
_MOST_MEMORY_MB = 1 << 40


@dataclass(frozen=True)
class Limits:
    """Bytes of memory, processors, and processes with their threads; None and 0 are no limit."""

    memory: int | None = None
    processors: float | None = None
    processes: int = 1000

    @classmethod
    def of(cls, hub: HubSettings) -> Limits:
        """What the course's settings ask for."""
        return cls(bytes_in(hub.mem_limit) or None, hub.cpu_limit or None, hub.process_limit)


@dataclass(frozen=True)
class InForce:
    """One limit: what is asked for, in words, and why it is not in force ("" where it is)."""

    asked: str
    why_not: str = ""


def group_of(uid: int, limits: Limits) -> cgroups.Cgroup | None:
    """The group of a student's account, with its limits set; None where groups are not to be had.

    May be `OSError`: there are groups, and a limit cannot be set.
    """
    return _group(str(uid), limits)


def remove_group(uid: int) -> None:
    """Take a student's group away, once nothing runs in it."""
    parents = cgroups.find_parents()
    if parents is not None:
        with contextlib.suppress(OSError):
            cgroups.Cgroup(parents.below(_STUDENTS), name=str(uid)).remove()


def in_force(limits: Limits) -> list[InForce]:
    """Each limit that is asked for, tried on a group without processes."""
    with _trying:  # the group is one for all threads
        try:
            group = _group(_TRIAL, limits)
            why_not = "" if group else "this machine gives the hub no control groups"
        except OSError as problem:
            group, why_not = None, f"the machine's control groups refuse it: {problem.strerror}"
        held_memory = group.memory_limit() if group else None
        held_processors = group.processor_limit() if group else None
        if group is not None:
            group.remove()
    found = []
    if limits.memory:
        words = f"{in_words(limits.memory)} of memory"
        found.append(InForce(words, why_not or _unless_same(held_memory, limits.memory)))
    if limits.processors:
        words = f"{limits.processors:g} processor" + "s" * (limits.processors != 1)
        found.append(InForce(words, why_not or _unless_same(held_processors, limits.processors)))
    # This one the kernel holds for each account, with groups or without.
    return [*found, InForce(f"{limits.processes} processes and threads")]


def in_words(size: int) -> str:
    """Bytes as settings write them: 4 GB, 512 MB."""
    unit = 30 if size >= 1 << 30 else 20
    return f"{size / (1 << unit):.3g} {'GB' if unit == 30 else 'MB'}"


def _group(name: str, limits: Limits) -> cgroups.Cgroup | None:
    parents = cgroups.find_parents()
    if parents is None:
        return None
    group = cgroups.Cgroup(parents.below(_STUDENTS), name=name)
    memory_mb = limits.memory >> 20 if limits.memory else _MOST_MEMORY_MB
    # What holds most goes, which is a notebook's kernel: JupyterLab stays, and says that it died.
    group.limit(memory_mb, limits.processes, ends_whole=False)
    if group.cpu is not None:
        group.limit_cpu(limits.processors, _WEIGHT)
    return group


def _unless_same(held: float | None, asked: float) -> str:
    # The kernel counts memory in pages, and time in microseconds.
    same = held is not None and abs(held - asked) <= asked / 100
    return "" if same else "the machine's control groups do not keep it"
