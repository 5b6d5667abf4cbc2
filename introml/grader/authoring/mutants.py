"""A lab's mutants: right answers with one small mistake each, which the checks must all see.

They are made from the lab's own solution and from each answer in `right/`, and graded as
submissions are, one check at a time, until one fails. One that no check can see, because it does
the same, is named with the reason in `lab_test.toml`.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from introml.grader.authoring.lab_test_file import Survivor
from introml.grader.authoring.mutations import mutations
from introml.grader.authoring.release import solution_notebook
from introml.grader.checks import Check
from introml.grader.lab import Lab
from introml.grader.results import SubmissionResult, Verdict
from introml.grader.run import Checker

#: At each of so many seeds a mutant must be caught: what fails by chance is not caught.
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


@dataclass
class Fates:
    """What became of mutants, as far as they were tried."""

    total: int
    tried: int = 0
    #: Those that got all points, and the seed.
    survivors: list[tuple[Mutant, int]] = field(default_factory=list)
    #: Those on which the grader itself failed, and what it said.
    faults: list[tuple[Mutant, str]] = field(default_factory=list)
    #: How many mutants of a cell each check has caught.
    caught: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: float = 0.0


def grade(
    checker: Checker,
    made: Sequence[Mutant],
    seconds: float,
    tell: Callable[[Fates], None] = lambda fates: None,
) -> Fates:
    """Grade mutants until each has its fate or the time is over; `tell` hears after each."""
    began = time.monotonic()
    fates = Fates(len(made))
    with _OneCheckAtATime(checker) as grader:
        for mutant in made:
            if time.monotonic() - began > seconds:
                break
            _grade_one(grader, mutant, fates)
            fates.tried += 1
            fates.seconds = time.monotonic() - began
            tell(fates)
    return fates


def _grade_one(grader: _OneCheckAtATime, mutant: Mutant, fates: Fates) -> None:
    caught = fates.caught[mutant.cell]
    by: str | None = ""
    for seed in range(SEEDS):
        try:
            by = grader.caught_by(mutant, seed, caught, first=by)
        except _GraderFailed as failed:
            fates.faults.append((mutant, str(failed)))
            return
        if by is None:
            fates.survivors.append((mutant, seed))
            return
        caught[by] += 1
        if grader.endless:  # not by chance, and each seed takes its time
            return


def told(fates: Fates, named: Sequence[Survivor]) -> list[str]:
    """What is wrong, in words: survivors that have no name, and names that nothing needs."""
    problems = [f"the grader failed on {_where(one)}: {why}" for one, why in fates.faults]
    names = {one.key for one in named}
    for mutant, seed in fates.survivors:
        if mutant.key in names:
            continue
        checks = [name for name, _ in fates.caught[mutant.cell].most_common(3)]
        watched = f" Other mutants of this cell are caught by {', '.join(checks)}."
        problems.append(
            f"{_where(mutant)} gets all points at seed {seed}: {mutant.what}\n"
            f"      - {mutant.old}\n"
            f"      + {mutant.new}\n"
            f"    A check should see it; if both do the same, name it in lab_test.toml."
            + watched
            * bool(checks)
        )
    if fates.tried == fates.total:
        lived = {one.key for one, _ in fates.survivors}
        problems += [
            f"lab_test.toml names a mutant of {one.answer}, cell {one.cell}, that is caught or "
            f"is not made; take the entry away: {one.old!r} -> {one.new!r}"
            for one in named
            if one.key not in lived
        ]
    else:
        problems.append(
            f"{fates.total - fates.tried} of {fates.total} mutants were not tried: the time for "
            f"mutants, {fates.seconds:.0f} s, was over; allow more with --mutants SECONDS"
        )
    return problems


def _where(mutant: Mutant) -> str:
    return f"a mutant of {mutant.answer}, cell {mutant.cell}, line {mutant.line},"


class _GraderFailed(Exception):
    """The grader failed on a mutant; the text is what it said."""


class _OneCheckAtATime:
    """Grades by one check at a time; those come first that are likely to catch, for their time."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._all = checker.checks
        self._took: dict[str, float] = {}
        #: Whether the last one was caught since it did not end.
        self.endless = False

    def __enter__(self) -> Self:
        notebook = solution_notebook(self._checker.lab)
        for check in self._all:
            if check.tier == "cpu" or self._checker.cuda:
                self._took[check.name] = self._grade(notebook, check, 0).measured["wall_s"]
        return self

    def __exit__(self, *_: object) -> None:
        self._checker.checks = self._all

    def caught_by(
        self, mutant: Mutant, seed: int, caught: Counter[str], first: str | None
    ) -> str | None:
        """The check that catches it at this seed, or None. Raises `_GraderFailed`."""
        notebook = solution_notebook(self._checker.lab, mutant.cells)
        self.endless = False
        for check in self._order(caught, first):
            outcome = self._outcome(notebook, replace(check, time_s=self._quick(check)), seed)
            if outcome == "timed out":
                # It may only be slow, which is no mistake within the time that students have.
                outcome = self._outcome(notebook, check, seed)
                self.endless = outcome == "timed out"
            if outcome != "passed":
                return check.name
        return None

    def _order(self, caught: Counter[str], first: str | None) -> Iterator[Check]:
        known = [one for one in self._all if one.name in self._took]
        return iter(
            sorted(
                known,
                key=lambda one: (
                    one.name != first,
                    self._took[one.name] / (caught[one.name] + 1),
                ),
            )
        )

    def _quick(self, check: Check) -> float:
        full = check.time_s or self._checker.lab.settings.limits.check_s
        return min(full, _LEAST_S + _SLOWER * self._took[check.name])

    def _outcome(self, notebook: bytes, check: Check, seed: int) -> str:
        result = self._grade(notebook, check, seed)
        if result.verdict == Verdict.FAULT:
            raise _GraderFailed(result.teacher["fault"].strip().splitlines()[-1])
        return result.checks[0].outcome if result.verdict == Verdict.GRADED else result.verdict

    def _grade(self, notebook: bytes, check: Check, seed: int) -> SubmissionResult:
        self._checker.checks, self._checker.seed = [check], seed
        return self._checker.grade("mutant", hashlib.sha256(notebook).hexdigest(), notebook)
