"""Late submissions, attempts, and which attempt counts: pure functions of data in `lab.toml`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from introml.grader.results import Verdict


@dataclass(frozen=True)
class LateRule:
    """Each day begun after deadline and grace costs `per_day` of the score, `most` at most.

    Both are fractions from 0 to 1. `most=1` lets a late enough submission fall to nothing.
    """

    per_day: float = 0.0
    most: float = 1.0
    grace_minutes: float = 0.0

    def __post_init__(self) -> None:
        for name in ("per_day", "most"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must be a fraction from 0 to 1")
        if not 0 <= self.grace_minutes < math.inf:
            raise ValueError(f"grace_minutes is {self.grace_minutes}; it must be 0 or more")

    def days_late(self, deadline: datetime, submitted: datetime) -> int:
        """Days begun after the deadline and its grace; 0 when in time."""
        over = submitted - deadline - timedelta(minutes=self.grace_minutes)
        return max(0, math.ceil(over / timedelta(days=1)))

    def factor(self, deadline: datetime | None, submitted: datetime) -> float:
        """What a score is multiplied by: 1 in time or without a deadline."""
        if deadline is None:
            return 1.0
        return 1.0 - min(self.most, self.per_day * self.days_late(deadline, submitted))


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
    scores = [one.score * rule.factor(deadline, one.submitted) for one in counted]
    if not scores:
        return None
    return round(max(scores) if policy == "best" else scores[-1], 6)
