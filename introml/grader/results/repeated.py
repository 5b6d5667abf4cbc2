"""Several runs of one submission with the same seed: where they differ, it depends on chance.

The run with the most points counts, the first one of equals, and a person is told. So nobody loses
a point to a clock that they only printed, and luck that was tried for is seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from introml.grader.results.results import SubmissionResult, Verdict

_NAMED = 5


def best_of(runs: Sequence[SubmissionResult]) -> SubmissionResult:
    """The run that counts."""
    return max(runs, key=lambda one: one.score)


def differences(runs: Sequence[SubmissionResult], but: Collection[str] = ()) -> list[str]:
    """What the runs do not have in common, in words; checks named in `but` are measured ones.

    Compared are the verdict, each check's outcome and points, and which cells stopped. What was not
    done in time says more about the machine than about the code, and is no difference.
    """
    found = []
    verdicts = {str(one.verdict) for one in runs if one.verdict != Verdict.TIMED_OUT}
    if len(verdicts) > 1:
        found.append(f"the verdict ({', '.join(sorted(verdicts))})")
    for checks in zip(*(one.checks for one in runs), strict=True):
        ends = {(one.outcome, one.points) for one in checks if one.outcome != "timed out"}
        if len(ends) > 1 and checks[0].name not in but:
            outcomes = ", ".join(sorted({one.outcome for one in checks}))
            found.append(f"check {checks[0].name} ({outcomes})")
    stopped = {tuple(one.cell for one in run.cell_errors) for run in runs}
    if len(stopped) > 1:
        found.append("which cells stopped")
    return found


def in_words(runs: int, found: Sequence[str]) -> str:
    """The evidence for a person."""
    named = "; ".join(found[:_NAMED]) + ("; …" if len(found) > _NAMED else "")
    return f"{runs} runs with the same seed differ in {named}. The best run counts."
