"""`results.results`: scores stay in range, and the canonical result leaves timings out."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from made_results import ANY_NUMBER, RESULTS, result

from introml.grader.results.results import (
    CheckResult,
    Verdict,
    canonical,
    clamped,
    from_json,
    to_json,
)


@given(RESULTS)
def test_scores_are_finite_and_between_zero_and_the_maximum(hostile):
    assert math.isfinite(hostile.max_score)
    assert 0 <= hostile.score <= hostile.max_score
    for one in hostile.checks:
        assert 0 <= one.points <= one.max_points < math.inf


@given(ANY_NUMBER)
def test_a_fraction_is_clamped_and_what_is_no_number_is_nothing(value):
    assert 0 <= clamped(value) <= 1
    assert type(clamped(value)) is float


@pytest.mark.parametrize(
    ("points", "kept"),
    [(1.5, 1.5), (2, 2), (1e9, 2), (-5, 0), (math.nan, 0), (math.inf, 0), ("10", 0), (True, 0)],
)
def test_points_are_kept_within_the_checks_own(points, kept):
    assert CheckResult("a", "A", points, 2, "passed").points == kept


def test_what_needs_a_gpu_counts_neither_in_score_nor_in_maximum():
    one = result()
    assert (one.score, one.max_score) == (2, 5)
    passed = replace(one.checks[2], points=4, outcome="passed", counts=True)
    with_gpu = result(checks=[*one.checks[:2], passed])
    assert (with_gpu.score, with_gpu.max_score) == (6, 9)


def test_a_timed_out_submission_keeps_its_points_and_a_crashed_one_does_not():
    assert result(verdict=Verdict.TIMED_OUT).score == 2
    for verdict in (Verdict.CRASHED, Verdict.OUT_OF_MEMORY, Verdict.INVALID, Verdict.FAULT):
        assert (result(verdict=verdict).score, result(verdict=verdict).max_score) == (0, 5)


def test_tenths_add_up():
    tenths = [CheckResult(str(n), "T", 0.1, 0.1, "passed") for n in range(10)]
    assert result(checks=tenths).score == result(checks=tenths).max_score == 1.0


def test_an_unknown_outcome_is_an_error():
    with pytest.raises(ValueError, match="'won'"):
        CheckResult("a", "A", 1, 1, "won")


def test_the_canonical_result_holds_the_grade_and_nothing_measured():
    one = result()
    again = result(
        measured={"wall_s": 9}, public_output="at 0x7f", teacher={"other": 1}, cell_errors=[
            replace(one.cell_errors[0], message="<object at 0x7f>")
        ],
    )  # fmt: skip
    again.checks = [replace(check, detail="by up to 0.3") for check in one.checks]
    assert canonical(one) == canonical(again)
    assert canonical(one) != canonical(result(seed=1))
    assert canonical(one) != canonical(result(checks=one.checks[:2]))
    assert canonical(one) != canonical(result(notes=[]))
    assert canonical(one) != canonical(result(verdict=Verdict.TIMED_OUT))
    assert json.loads(canonical(one))["score"] == 2


@given(RESULTS)
def test_json_and_back_changes_nothing(hostile):
    node = json.loads(json.dumps(to_json(hostile)))
    assert from_json(node) == hostile
    assert canonical(from_json(node)) == canonical(hostile)


@pytest.mark.parametrize(
    "node", [{}, [], None, {"verdict": "graded"}, to_json(result()) | {"x": 1}]
)
def test_other_json_is_not_a_result(node):
    with pytest.raises(ValueError, match="not the result"):
        from_json(node)
