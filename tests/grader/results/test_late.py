"""`introml.grader.results.late`: days late, the factor, and which attempt counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

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
    epoch = datetime(5000, 1, 1, tzinfo=UTC)
    try:
        submitted = epoch + late
    except OverflowError:
        return
    assert 0 <= late_factor(LateRule(per_day, most), epoch, submitted) <= 1


BERLIN = replace(RULE, zone=ZoneInfo("Europe/Berlin"), grace_minutes=0)


@pytest.mark.parametrize(
    ("deadline", "last", "days"),
    [
        # Clocks go forward on 2026-03-29 and back on 2026-10-25, at 01:00 UTC.
        ("2026-03-28T22:59Z", "2026-03-29T21:59Z", 1),  # 23:59 to 23:59, 23 hours
        ("2026-03-27T22:59Z", "2026-03-29T21:59Z", 2),
        ("2026-10-24T21:59Z", "2026-10-25T22:59Z", 1),  # 25 hours
        ("2026-10-24T21:59Z", "2026-10-26T22:59Z", 2),
        ("2026-01-10T22:59Z", "2026-01-11T22:59Z", 1),
        ("2026-10-24T00:30Z", "2026-10-25T01:30Z", 1),  # 02:30 to the second 02:30
        ("2026-03-28T01:30Z", "2026-03-29T01:30Z", 1),  # 02:30 to 03:30: there is no 02:30
    ],
)
def test_a_late_day_ends_at_the_same_hour_of_the_clock(deadline, last, days):
    deadline, last = datetime.fromisoformat(deadline), datetime.fromisoformat(last)
    assert days_late(BERLIN, deadline, last) == days
    assert days_late(BERLIN, deadline, last + timedelta(seconds=1)) == days + 1


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(), timedelta(days=400)),
    st.timedeltas(timedelta(), timedelta(days=3)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_who_hands_in_later_is_no_fewer_days_late(deadline, late, later, zone):
    rule = replace(RULE, zone=ZoneInfo(zone))
    days = days_late(rule, deadline, deadline + late)
    assert days <= days_late(rule, deadline, deadline + late + later)
    assert abs(days - days_late(RULE, deadline, deadline + late)) <= (zone != "UTC")


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
