"""Is a lab good? Right answers pass, wrong ones and mutants are caught, secrets stay."""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from introml.grader.authoring import lab_test_file, mutants, tries
from introml.grader.authoring.canaries import SPY, found_in, own_canaries, planted, readable
from introml.grader.authoring.release import released_files, solution_notebook, starter_notebook
from introml.grader.lab import Kind, Lab, RightSolution, WrongSolution
from introml.grader.notebook import Invalid, find, read_submission
from introml.grader.results import CheckResult, SubmissionResult, Verdict
from introml.grader.run import Checker, Setup
from introml.grader.text import cell_label
from introml.grader.wire import names_bound

#: Wrong solutions and starters fail for what they are, not by chance: few seeds will do.
_FEW = 3
#: How long all mutants together may take, in seconds.
MUTANTS_S = 1800.0
#: A solution that needs more of the time limit than this leaves slower machines no room.
_ROOM = 0.5


@dataclass
class LabReport:
    """What was found: `problems` is empty for a good lab; `lines` say what was proved.

    `parts` has a row for each part of the test: its name, what was tried, problems, seconds.
    """

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    parts: list[tuple[str, int, int, float]] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.problems

    def table(self) -> str:
        """The parts, one a line, with the time of each and of all."""
        width = max(len(name) for name, *_ in self.parts)
        rows = [f"{'':{width}}  tried  problems  seconds"]
        rows += [
            f"{name:{width}}  {tried:5}  {problems or '–':>8}  {seconds:7.1f}"
            for name, tried, problems, seconds in self.parts
        ]
        total = sum(seconds for *_, seconds in self.parts)
        return "\n".join([*rows, f"{'together':{width}}  {'':5}  {'':8}  {total:7.1f}"])


def prove_lab(
    lab: Lab,
    hidden: Path | None = None,
    seeds: int = 20,
    say: Callable[[str], None] = lambda line: None,
    mutants_s: float = MUTANTS_S,
    tell: Callable[[mutants.Fates], None] = lambda fates: None,
) -> LabReport:
    """Prove a lab good, or list what is wrong with it. `say` hears each line as it is known.

    Mutants are graded for at most `mutants_s` seconds, and not at all for 0; `tell` hears of them.
    Raises what `Checker` raises when the lab cannot be graded at all, and `LabError`.
    """
    report = LabReport()
    to_try, named = lab_test_file.read(lab)
    rights, wrongs = lab.right_solutions(), lab.wrong_solutions()  # before anything is graded
    began = time.monotonic()

    def note(part: str, tried: int, problems: list[str], proved: str) -> None:
        nonlocal began
        before, began = began, time.monotonic()
        if report.parts and report.parts[-1][0] == part:
            _, others, found, seconds = report.parts.pop()
        else:
            others, found, seconds = 0, 0, 0.0
        report.parts.append((part, others + tried, found + len(problems), seconds + began - before))
        report.problems += problems
        lines = [f"✗ {one}" for one in problems] or [f"✓ {proved}"]
        report.lines += lines
        for line in lines:
            say(line)

    setup = Setup(str(lab.folder), 0, str(hidden) if hidden else None)
    with Checker(setup) as checker:
        note("the solution", seeds, *_solution_passes(checker, seeds))
        note("the starter", _FEW, *_starter_fails(checker))
        for right in rights:
            note("right answers", 1, *_right_passes(checker, right))
        for wrong in wrongs:
            note("wrong answers", 1, *_wrong_is_caught(checker, wrong))
        experiments = sum(cell.kind is Kind.EXPERIMENT for cell in lab.cells) + len(to_try)
        note("experiments", experiments, *_experiments_run(checker, to_try))
        if mutants_s > 0:
            made = mutants.mutants(lab, devices=checker.cuda)
            names, shown = {one.key for one in named}, 0

            def heard(fates: mutants.Fates) -> None:
                """Say what survives at once: a test that is stopped has not been for nothing."""
                nonlocal shown
                for one in fates.survivors[shown:]:
                    if one.mutant.key not in names:
                        say(f"  {mutants.in_words(one)}")
                shown = len(fates.survivors)
                tell(fates)

            fates = mutants.grade(checker, made, mutants_s, heard, setup)
            note("mutants", fates.tried, *_mutants_are_caught(fates, named))
        note("memory", 1, *_memory_suffices(checker))
    note("secrets", len(wrongs) + 3, *_nothing_leaks(lab, setup))
    return report


def _grade(checker: Checker, notebook: bytes, seed: int) -> SubmissionResult:
    checker.seed = seed
    return checker.grade("lab test", hashlib.sha256(notebook).hexdigest(), notebook)


def _run_checks(result: SubmissionResult) -> Iterable:
    return [one for one in result.checks if one.counts]


def _solution_passes(checker: Checker, seeds: int) -> tuple[list[str], str]:
    notebook, problems, longest = solution_notebook(checker.lab), [], 0.0
    for seed in range(seeds):
        result = _grade(checker, notebook, seed)
        longest = max(longest, result.measured["wall_s"])
        if result.verdict != Verdict.GRADED:
            problems.append(f"the solution is {result.verdict} at seed {seed}: {_why(result)}")
        problems += [
            f"the solution fails {one.name} at seed {seed}: {_failed(result, one)}"
            for one in _run_checks(result)
            if result.verdict == Verdict.GRADED and one.outcome != "passed"
        ]
        if result.flags:
            problems.append(
                f"the solution is flagged at seed {seed}: {result.flags[0].kind}: "
                f"{result.flags[0].evidence}"
            )
    limit = checker.limits.wall_s
    if longest > _ROOM * limit:
        problems.append(
            f"the solution took {longest:.1f} s of the limit of {limit:g} s; raise wall_s, for "
            "slower machines and slower answers"
        )
    left_out = sum(one.tier == "cuda" for one in checker.checks) * (not checker.cuda)
    gpu = f"; {left_out} checks not run: no GPU" if left_out else ""
    return problems, (
        f"the solution passes all checks at {seeds} seeds, in {longest:.1f} s of {limit:g} s at "
        f"most{gpu}"
    )


def _starter_fails(checker: Checker) -> tuple[list[str], str]:
    problems = []
    for seed in range(_FEW):
        result = _grade(checker, starter_notebook(checker.lab), seed)
        if result.verdict != Verdict.GRADED:
            problems.append(f"the starter is {result.verdict}: {_why(result)}")
        problems += [
            f"the starter gets points for {one.name} at seed {seed}"
            for one in _run_checks(result)
            if one.points > 0
        ]
    problems += _stops_run_all(checker.lab, result)
    return problems, "the starter fails every check, and all of it can be run"


def _stops_run_all(lab: Lab, starter: SubmissionResult) -> list[str]:
    """What keeps a student from the last check, in a notebook with nothing done yet."""
    labels = {cell_label(cell.id): cell for cell in lab.cells if cell.kind is Kind.LOCKED}
    problems = [
        f"the locked cell {labels[one.cell].id!r} fails while nothing is done yet, so `Run all` "
        f"ends there: {one.message}; make it an experiment, or have it only define something"
        for one in starter.cell_errors
        if one.cell in labels
    ]
    for cell in lab.cells:
        if cell.kind is Kind.CHECK and (names := _from_elsewhere(cell.source)):
            problems.append(
                f"the check cell {cell.id!r} uses {names[0]}, which it does not import: it fails "
                "where it is the first cell that a student runs"
            )
    return problems


def _from_elsewhere(source: str) -> list[str]:
    """The names that a cell uses and that neither it nor Python defines."""
    tree = ast.parse(source)
    bound = {name for node in tree.body for name in names_bound(node)} | set(dir(builtins))
    used = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return [name for name in used if name not in bound]


def _remarked(lab: Lab, name: str, notebook: bytes) -> list[str]:
    """What the search for a library's answers finds in an answer that is the author's own."""
    read = read_submission(notebook, lab)
    if isinstance(read, Invalid):
        return [f"{name} is no valid notebook: {read.message}"]
    found = find([*read.cells, *read.experiments.values()], lab.settings.forbidden)
    return [f"{name}: {one}" for one in (*found.advice(), *found.evidence())]


def _right_passes(checker: Checker, right: RightSolution) -> tuple[list[str], str]:
    name, notebook = f"right/{right.name}", solution_notebook(checker.lab, right.cells)
    problems = _remarked(checker.lab, name, notebook)
    for seed in range(_FEW):
        result = _grade(checker, notebook, seed)
        if result.verdict != Verdict.GRADED:
            problems.append(f"{name} is {result.verdict} at seed {seed}: {_why(result)}")
        problems += [
            f"{name} fails {one.name} at seed {seed}: {_failed(result, one)}"
            for one in _run_checks(result)
            if result.verdict == Verdict.GRADED and one.outcome != "passed"
        ]
        problems += [f"{name} is flagged: {one.kind}: {one.evidence}" for one in result.flags[:1]]
    return problems, f"{name} passes all checks at {_FEW} seeds"


def _wrong_is_caught(checker: Checker, wrong: WrongSolution) -> tuple[list[str], str]:
    notebook = solution_notebook(checker.lab, wrong.cells)
    problems = _remarked(checker.lab, f"wrong/{wrong.name}", notebook)
    for seed in range(_FEW):
        result = _grade(checker, notebook, seed)
        problems += [
            f"wrong/{wrong.name} is refused: it calls what the lab withholds: {one.evidence}"
            for one in result.flags
            if one.kind == "called a library's answer"
        ][:1]
        lost = {one.name for one in _run_checks(result) if one.outcome != "passed"}
        run = {one.name for one in _run_checks(result)}
        missed = [name for name in wrong.caught_by if name in run and name not in lost]
        problems += [f"wrong/{wrong.name} passes {name} at seed {seed}" for name in missed]
        if not lost and not missed:
            problems.append(f"wrong/{wrong.name} gets all points at seed {seed}")
    return problems, f"wrong/{wrong.name} is caught by {', '.join(wrong.caught_by)}"


def _experiments_run(checker: Checker, to_try: list[lab_test_file.Try]) -> tuple[list[str], str]:
    problems = [*tries.unheld(checker.lab, to_try), *tries.run_all(checker, to_try)]
    count = len(tries.sentences(checker.lab))
    return problems, f"every experiment runs, and what the text has students try ({count})"


def _mutants_are_caught(
    fates: mutants.Fates, named: list[lab_test_file.Survivor]
) -> tuple[list[str], str]:
    lived = len(fates.survivors)
    but = f"; {lived} do the same as the answer, for reasons in lab_test.toml" if lived else ""
    return mutants.told(fates, named), (
        f"of {fates.total} mutants {fates.total - lived} are caught{but}"
    )


def _memory_suffices(checker: Checker) -> tuple[list[str], str]:
    stated = next(one.memory_mb for one in checker.lab.settings.tiers if one.name == "cpu")
    limits, checker.limits = checker.limits, replace(checker.limits, memory_mb=stated)
    try:
        result = _grade(checker, solution_notebook(checker.lab), 0)
    finally:
        checker.limits = limits
    problems = []
    if stated > limits.memory_mb:
        problems.append(f"the cpu tier states {stated} MB, over the limit of {limits.memory_mb} MB")
    if result.score < result.max_score:
        problems.append(
            f"the solution does not get by with the {stated} MB that the cpu tier states: "
            f"{result.verdict}, {result.score:g} of {result.max_score:g}"
        )
    return problems, (
        f"the solution gets by with the {stated} MB that the cpu tier states "
        f"(limit: {limits.memory_mb} MB)"
    )


def _nothing_leaks(lab: Lab, setup: Setup) -> tuple[list[str], str]:
    """Grade with secrets planted in the hidden checks, a spy among the submissions, and look."""
    released = b"".join(released_files(lab).values())
    secrets_of_lab = own_canaries(lab)
    problems = [f"the released files hold {one}" for one in found_in(released, secrets_of_lab)]
    if not secrets_of_lab and lab.hidden_checks is not None:
        problems.append('hidden_checks.py has no line CANARY = "introml-canary-…"')
    notebooks = [solution_notebook(lab), starter_notebook(lab), _with_spy(lab)]
    notebooks += [solution_notebook(lab, one.cells) for one in lab.wrong_solutions()]
    with tempfile.TemporaryDirectory(prefix="introml-canaries-") as place:
        folder, marks = planted(lab, Path(place) / lab.name)
        seed = int.from_bytes(hashlib.sha256(place.encode()).digest()[:7], "big")
        with Checker(replace(setup, seed=seed, hidden=str(folder))) as checker:
            for number, notebook in enumerate(notebooks):
                data = readable(_grade(checker, notebook, seed))
                leaked = found_in(data, [*secrets_of_lab, *marks, str(seed)])
                problems += [f"submission {number} shows the student {one}" for one in leaked]
    return problems, (
        f"of {len(marks) + len(secrets_of_lab)} secrets in the hidden checks none is in what "
        f"students get ({len(notebooks)} submissions, one of them a spy)"
    )


def _with_spy(lab: Lab) -> bytes:
    book = json.loads(solution_notebook(lab))
    spy = {"cell_type": "code", "metadata": {}, "source": SPY, "outputs": []}
    book["cells"] += [spy | {"execution_count": None}]
    return json.dumps(book).encode()


def _failed(result: SubmissionResult, one: CheckResult) -> str:
    """Why an answer of the author's own fails a check, with what a student is not told."""
    told = "" if one.detail else result.teacher.get(f"check {one.name}", "").strip()
    return " ".join(part for part in (one.hint, one.detail, *told.splitlines()[-1:]) if part)


def _why(result: SubmissionResult) -> str:
    with suppress(KeyError):
        return result.teacher["fault"].strip().splitlines()[-1]
    return result.message
