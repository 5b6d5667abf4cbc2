"""Late submissions, attempts, and which attempt counts: pure functions of data in `lab.toml`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from introml.grader.lab import LateRule
from introml.grader.results.results import Verdict


def days_late(rule: LateRule, deadline: datetime, submitted: datetime) -> int:
    """Days begun after the deadline and its grace; 0 when in time."""
    over = submitted - deadline - timedelta(minutes=rule.grace_minutes)
    return max(0, math.ceil(over / timedelta(days=1)))


def late_factor(rule: LateRule, deadline: datetime | None, submitted: datetime) -> float:
    """What a score is multiplied by: 1 in time or without a deadline, never below 1 − rule.max."""
    if deadline is None:
        return 1.0
    return 1.0 - min(rule.max, rule.per_day * days_late(rule, deadline, submitted))


@dataclass(frozen=True)
class Attempt:
    """One graded hand-in. `score` is what the checks gave, before the late rule."""

    submitted: datetime
    score: float
    verdict: Verdict


def attempts_used(attempts: Sequence[Attempt]) -> int:
    """How many of a student's attempts are gone: a grader fault costs none."""
    return sum(one.verdict != Verdict.FAULT for one in attempts)


def grade_of(
    attempts: Sequence[Attempt],
    *,
    policy: str,
    allowed: int | None,
    rule: LateRule,
    deadline: datetime | None,
) -> float | None:
    """The score that counts, after the late rule: the best one or the last one.

    Attempts beyond `allowed` (None: no limit) don't count. None without a countable attempt.
    Raises `ValueError` for another policy than "best" and "last".
    """
    if policy not in ("best", "last"):
        raise ValueError(f"policy is {policy!r}; it must be 'best' or 'last'")
    counted = sorted(
        (one for one in attempts if one.verdict != Verdict.FAULT), key=lambda one: one.submitted
    )[:allowed]
    scores = [one.score * late_factor(rule, deadline, one.submitted) for one in counted]
    if not scores:
        return None
    return round(max(scores) if policy == "best" else scores[-1], 6)
