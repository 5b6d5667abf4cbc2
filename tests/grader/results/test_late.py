"""`introml.grader.results.late`: days late, the factor, and which attempt counts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introml.grader.lab.settings import LateRule
from introml.grader.results.late import Attempt, attempts_used, days_late, grade_of, late_factor
from introml.grader.results.results import Verdict

DEADLINE = datetime(2027, 1, 10, 12, tzinfo=UTC)
RULE = LateRule(per_day=0.1, max=0.35, grace_minutes=15)


def after(**time) -> datetime:
    return DEADLINE + timedelta(**time)


@pytest.mark.parametrize(
    ("submitted", "days", "factor"),
    [
        (after(days=-3), 0, 1.0),
        (after(), 0, 1.0),
        (after(minutes=15), 0, 1.0),
        (after(minutes=15, seconds=1), 1, 0.9),
        (after(days=1, minutes=15), 1, 0.9),
        (after(days=1, minutes=16), 2, 0.8),
        (after(days=30), 30, 0.65),
    ],
)
def test_each_day_begun_costs_and_grace_forgives(submitted, days, factor):
    assert days_late(RULE, DEADLINE, submitted) == days
    assert late_factor(RULE, DEADLINE, submitted) == pytest.approx(factor)


@given(st.floats(0, 1), st.floats(0, 1), st.timedeltas())
def test_the_factor_stays_between_zero_and_one(per_day, most, late):
    epoch = datetime(5000, 1, 1)
    try:
        submitted = epoch + late
    except OverflowError:
        return
    assert 0 <= late_factor(LateRule(per_day, most), epoch, submitted) <= 1


def test_without_a_deadline_nothing_is_late():
    assert late_factor(RULE, None, after(days=99)) == 1


ATTEMPTS = [
    Attempt(after(hours=-3), 6, Verdict.GRADED),
    Attempt(after(hours=-2), 0, Verdict.FAULT),
    Attempt(after(hours=-1), 8, Verdict.GRADED),
    Attempt(after(hours=1), 8.5, Verdict.GRADED),
    Attempt(after(hours=30), 10, Verdict.GRADED),
]


@pytest.mark.parametrize(
    ("policy", "allowed", "score"),
    [("best", None, 8.0), ("best", 1, 6), ("best", 2, 8), ("last", 3, 7.65), ("last", 2, 8)],
)
def test_which_attempt_counts(policy, allowed, score):
    options = {"policy": policy, "allowed": allowed, "rule": RULE, "deadline": DEADLINE}
    assert grade_of(ATTEMPTS, **options) == pytest.approx(score)
    assert grade_of(ATTEMPTS[::-1], **options) == pytest.approx(score)


def test_a_grader_fault_costs_no_attempt():
    assert attempts_used(ATTEMPTS) == 4
    options = {"policy": "best", "allowed": 1, "rule": RULE, "deadline": None}
    assert grade_of([ATTEMPTS[1], ATTEMPTS[0]], **options) == 6
    assert grade_of([ATTEMPTS[1]], **options) is None
    with pytest.raises(ValueError, match="'first'"):
        grade_of([], policy="first", allowed=None, rule=RULE, deadline=None)
