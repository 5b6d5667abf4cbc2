"""A lab's mutants: right answers with one small mistake each, which the checks must all see.

They are made from the lab's own solution and from each answer in `right/`, and graded as
submissions are, by the checks that can watch the changed cell, one at a time, until one fails. One
that no check can see, because it does the same, is named with the reason in `lab_test.toml`.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing.util import Finalize
from queue import Empty, SimpleQueue
from typing import Self

import torch

from introml.grader.authoring.lab_test_file import Survivor
from introml.grader.authoring.mutations import mutations
from introml.grader.authoring.release import solution_notebook
from introml.grader.authoring.watching import Watching
from introml.grader.box import die_with_parent
from introml.grader.checks import Check
from introml.grader.lab import Lab
from introml.grader.results import SubmissionResult, Verdict
from introml.grader.run import Checker, Setup

#: A mutant must be caught at seed 0. One that is not is tried at as many seeds in all, to tell
#: what no check sees from what one sees by chance.
SEEDS = 3
#: A check gets so many times what the solution needs; where that is not enough, it is run again.
_SLOWER = 10
_LEAST_S = 1.0


@dataclass(frozen=True)
class Mutant:
    """A right answer with one mistake: `answer` is "solution" or "right/<name>"."""

    answer: str
    cell: str
    what: str
    line: int
    old: str
    new: str
    #: All cells of the answer that are not the lab's own.
    cells: dict[str, str] = field(compare=False)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """By what `lab_test.toml` names it."""
        return self.answer, self.cell, self.old, self.new


def mutants(lab: Lab, devices: bool = False) -> list[Mutant]:
    """All mutants of the lab's answers; `devices` where a GPU can tell them apart."""
    found = []
    for cell in lab.answers.values():
        for one in mutations(cell.solution, cell.solution_lines, devices=devices):
            cells = {cell.id: one.source}
            found.append(Mutant("solution", cell.id, one.what, one.line, one.old, one.new, cells))
    for right in lab.right_solutions():
        for ident, source in right.cells.items():
            like = lab.answers[ident].solution
            for one in mutations(source, like=like, devices=devices):
                cells = right.cells | {ident: one.source}
                name = f"right/{right.name}"
                found.append(Mutant(name, ident, one.what, one.line, one.old, one.new, cells))
    return found


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: which check caught it, or at which seed it got all points."""

    mutant: Mutant
    #: The check that caught it at the first seed.
    caught_by: str | None = None
    #: Whether it got all points at the first seed.
    survives: bool = False
    #: The later seed at which a check caught a survivor after all.
    not_at: int | None = None
    #: What the grader said where it failed itself.
    fault: str = ""


@dataclass
class Fates:
    """What became of mutants, as far as they were tried."""

    total: int
    tried: int = 0
    #: Those that got all points at the first seed.
    survivors: list[Fate] = field(default_factory=list)
    #: Those on which the grader itself failed.
    faults: list[Fate] = field(default_factory=list)
    #: How many mutants of a cell each check has caught.
    caught: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: float = 0.0
    #: Whether a process that grades them was killed, so that no more were tried.
    killed: bool = False

    def add(self, fate: Fate) -> None:
        """Count a mutant that was tried."""
        self.tried += 1
        if fate.fault:
            self.faults.append(fate)
        elif fate.survives:
            self.survivors.append(fate)
        elif fate.caught_by:
            self.caught[fate.mutant.cell][fate.caught_by] += 1


def grade(
    checker: Checker,
    made: Sequence[Mutant],
    seconds: float,
    tell: Callable[[Fates], None] = lambda fates: None,
    setup: Setup | None = None,
) -> Fates:
    """Grade mutants until each has its fate or the time is over; `tell` hears after each.

    With the `setup` of the checker, as many processes as there are cores grade them, each by a
    checker of its own; without it this one does.
    """
    began = time.monotonic()
    fates = Fates(len(made))
    with _OneCheckAtATime(checker) as grader:
        grader.measure()
        if setup is None:
            found = _until(began + seconds, (grader.fate(one) for one in made))
        else:
            found = _by_all_cores(setup, grader.took, made, began + seconds)
        try:
            for fate in found:
                fates.add(fate)
                fates.seconds = time.monotonic() - began
                tell(fates)
        except BrokenProcessPool:
            fates.killed = True
    return fates


def _until(end: float, fates: Iterator[Fate]) -> Iterator[Fate]:
    while time.monotonic() < end and (fate := next(fates, None)) is not None:
        yield fate


def _by_all_cores(
    setup: Setup, took: dict[str, float], made: Sequence[Mutant], end: float
) -> Iterator[Fate]:
    """The fates of mutants in the order in which they are known, from one process a core."""
    cores = len(os.sched_getaffinity(0))
    workers = ProcessPoolExecutor(
        min(cores, len(made) or 1), multiprocessing.get_context("spawn"), _begin, (setup, took)
    )
    known: SimpleQueue[Future[Fate]] = SimpleQueue()
    try:
        for one in made:
            workers.submit(_fate, one).add_done_callback(known.put)
        for _ in made:
            yield known.get(timeout=max(0.0, end - time.monotonic())).result()
    except Empty:
        pass  # the time is over
    finally:
        workers.shutdown(cancel_futures=True)


#: In a process that grades mutants: what does it.
_grader: _OneCheckAtATime


def _begin(setup: Setup, took: dict[str, float]) -> None:
    global _grader
    die_with_parent()
    torch.set_num_threads(1)  # as graded
    checker = Checker(setup)
    Finalize(None, checker.__exit__, (None, None, None), exitpriority=1)
    checker.__enter__()
    _grader = _OneCheckAtATime(checker, took)


def _fate(mutant: Mutant) -> Fate:
    return _grader.fate(mutant)


def told(fates: Fates, named: Sequence[Survivor]) -> list[str]:
    """What is wrong, in words: survivors that have no name, and names that nothing needs."""
    problems = [f"the grader failed on {_where(one.mutant)} {one.fault}" for one in fates.faults]
    names = {one.key for one in named}
    for fate in fates.survivors:
        if fate.mutant.key in names:
            continue
        checks = [name for name, _ in fates.caught[fate.mutant.cell].most_common(3)]
        others = f" Other mutants of this cell are caught by {', '.join(checks)}." if checks else ""
        problems.append(
            f"{in_words(fate)}\n"
            f"    A check should see it; if both do the same, name it in lab_test.toml.{others}"
        )
    if fates.tried == fates.total:
        lived = {one.mutant.key for one in fates.survivors}
        problems += [
            f"lab_test.toml names a mutant of {one.answer}, cell {one.cell}, that is caught or "
            f"is not made; take the entry away: {one.old!r} -> {one.new!r}"
            for one in named
            if one.key not in lived
        ]
    else:
        why = (
            "one of the processes that grade them was killed, as the system does where memory "
            "runs out; close other programs, or use a machine with more memory, and run "
            "introml lab test again"
            if fates.killed
            else f"the time for mutants, {fates.seconds:.0f} s, was over; allow more with "
            "--mutants SECONDS"
        )
        problems.append(
            f"{fates.total - fates.tried} of {fates.total} mutants were not tried: {why}"
        )
    return problems


def in_words(survivor: Fate) -> str:
    """Where a survivor stands, and the line that differs."""
    mutant = survivor.mutant
    chance = "" if survivor.not_at is None else f", by chance: it is caught at {survivor.not_at}"
    return (
        f"{_where(mutant)} gets all points at seed 0{chance}: {mutant.what}\n"
        f"      - {mutant.old}\n"
        f"      + {mutant.new}"
    )


def _where(mutant: Mutant) -> str:
    return f"a mutant of {mutant.answer}, cell {mutant.cell}, line {mutant.line},"


class _GraderFailed(Exception):
    """The grader failed on a mutant; the text is what it said."""


class _OneCheckAtATime:
    """Grades by one check at a time; those come first that are likely to catch, for their time."""

    def __init__(self, checker: Checker, took: dict[str, float] | None = None) -> None:
        self._checker = checker
        self._all = checker.checks
        self._watching = Watching(checker.lab)
        self._caught: dict[str, Counter[str]] = defaultdict(Counter)
        #: The seconds that each check takes with the solution.
        self.took = took or {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._checker.checks = self._all

    def measure(self) -> None:
        """Time each check that runs on this machine."""
        notebook = solution_notebook(self._checker.lab)
        for check in self._all:
            if check.tier == "cpu" or self._checker.cuda:
                self.took[check.name] = self._grade(notebook, check, 0).measured["wall_s"]

    def fate(self, mutant: Mutant) -> Fate:
        """Try a mutant: at the first seed, and at the others if no check sees it there."""
        for seed in range(SEEDS):
            try:
                by = self._caught_by(mutant, seed)
            except _GraderFailed as failed:
                return Fate(mutant, fault=str(failed))
            if by is not None and seed > 0:
                return Fate(mutant, survives=True, not_at=seed)
            if by is not None:
                self._caught[mutant.cell][by] += 1
                return Fate(mutant, caught_by=by)
        return Fate(mutant, survives=True)

    def _caught_by(self, mutant: Mutant, seed: int) -> str | None:
        """The check that catches it at this seed, or None. Raises `_GraderFailed`."""
        notebook = solution_notebook(self._checker.lab, mutant.cells)
        for check in self._order(mutant):
            outcome = self._outcome(notebook, replace(check, time_s=self._quick(check)), seed)
            if outcome == "timed out":
                # It may only be slow, which is no mistake within the time that students have.
                outcome = self._outcome(notebook, check, seed)
            if outcome != "passed":
                return check.name
        return None

    def _order(self, mutant: Mutant) -> list[Check]:
        watching = self._watching.checks_of(mutant.cell, mutant.cells)
        caught = self._caught[mutant.cell]
        return sorted(
            (one for one in self._all if one.name in watching & self.took.keys()),
            key=lambda one: self.took[one.name] / (caught[one.name] + 1),
        )

    def _quick(self, check: Check) -> float:
        full = check.time_s or self._checker.lab.settings.limits.check_s
        return min(full, _LEAST_S + _SLOWER * self.took[check.name])

    def _outcome(self, notebook: bytes, check: Check, seed: int) -> str:
        result = self._grade(notebook, check, seed)
        if result.verdict == Verdict.FAULT:
            raise _GraderFailed(result.teacher["fault"].strip().splitlines()[-1])
        return result.checks[0].outcome if result.verdict == Verdict.GRADED else result.verdict

    def _grade(self, notebook: bytes, check: Check, seed: int) -> SubmissionResult:
        self._checker.checks, self._checker.seed = [check], seed
        return self._checker.grade("mutant", hashlib.sha256(notebook).hexdigest(), notebook)
