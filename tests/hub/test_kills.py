"""Parts of a course are killed at random instants under load; `make soak` does so more often."""

import random

from kills import Alone, kill_under_load


def test_nothing_is_lost_or_graded_twice_on_sqlite(tmp_path):
    outcome = kill_under_load(Alone(tmp_path), 3, random.Random(1))
    assert not outcome.problems
    assert outcome.receipts
    assert outcome.receipts <= outcome.graded


def test_nothing_is_lost_or_graded_twice_on_postgresql(tmp_path, postgres):
    outcome = kill_under_load(Alone(tmp_path, postgres), 4, random.Random(4))
    assert not outcome.problems
    assert outcome.kills["database"]
    assert outcome.receipts
