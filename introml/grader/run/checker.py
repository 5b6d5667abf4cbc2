"""The checker: the trusted process that holds a lab's checks, the seed, and a template for boxes.

`python -m introml.grader.run.checker` reads one JSON message a line and answers in the same way:

    {lab, hidden, seed, …}                      ->  {"ready": {…}} or {"unusable": "why"}
    {submission, sha256, data, …}               ->  {"at": "check x"} …, {"result": {…}}

It ends when its input does, and when the orchestrator dies.
"""

from __future__ import annotations

import ast
import base64
import ctypes
import hashlib
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from introml.grader.box import GraderFault, Limits, SandboxUnavailable, Template
from introml.grader.checks import Check, ChecksError, load_checks
from introml.grader.lab import Lab, LabError, cells_from_json, load_lab, parse
from introml.grader.notebook import (
    Findings,
    Invalid,
    RunCell,
    Submitted,
    depends_on_chance,
    find,
    read_submission,
)
from introml.grader.results import (
    FAULT_MESSAGE,
    CellError,
    CheckResult,
    Flag,
    SubmissionResult,
    Verdict,
    best_of,
    differences,
    in_words,
    to_json,
)
from introml.grader.run.attempt import Attempt, CellResult
from introml.grader.run.cell_plan import CellPlan
from introml.grader.run.outcome import UNUSABLE, CheckFault, Overtime, alarm, run_check
from introml.grader.run.stopped import (
    LEFT_PYTHON,
    explained,
    notes_on_left_out,
    why_missing,
)
from introml.grader.text import cell_label
from introml.grader.wire import explain_missing, was_timed

UNSAFE_NOTE = "Graded without a sandbox (--unsafe-no-sandbox)."
#: How much longer than its time limit a check may compute on its own side.
_OVERTIME_S = 5.0
#: How long a notebook may take to be read and searched, by the clock. An honest one takes
#: milliseconds, the slowest that the bounds of its parts allow 5 s of computing: on a machine that
#: grades several at a time, that may be some 20 s.
_READ_S = 30.0
#: What shows a sign of chance is run again so often, each time with objects at other addresses, by
#: so much; and seconds after which no more begin.
_SHIFTS, _REPEATS_S = (1, 2, 7, 30, 130), 5.0
#: Letters of a hint or a detail, and of one piece of evidence.
_LONGEST_WORDS = 2000
_EVIDENCE = 4000


@dataclass(frozen=True)
class Setup:
    """What a checker is told first. The limits replace the lab's where they are given.

    `version` is what the lab must be, and `cells` are its cells in that version, as from
    `source.cells_to_json`. `grader` is noted with each result (see `fingerprint`).
    """

    lab: str
    seed: int
    hidden: str | None = None
    time_limit: float | None = None
    memory_limit: int | None = None
    sandbox: bool = True
    version: str | None = None
    cells: list[dict[str, Any]] | None = None
    grader: str | None = None


class Checker:
    """One lab's checks, and a warm template to run submissions from. Use it in a `with` block.

    Raises `LabError`, `ChecksError` or `SandboxUnavailable` where no submission can be graded.
    """

    def __init__(self, setup: Setup, at: Callable[..., None] = lambda *what: None) -> None:
        hidden = Path(setup.hidden) if setup.hidden else None
        cells = None if setup.cells is None else cells_from_json(setup.cells)
        self.lab = load_lab(Path(setup.lab), hidden, cells)
        if setup.version not in (None, self.lab.version):
            words = "was changed while submissions were graded; start the same command again"
            raise LabError(self.lab.folder, None, words)
        self.checks = load_all_checks(self.lab)
        self.limits = limits_of(self.lab, setup.time_limit, setup.memory_limit)
        self.seed = setup.seed
        self._noted = {"grader": setup.grader} if setup.grader else {}
        self._at = at
        tiers = {one.tier for one in self.checks}
        self.cuda = "cuda" in tiers and torch.cuda.is_available()
        self._template = Template(
            isolated=setup.sandbox,
            compiler=self.lab.settings.compiler,
            devices=("cuda:0",) if self.cuda else (),
        )
        self.environment: dict[str, Any] = {}
        #: Checks that time something: they may end otherwise without any chance in the code.
        self._measured: set[str] = set()
        self._without: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        self._template.start()
        sandbox = {"sandbox": self._template.in_force}
        self.environment = environment(self.cuda) | self._noted | sandbox
        return self

    def __exit__(self, *_: object) -> None:
        self._template.close()

    def grade(
        self,
        name: str,
        sha256: str,
        data: bytes,
        refused: str = "",
        without: Collection[str] = (),
    ) -> SubmissionResult:
        """The result of one notebook's bytes; `refused` says why there are none.

        Checks in `without` count as failed: they cannot use what the submission gives them.
        """
        began = time.perf_counter()
        self._without = frozenset(without)
        result = self._new(name, sha256)
        read = Invalid(refused) if refused else self._read(data)
        try:
            if isinstance(read, Invalid):
                result.verdict, result.message = Verdict.INVALID, read.message
            else:
                self._grade(*read, result)
                result = self._repeated(*read, result, time.perf_counter() - began)
        except (CheckFault, GraderFault, OSError) as fault:
            result.verdict, result.message = Verdict.FAULT, FAULT_MESSAGE
            result.checks = [self._not_run(one) for one in self.checks]
            result.teacher["fault"] = traceback.format_exc()[-8000:]
            result.flags.append(Flag("grader fault", str(fault)[:2000]))
        result.measured["wall_s"] = round(time.perf_counter() - began, 4)
        return result

    def _new(self, name: str, sha256: str) -> SubmissionResult:
        result = SubmissionResult(
            name, sha256, self.lab.name, self.lab.version, self.seed, Verdict.GRADED
        )
        result.environment = self.environment
        if self.environment["sandbox"]["sandbox"] == "none":
            result.notes.append(UNSAFE_NOTE)
        result.checks = [self._not_run(one) for one in self.checks]
        return result

    @property
    def boxes(self) -> list[_BoxFor]:
        """The boxes that a submission is run in."""
        return _boxes_for(self.checks, self.lab.settings.families, self.cuda)

    def _not_run(self, check: Check) -> CheckResult:
        return check_result(check, "not run", counts=check.tier == "cpu" or self.cuda)

    def _read(self, data: bytes) -> tuple[Submitted, Findings] | Invalid:
        """What the notebook runs, and the lines of it that deserve a second look."""
        try:
            with alarm(_READ_S):
                read = read_submission(data, self.lab)
                if isinstance(read, Invalid):
                    return read
                cells = [*read.cells, *read.experiments.values()]
                return read, find(cells, self.lab.settings.forbidden)
        except Overtime:
            return Invalid("The notebook takes too long to read. Write its code in usual lines.")

    def _repeated(
        self, read: Submitted, found: Findings, first: SubmissionResult, took_s: float
    ) -> SubmissionResult:
        """Run again what shows a sign of chance, until it ends otherwise; the run that counts.

        At most as often and as long as is said above: what takes long is repeated once, and what
        takes more than half of its time limit is not.
        """
        own = (one.to_run for one in read.cells if one.kind != "locked")
        if took_s > self.limits.wall_s / 2 or not depends_on_chance(own):
            return first
        runs = [first]
        until = time.perf_counter() + _REPEATS_S
        for shift in _SHIFTS:
            if len(runs) > 1 and time.perf_counter() + took_s > until:
                break
            again = self._new(first.submission, first.sha256)
            try:
                self._grade(read, found, again, shift)
            except (CheckFault, GraderFault, OSError) as fault:
                first.teacher["repeat"] = str(fault)[:2000]
                return first
            runs.append(again)
            other = differences(runs, self._measured)
            if other:
                best = best_of(runs)
                best.flags.append(Flag("depends on chance", in_words(len(runs), other)))
                return best
        return best_of(runs)

    def _grade(
        self, read: Submitted, found: Findings, result: SubmissionResult, shift: int = 0
    ) -> None:
        result.notes += read.notes
        result.flags += [Flag("odd notebook", one) for one in read.flags]
        result.flags += [Flag("suspicious code", one) for one in found.evidence()]
        grading = _Grading(self, read, result, shift)
        for number, box in enumerate(self.boxes):
            if box.device == "cpu" or result.verdict == Verdict.GRADED:
                grading.run(box, first=number == 0)


class _BoxFor(NamedTuple):
    """The checks that share a box, its device, and the families that are withheld in it."""

    device: str
    withheld: tuple[str, ...]
    checks: list[Check]


def _boxes_for(checks: list[Check], families: tuple[str, ...], cuda: bool) -> list[_BoxFor]:
    """A box for the checks from which all is withheld, and others for those that allow something.

    What is withheld cannot be given back in a box, nor be withdrawn once the student's code has
    run there: it might have kept it.
    """
    boxes: dict[tuple[str, tuple[str, ...]], _BoxFor] = {}
    for device in ("cpu", "cuda") if cuda else ("cpu",):
        for check in checks:
            if check.tier == device:
                withheld = tuple(one for one in families if one not in check.allows)
                box = boxes.setdefault((device, withheld), _BoxFor(device, withheld, []))
                box.checks.append(check)
    return sorted(boxes.values(), key=lambda box: (box.device, -len(box.withheld)))


def _given(cells: Iterable[RunCell]) -> dict[str, str]:
    """The functions and classes that given cells define as they stand, with their cells."""
    return {
        node.name: cell.id
        for cell in cells
        if cell.kind == "locked"
        for node in getattr(parse(cell.source), "body", ())
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.decorator_list
    }


class _Grading:
    """One submission under way: its cells, its checks one by one, its result as it grows."""

    def __init__(
        self, checker: Checker, read: Submitted, result: SubmissionResult, shift: int = 0
    ) -> None:
        self._checker = checker
        self._shift = shift
        self._result = result
        self._places = {one.name: place for place, one in enumerate(checker.checks)}
        self._cells = [(one.id, one.to_run) for one in read.cells]
        self._plan = CellPlan([source for _, source in self._cells])
        self._given = _given(read.cells)
        self._experiments = {name: cell.to_run for name, cell in read.experiments.items()}

    def run(self, box: _BoxFor, first: bool) -> None:
        """Run the cells in a box, and in it the checks that it is for."""
        checker, result = self._checker, self._result
        with Attempt(
            checker._template,
            self._cells,
            experiments=self._experiments,
            limits=checker.limits,
            families=box.withheld,
            lab=checker.lab.title,
            seed=seed_for(key_of(checker.seed), "the cells"),
            device=box.device,
            plan=self._plan,
            given=self._given,
            shift=self._shift,
        ) as attempt:
            checker._at("while the cells ran")
            cells = attempt.start()
            if first:
                result.public_output = attempt.public_output
                self._say_of_cells(cells)
            explain_missing(attempt.submission, why_missing(self._cells, result.cell_errors))
            if attempt.alive:
                self._check_all(attempt, box.checks)
                attempt.look_for_replaced()
            else:
                self._cells_failed(attempt, box.checks)
            flags = [Flag("odd behaviour", one) for one in dict.fromkeys(attempt.flags)]
            result.flags += [one for one in flags if one not in result.flags]
            if attempt.last_end is not None:
                result.teacher["last_end"] = vars(attempt.last_end)

    def _say_of_cells(self, cells: list[CellResult]) -> None:
        """Name the cells that stopped, and the statements that were left out."""
        for one, (_, source) in zip(cells, self._cells, strict=True):
            self._result.notes += notes_on_left_out(one.cell, source, one.left_out)
            if one.error is not None:
                self._result.cell_errors.append(explained(one.cell, source, one.error))
            elif one.outcome not in ("ok", "not run"):
                self._result.cell_errors.append(CellError(cell_label(one.cell), one.message))

    def _cells_failed(self, attempt: Attempt, checks: list[Check]) -> None:
        last = next(
            (one for one in attempt.results if one.outcome in ("timed_out", "died", "memory")), None
        )
        where = cell_label(last.cell) if last else "The notebook"
        limits = self._checker.limits
        end = attempt.last_end.kind if attempt.last_end else ""
        if end in ("time", "cpu"):
            verdict, outcome = Verdict.TIMED_OUT, "timed out"
            words = (
                f"{where} did not end within the time limit of {limits.wall_s:g} s for the whole "
                "notebook. Look for a loop that never ends."
            )
        elif end == "memory":
            verdict, outcome = Verdict.OUT_OF_MEMORY, "crashed"
            words = f"{where} needed more memory than the limit of {limits.memory_mb} MB."
        else:
            verdict, outcome = Verdict.CRASHED, "crashed"
            words = f"{where} {LEFT_PYTHON}"
        self._result.verdict, self._result.message = verdict, words
        for check in checks:
            self._put(check_result(check, outcome))

    def _check_all(self, attempt: Attempt, checks: list[Check]) -> None:
        # Public ones first: from the first hidden one on, nothing that the process says is public.
        for check in sorted(checks, key=lambda one: one.hidden):
            if self._result.verdict == Verdict.TIMED_OUT:
                self._put(check_result(check, "timed out", hint="Not reached."))
                continue
            self._put(self._one(attempt, check))
            if attempt.time_left <= 0:
                self._result.verdict = Verdict.TIMED_OUT
                self._result.message = (
                    f"The time limit of {self._checker.limits.wall_s:g} s for the whole "
                    "submission was over before all checks had run. Those that had ended count."
                )

    def _one(self, attempt: Attempt, check: Check) -> CheckResult:
        checker, result = self._checker, self._result
        if check.name in checker._without:
            return check_result(check, "failed", hint=check.hint or UNUSABLE)
        checker._at(f"check {check.name}")
        attempt.heard = lambda: checker._at(f"check {check.name}", check.name)
        time_s = check.time_s or checker.lab.settings.limits.check_s
        key = key_of(checker.seed)
        attempt.begin(seed_for(key, check.name), time_s, public=not check.hidden)
        if not attempt.alive:
            return check_result(
                check, "crashed", hint="Your cells could not be run again for this check."
            )
        left = max(0.0, min(time_s, attempt.time_left))
        outcome = run_check(check, attempt.submission, key, left + _OVERTIME_S)
        if outcome.outcome == "timed out" and attempt.alive:
            attempt.close()  # the check was stopped, perhaps in the midst of a reply
        if was_timed(attempt.submission):
            checker._measured.add(check.name)
        result.flags += outcome.flags
        # What a public check found is for the student to read; a hidden one's, for the teacher.
        if told := outcome.evidence or (_short(outcome.detail) if check.hidden else ""):
            result.teacher[f"check {check.name}"] = told
        if attempt.submission.forbidden_calls:
            calls = ", ".join(attempt.submission.forbidden_calls)[:_EVIDENCE]
            result.flags.append(Flag("called a library's answer", f"{check.name}: {calls}"))
        return check_result(
            check,
            outcome.outcome,
            points=outcome.fraction * check.points,
            hint=outcome.hint,
            detail="" if check.hidden else outcome.detail,
            counts=outcome.counts,
        )

    def _put(self, result: CheckResult) -> None:
        self._result.checks[self._places[result.name]] = result


def check_result(
    check: Check,
    outcome: str,
    *,
    points: float = 0.0,
    hint: str = "",
    detail: str = "",
    counts: bool = True,
) -> CheckResult:
    """The result of a check of the lab."""
    # An author may have put into the words what a student's function returned.
    return CheckResult(
        check.name, check.title, points, check.points, outcome, _short(hint), check.hidden,
        check.tier, _short(detail), counts,
    )  # fmt: skip


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}…"


def load_all_checks(lab: Lab) -> list[Check]:
    """The lab's checks, public ones first. Raises `ChecksError`, `LabError`."""
    lab.check_list()  # names that are there twice, and points that are computed
    checks = load_checks(lab.public_checks)
    if lab.hidden_checks is not None:
        beside = [] if lab.hidden_checks.parent == lab.folder else [lab.folder]
        checks += load_checks(lab.hidden_checks, hidden=True, beside=beside)
    return checks


def limits_of(lab: Lab, time_limit: float | None, memory_limit: int | None) -> Limits:
    """The lab's limits for one submission, with the command line's in their place."""
    own = lab.settings.limits
    wall_s = own.wall_s if time_limit is None else time_limit
    return Limits(
        wall_s=wall_s,
        cpu_s=own.cpu_s if time_limit is None else max(own.cpu_s, time_limit),
        memory_mb=own.memory_mb if memory_limit is None else memory_limit,
        processes=own.processes,
        tmp_mb=own.tmp_mb,
        file_mb=own.file_mb,
        reply_mb=own.reply_mb,
    )


@lru_cache(maxsize=64)
def key_of(seed: int) -> int:
    """The number from which all of a run's random numbers follow: slow to make from its seed.

    A box gets seeds that follow from it. With a fast function a student could try all seeds that a
    teacher may have typed until those fit, and know the hidden inputs; this one takes some 0.1 s
    and 32 MB a try.
    """
    key = hashlib.scrypt(
        str(seed).encode(), salt=b"introml seed", n=1 << 15, r=8, p=1, maxmem=1 << 26, dklen=16
    )
    return int.from_bytes(key, "big")


def seed_for(key: int, what: str) -> int:
    """A seed for the student's process, from which the run's key cannot be told."""
    digest = hashlib.sha256(f"introml box\n{key}\n{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2


def environment(cuda: bool = False) -> dict[str, Any]:
    """What a grade may depend on beside the submission, the lab and the seed."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(0) if cuda else "cpu",
    }


def main() -> int:
    """Serve the orchestrator on stdin and stdout until stdin closes."""
    _die_with_parent()
    # What a check prints must not stand among the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    requests = sys.stdin.buffer

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    torch.set_num_threads(1)
    try:
        setup = Setup(**json.loads(requests.readline()))
        with Checker(setup, at=lambda what, over="": say({"at": what, "over": over})) as checker:
            ready = {"cuda": checker.cuda, "boxes": len(checker.boxes)}
            say({"ready": ready | {"environment": checker.environment}})
            _serve(checker, requests, say)
    except (LabError, ChecksError, SandboxUnavailable) as problem:
        say({"unusable": str(problem)})
        return 1
    return 0


def _serve(checker: Checker, requests: Iterable[bytes], say: Callable[[dict], None]) -> None:
    for line in requests:
        request = json.loads(line)
        result = checker.grade(
            request["submission"],
            request["sha256"],
            base64.b64decode(request["data"]),
            request["refused"],
            request["without"],
        )
        say({"result": to_json(result)})


def _die_with_parent() -> None:
    """Have the kernel end this process when the orchestrator ends, however that may be."""
    set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
