"""`introml.grader.run.outcome`: what the end of a check means, and what of it students are told."""

import math
import time

import numpy as np
import pytest
import torch

from introml.grader.box.boxes import GraderFault
from introml.grader.checks.checks import CheckFailed, check
from introml.grader.run.outcome import CheckFault, run_check
from introml.grader.wire.submission import StudentError


class Seen:
    """A submission of which `_received` values have arrived."""

    def __init__(self, received=1):
        self._received = received


def outcome(function, *, hint=None, received=1, overtime_s=None):
    made = check(points=1, title="A title", hint=hint)(function)
    return run_check(made, Seen(received), 1, overtime_s)


def raising(error):
    def body(submission, rng):
        raise error

    return body


@pytest.mark.parametrize(
    ("returned", "name", "fraction", "flagged"),
    [
        (None, "passed", 1, False),
        (True, "passed", 1, False),
        (False, "failed", 0, False),
        (0.5, "partial", 0.5, False),
        (1, "passed", 1, False),
        (0, "failed", 0, False),
        (np.float32(0.5), "partial", 0.5, False),
        (torch.tensor(0.5), "partial", 0.5, False),
        (np.bool_(False), "failed", 0, False),
        (1e9, "passed", 1, True),
        (-5, "failed", 0, True),
        (math.nan, "failed", 0, True),
        (math.inf, "failed", 0, True),
        ("10", "failed", 0, True),
        ([1], "failed", 0, True),
        (torch.ones(3), "failed", 0, True),
    ],
)
def test_what_a_check_returns(returned, name, fraction, flagged):
    got = outcome(lambda submission, rng: returned)
    assert (got.outcome, got.fraction, bool(got.flags)) == (name, fraction, flagged)


def test_a_box_that_failed_by_itself_is_no_failure_of_the_students():
    with pytest.raises(GraderFault, match="the template ended"):
        outcome(raising(GraderFault("the template ended")), received=3)


def test_a_failed_check_gives_its_hint_and_keeps_the_detail_apart():
    got = outcome(raising(CheckFailed("Look again.", "6 of 6 entries differ.")))
    assert (got.outcome, got.hint) == ("failed", "Look again.")
    assert got.detail == "6 of 6 entries differ."


def test_a_plain_assert_speaks_and_a_librarys_does_not():
    def plain(submission, rng):
        raise AssertionError("Look again.")  # pytest would rewrite a real assert

    def library(submission, rng):
        torch.testing.assert_close(torch.tensor(1.0), torch.tensor(0.123456))

    assert outcome(plain).hint == "Look again."
    got = outcome(library, hint="The hint.")
    assert got.hint == "The hint."
    assert "0.123" in got.detail  # shown for public checks alone
    assert outcome(library).hint == ""


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("raised", "failed"),
        ("not_done", "failed"),
        ("missing", "failed"),
        ("refused", "failed"),
        ("library_answer", "failed"),
        ("timed_out", "timed out"),
        ("died", "crashed"),
        ("memory", "crashed"),
    ],
)
def test_what_the_students_process_did(kind, name):
    got = outcome(raising(StudentError(kind, "PUBLIC", "PRIVATE")), received=0)
    assert (got.outcome, got.detail, got.evidence) == (name, "PUBLIC", "PRIVATE")
    assert got.hint
    assert "PUBLIC" not in got.hint


def test_what_is_not_done_yet_gets_no_hint_on_what_is_wrong():
    error = raising(StudentError("not_done", "loss is not done yet."))
    got = outcome(error, received=0, hint="Check a factor of 2.")
    assert got.hint == "Not done yet: write your answer in the place of raise NotImplementedError."
    assert outcome(raising(StudentError("raised", "")), hint="Check a factor of 2.").hint.endswith(
        "Check a factor of 2."
    )


def test_a_check_that_breaks_is_a_fault_before_it_saw_a_value_and_a_failure_after():
    broken = raising(KeyError("SECRET"))
    with pytest.raises(CheckFault, match="SECRET"):
        outcome(broken, received=0)
    got = outcome(broken)
    assert got.outcome == "failed"
    assert got.hint == "What your code returned could not be used."
    assert got.detail == ""
    assert "SECRET" in got.evidence
    line = broken.__code__.co_firstlineno + 1
    assert got.flags[0].evidence == f"body (test_outcome.py, line {line}): KeyError('SECRET')"


def test_a_check_that_computes_for_ever_is_stopped():
    def endless(submission, rng):
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                continue

    assert outcome(endless, overtime_s=0.1).outcome == "timed out"
    with pytest.raises(CheckFault, match="too long"):
        outcome(endless, overtime_s=0.1, received=0)


def test_the_check_gets_numbers_of_its_own_seed():
    seen = []
    outcome(lambda submission, rng: seen.append(rng.integers(1 << 62)))
    outcome(lambda submission, rng: seen.append(rng.integers(1 << 62)))
    assert seen[0] == seen[1]
