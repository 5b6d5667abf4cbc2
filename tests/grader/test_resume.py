"""Killed at random instants and started again, grading comes to the same grades."""

import random

import pytest
from crowd import hand_in, members
from runs import kill_and_resume


@pytest.fixture
def ten(tmp_path):
    """Ten submissions for the fake checker, each slow in its own way."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(10):
        (folder / f"s{number}.ipynb").write_text(f"slow:0.0{number}")
    return folder


def test_the_whole_run_is_killed(ten, tmp_path):
    done = kill_and_resume(ten, tmp_path / "runs", 5, random.Random(1), fake=True)
    assert not done.problems
    assert done.kills >= 5
    assert done.whole >= 1


def test_true_checkers_templates_and_boxes_end_with_the_run(tmp_path):
    hand_in(tmp_path / "in", members(4, hostile_every=5))
    done = kill_and_resume(tmp_path / "in", tmp_path / "runs", 1, random.Random(2), jobs=1)
    assert not done.problems
    assert done.kills >= 1


def test_a_killed_checker_costs_nobody_a_point(tmp_path):
    hand_in(tmp_path / "in", members(4, hostile_every=5))
    done = kill_and_resume(
        tmp_path / "in", tmp_path / "runs", 1, random.Random(3), checkers=True, jobs=1
    )
    assert not done.problems
    assert done.kills >= 1
