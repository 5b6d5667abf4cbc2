"""Late submissions, attempts, and which attempt counts: pure functions of data in `lab.toml`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from introml.grader.lab import LateRule
from introml.grader.results.results import Verdict

_DAY = timedelta(days=1)


def days_late(rule: LateRule, deadline: datetime, submitted: datetime) -> int:
    """Days begun after the deadline and its grace; 0 when in time.

    A day ends at the hour at which it began, so the one in which clocks change has 23 hours or 25.
    """
    begin = deadline + timedelta(minutes=rule.grace_minutes)
    if submitted <= begin:
        return 0
    days = max(1, math.ceil((submitted - begin) / _DAY) - 1)
    while submitted > _same_hour(begin, days, rule.zone):
        days += 1
    return days


def _same_hour(begin: datetime, days: int, zone: tzinfo) -> datetime:
    """When clocks in the zone show the same hour, so many days on, in UTC.

    If they show it twice that day, or never, it is the later of what it may be taken for.
    """
    shown = begin.astimezone(zone).replace(tzinfo=None) + days * _DAY
    return max(shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


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


def that_counts(
    attempts: Sequence[Attempt],
    *,
    policy: str,
    allowed: int | None,
    rule: LateRule,
    deadline: datetime | None,
) -> int | None:
    """The place in `attempts` of the one that counts: the best or the last, after the late rule.

    Attempts beyond `allowed` (None: no limit) don't count, nor do faults of the grader; of equally
    good ones it is the first. None without a countable attempt. Raises `ValueError` for another
    policy than "best" and "last".
    """
    if policy not in ("best", "last"):
        raise ValueError(f"policy is {policy!r}; it must be 'best' or 'last'")
    places = [place for place, one in enumerate(attempts) if one.verdict != Verdict.FAULT]
    counted = sorted(places, key=lambda place: attempts[place].submitted)[:allowed]
    if policy == "last" or not counted:
        return counted[-1] if counted else None
    return max(counted, key=lambda place: score_after(attempts[place], rule, deadline))


def score_after(attempt: Attempt, rule: LateRule, deadline: datetime | None) -> float:
    """The score of an attempt after the late rule."""
    return round(attempt.score * late_factor(rule, deadline, attempt.submitted), 6)


def grade_of(
    attempts: Sequence[Attempt],
    *,
    policy: str,
    allowed: int | None,
    rule: LateRule,
    deadline: datetime | None,
) -> float | None:
    """The score, after the late rule, of the attempt that counts; None if none does."""
    place = that_counts(attempts, policy=policy, allowed=allowed, rule=rule, deadline=deadline)
    return None if place is None else score_after(attempts[place], rule, deadline)
