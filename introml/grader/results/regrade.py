"""No grade sinks without a teacher's word: the one rule for grading again, for all who do it.

A regrade that finds less than what counted, or nothing that can be graded, is a proposal: the old
result counts until a teacher takes the new one. What is asked for only since then is left out of
the old grade, neither for nor against.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from introml.grader.results.results import NOT_ASKED, CheckResult, SubmissionResult, Verdict

_SCORED = (Verdict.GRADED, Verdict.TIMED_OUT)
_EQUAL = 1e-9
_WORDS = "Not asked when you handed in, so it counts neither for nor against you."


@dataclass(frozen=True)
class Regraded:
    """What counts after a regrade, and the result that waits for a teacher's word, if one does."""

    counts: SubmissionResult
    proposed: SubmissionResult | None = None


def regraded(before: SubmissionResult, now: SubmissionResult) -> Regraded:
    """What counts of two results of one submission, the earlier and the new one.

    A fault of the grader's never takes a grade's place, and is no proposal.
    """
    if before.verdict == Verdict.FAULT:
        return Regraded(now)
    if now.verdict == Verdict.FAULT:
        return Regraded(before)
    if not is_lower(before, now):
        return Regraded(now)
    same_questions = _as_asked(before, now)
    return Regraded(before if is_lower(before, same_questions) else same_questions, now)


def is_lower(before: SubmissionResult, now: SubmissionResult) -> bool:
    """Whether the new result is a smaller part of its points, or no grade where there was one."""
    if before.verdict in _SCORED and now.verdict == Verdict.INVALID:
        return True
    return _part(now) < _part(before) - _EQUAL


def change_in_words(before: SubmissionResult, now: SubmissionResult) -> str:
    """ "26 of 26 → 20 of 26", or with what the new verdict is and why."""
    words = f"{before.score:g} of {before.max_score:g} → {now.score:g} of {now.max_score:g}"
    return words if now.verdict in _SCORED else f"{words} ({now.verdict}: {now.message})"


def _as_asked(before: SubmissionResult, now: SubmissionResult) -> SubmissionResult:
    """The new result, without the checks that were not there when it was graded before."""
    asked = {one.name for one in before.checks if one.outcome != NOT_ASKED}
    return replace(now, checks=[x if x.name in asked else _not_asked(x) for x in now.checks])


def _not_asked(check: CheckResult) -> CheckResult:
    return replace(check, points=0.0, outcome=NOT_ASKED, hint=_WORDS, detail="", counts=False)


def _part(result: SubmissionResult) -> float:
    return result.score / result.max_score if result.max_score else 0.0
