"""The result of one submission: a verdict, what each check gave, a score always in range."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypeGuard


class Verdict(StrEnum):
    """How the grading of a submission ended. Each submission has exactly one."""

    GRADED = "graded"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    INVALID = "invalid"
    FAULT = "grader fault"


FAULT_MESSAGE = (
    "The grader failed on this submission; it is not your fault, and costs no attempt. Tell the "
    "person who runs the grading of your course."
)
#: The kind of the flag that a check gets which broke over a value of the student's.
COULD_NOT_USE = "a check could not use what was returned"
#: The hint of a check that met the line which stands where an answer is to come.
NOT_DONE = "Not done yet: write your answer in the place of raise NotImplementedError."
#: A check that was added after a submission was graded: it counts neither for nor against it.
NOT_ASKED = "not asked then"
#: What a check can end as. "not run" and not counting: it needs a GPU, and there was none, or it
#: could not be measured.
OUTCOMES = ("passed", "partial", "failed", "timed out", "crashed", "not run", NOT_ASKED)


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome. `points` are 0 … `max_points`, whatever is asked for.

    `detail` says what was seen, for public checks; numbers in it may differ in the last digits
    between machines, so it is no part of the canonical result. With `counts` false the check is
    left out of score and maximum.
    """

    name: str
    title: str
    points: float
    max_points: float
    outcome: str
    hint: str = ""
    hidden: bool = False
    tier: str = "cpu"
    detail: str = ""
    counts: bool = True

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome is {self.outcome!r}; it must be one of {OUTCOMES}")
        most = self.max_points if _in_range(self.max_points) else 0.0
        object.__setattr__(self, "max_points", float(most))
        fraction = self.points / most if most and _is_number(self.points) else 0.0
        object.__setattr__(self, "points", float(round(clamped(fraction) * most, 6)))


@dataclass(frozen=True)
class CellError:
    """A cell of the student's that stopped: which, and what it said (no secrets there yet).

    `line` is the line of the cell, `code` what is written there, `advice` what to do.
    """

    cell: str
    message: str
    line: int | None = None
    code: str = ""
    advice: str = ""

    @property
    def place(self) -> str:
        """ "Cell 'loss' stopped at line 3"."""
        return f"{self.cell} stopped at line {self.line}" if self.line else f"{self.cell} stopped"

    @property
    def said(self) -> str:
        """What is written there, what it said, and what to do, on a few lines."""
        code = f"    {self.code}" if self.code else ""
        return "\n".join(line for line in (code, self.message, self.advice) if line)

    @property
    def words(self) -> str:
        """All of it, on a few lines."""
        return f"{self.place}:\n{self.said}".rstrip("\n")


@dataclass(frozen=True)
class Flag:
    """Something that a person should look at. Teachers see it; students never do."""

    kind: str
    evidence: str = ""


@dataclass
class SubmissionResult:
    """All that is known of one graded submission; `score` and `max_score` follow from `checks`.

    `message` is a sentence for the student. `measured` holds timings and the like. `teacher` holds
    tracebacks and other evidence that students never see.
    """

    submission: str
    sha256: str
    lab: str
    lab_version: str
    seed: int
    verdict: Verdict
    message: str = ""
    checks: list[CheckResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    cell_errors: list[CellError] = field(default_factory=list)
    public_output: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    teacher: dict[str, Any] = field(default_factory=dict)

    @property
    def max_score(self) -> float:
        """The points of all checks that count."""
        return round(math.fsum(one.max_points for one in self.checks if one.counts), 6)

    @property
    def score(self) -> float:
        """The points reached, 0 … `max_score`; 0 where the verdict says that nothing was graded."""
        if self.verdict not in (Verdict.GRADED, Verdict.TIMED_OUT):
            return 0.0
        reached = math.fsum(one.points for one in self.checks if one.counts)
        return min(round(reached, 6), self.max_score)


def clamped(fraction: object) -> float:
    """`fraction` as a number from 0 to 1; what is no finite number is 0."""
    if not _is_number(fraction):
        return 0.0
    return min(max(float(fraction), 0.0), 1.0)


def canonical(result: SubmissionResult) -> bytes:
    """The result without what may differ between two gradings of the same submission.

    Left out: timings, measured numbers, what the student's code printed, evidence for a person.
    """
    whole = asdict(result) | {"score": result.score, "max_score": result.max_score}
    for name in ("measured", "teacher", "public_output", "cell_errors", "flags"):
        del whole[name]
    for one in whole["checks"]:
        del one["detail"]
    whole["cell_errors"] = [one.cell for one in result.cell_errors]
    whole["flags"] = sorted({one.kind for one in result.flags})
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode("ascii")


def to_json(result: SubmissionResult) -> dict[str, Any]:
    """The whole result as JSON values, for the teacher's file and between processes."""
    return asdict(result) | {"score": result.score, "max_score": result.max_score}


def from_json(node: dict[str, Any]) -> SubmissionResult:
    """The result that `to_json` wrote. Raises `ValueError` for anything else."""
    try:
        fields = {key: value for key, value in node.items() if key not in ("score", "max_score")}
        return SubmissionResult(
            **fields
            | {
                "verdict": Verdict(fields["verdict"]),
                "checks": [CheckResult(**one) for one in fields["checks"]],
                "flags": [Flag(**one) for one in fields["flags"]],
                "cell_errors": [CellError(**one) for one in fields["cell_errors"]],
            }
        )
    except (TypeError, KeyError, AttributeError) as problem:
        raise ValueError(f"this is not the result of a submission: {problem}") from problem


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _in_range(points: object) -> bool:
    return _is_number(points) and 0 < points <= 1e6
