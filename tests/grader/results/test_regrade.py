"""What counts after a regrade: no grade sinks without a teacher's word."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introml.grader.results.regrade import change_in_words, regraded
from introml.grader.results.results import CheckResult, SubmissionResult, Verdict


def result(verdict=Verdict.GRADED, **points):
    checks = [CheckResult(name, name, one, 2, "partial") for name, one in points.items()]
    return SubmissionResult("ada", "0", "tiny", "v", 1, verdict, checks=checks)


def test_an_equal_or_a_higher_result_counts():
    before = result(a=1, b=1)
    for now in (result(a=1, b=1), result(a=2, b=1), result(a=0, b=2)):
        assert regraded(before, now).counts is now
        assert regraded(before, now).proposed is None


@pytest.mark.parametrize(
    "now",
    [
        result(a=1, b=0),
        result(Verdict.INVALID, a=0, b=0),
        result(Verdict.CRASHED, a=2, b=2),
        result(a=1),
    ],
    ids=["lower", "invalid", "crashed", "a smaller part of what is left"],
)
def test_what_would_lower_a_grade_is_a_proposal(now):
    before = result(a=1, b=2)
    found = regraded(before, now)
    assert found.counts is before
    assert found.proposed is now


def test_a_grade_of_nothing_does_not_become_invalid_unasked():
    before, now = result(a=0), result(Verdict.INVALID, a=0)
    assert regraded(before, now).counts is before
    assert regraded(now, before).counts is before


def test_a_fault_of_the_grader_replaces_nothing_and_is_replaced_by_all():
    before, fault = result(a=1), result(Verdict.FAULT, a=0)
    found = regraded(before, fault)
    assert (found.counts, found.proposed) == (before, None)
    assert regraded(fault, result(a=0)).counts == result(a=0)


def test_a_question_added_since_counts_neither_for_nor_against():
    before, now = result(a=2, b=1), result(a=2, b=1, c=0)
    found = regraded(before, now)
    assert (found.counts.score, found.counts.max_score) == (3, 4)
    assert found.counts.checks[2].outcome == "not asked then"
    assert found.proposed is now
    again = regraded(found.counts, result(a=2, b=2, c=0))
    assert (again.counts.score, again.counts.max_score) == (4, 4), "it is not asked later either"
    assert regraded(before, result(a=2, b=1, c=2)).proposed is None, "but if it helps, it counts"


def test_a_change_is_said_with_its_reason():
    now = replace(result(Verdict.INVALID, a=0), message="Half a file.")
    assert change_in_words(result(a=1), now) == "1 of 2 → 0 of 2 (invalid: Half a file.)"


points = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0, 0.5, 1, 2]), min_size=1)
verdicts = st.sampled_from(list(Verdict))


@given(verdicts, points, st.lists(st.tuples(verdicts, points), min_size=1, max_size=5))
def test_no_row_of_regrades_lowers_the_part_that_counts(verdict, first, later):
    counts = result(verdict, **first)
    for verdict, one in later:
        before, counts = counts, regraded(counts, result(verdict, **one)).counts
        if before.verdict != Verdict.FAULT:
            assert counts.score * before.max_score >= before.score * counts.max_score - 1e-6
            assert counts.verdict != Verdict.FAULT
