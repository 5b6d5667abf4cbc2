"""The words for why a submission is graded again."""

import pytest

from introml.grader.run.changes import graded_again, what_changed

BEFORE = {
    "lab": "l", "seed": 1, "time_limit": None, "memory_limit": None, "sandbox": True, "grader": "g",
    "python": "3.11.2", "packages": {"torch": "2.12.0 aa", "numpy": "2.0 bb"},
}  # fmt: skip
MANY = dict.fromkeys("abcde", "1 x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"grader": "h"}, "the grader"),
        ({"lab": "m"}, "the lab"),
        ({"seed": 2}, "the seed"),
        ({"time_limit": 9.0}, "the time limit"),
        ({"memory_limit": 9}, "the memory limit"),
        ({"sandbox": False}, "the sandbox's use"),
        ({"python": "3.12.1"}, "Python (3.11.2, now 3.12.1)"),
        ({"grader": "h", "lab": "m"}, "the grader and the lab"),
        (
            {"packages": {"torch": "2.13.0 cc", "numpy": "2.0 dd"}},
            "numpy (2.0, with other files) and torch (2.12.0, now 2.13.0)",
        ),
        ({"packages": {"torch": "2.12.0 aa"}}, "numpy (2.0, now not there)"),
        (
            {"packages": BEFORE["packages"] | MANY},
            "a (not there, now 1), b (not there, now 1), c (not there, now 1) and 2 more packages",
        ),
    ],
)
def test_what_changed(change, words):
    assert what_changed(BEFORE, BEFORE | change) == words


def test_an_older_result_says_nothing_of_what_decided_it():
    assert what_changed({}, BEFORE) == "the grader"


def test_the_line():
    one = graded_again("the grader changed since", ["ada"])
    assert one == "the grader changed since: 1 submission is graded again (ada)"
    many = graded_again("the lab changed since", ["ada", "bob", "eve", "zoe"])
    assert many == "the lab changed since: 4 submissions are graded again (ada, bob, eve, …)"
