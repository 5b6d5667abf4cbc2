"""Speed checks in real boxes: honest code is timed right, and no trick makes slow work quick."""

import math

import pytest
import torch

from introml.grader.box.limits import Limits
from introml.grader.box.template import Template
from introml.grader.checks.checks import CheckFailed, randn, rng_for
from introml.grader.checks.speed import Speed, compare_speed, roofline_floor
from introml.grader.run.attempt import Attempt
from introml.grader.student.home import LocalLink
from introml.grader.wire.student_process import Worker
from introml.grader.wire.submission import StudentError, Submission, begin

SIZE = 192
REFERENCE = """
import torch
def product(x, y):
    return torch.softmax(x @ y, -1) @ y
"""
#: Six times the work.
SLOW = """
import torch
def product(x, y):
    for _ in range(5):
        torch.softmax(x @ y, -1) @ y
    return torch.softmax(x @ y, -1) @ y
"""


@pytest.fixture(scope="module")
def template():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with Template() as one:
        yield one
    torch.set_num_threads(threads)


def inputs(rng):
    return randn(rng, SIZE, SIZE), randn(rng, SIZE, SIZE) / SIZE


def measured(template, source, **options) -> Speed:
    limits = Limits(wall_s=120, cpu_s=120)
    with Attempt(template, [("student", source)], limits=limits, seed=1) as attempt:
        assert [one.outcome for one in attempt.start()] == ["ok"], attempt.results
        attempt.begin(1, 110, public=False)
        options = {"hint": "Too slow or wrong.", "rounds": 7} | options
        return compare_speed(
            attempt.submission, "product", REFERENCE, inputs, rng_for(1, "speed"), **options
        )


def in_three_tries(test) -> bool:
    """On a busy machine a measurement can go wrong; three in a row do not."""
    return any(test() for _ in range(3))


def test_equal_work_takes_equal_time_and_more_work_takes_more(template):
    def as_expected():
        equal, slow = measured(template, REFERENCE), measured(template, SLOW)
        assert equal.low <= equal.ratio <= equal.high
        told_apart = equal.score(full=1.2, nothing=5) > slow.score(full=1.2, nothing=5)
        return 0.5 < equal.ratio < 2 < slow.ratio and told_apart

    assert in_three_tries(as_expected)


HALF = """
import torch
def product(x, y):
    x, y = x.half(), y.half()
    return (torch.softmax((x @ y).float(), -1).half() @ y).float()
"""
BY_ADDRESS = (
    REFERENCE.replace("product", "honest")
    + """
known = {}
def product(x, y):
    key = (x.data_ptr(), y.data_ptr())
    if key not in known:
        known[key] = honest(x, y)
    return known[key]
"""
)
SHAPE_CACHE = (
    REFERENCE.replace("product", "honest")
    + """
known = {}
def product(x, y):
    return known.setdefault(x.shape, honest(x, y)) if x.shape not in known else known[x.shape]
"""
)
LAZY = (
    REFERENCE.replace("product", "honest")
    + """
import torch
class Lazy(torch.Tensor):
    pass
def product(x, y):
    return torch.empty(x.shape[0], y.shape[1]).as_subclass(Lazy)
"""
)
THREAD = (
    REFERENCE.replace("product", "honest")
    + """
import threading, time
def product(x, y):
    out = torch.empty(x.shape[0], y.shape[1])
    def later():
        time.sleep(0.05)
        out.copy_(honest(x, y))
    threading.Thread(target=later, daemon=True).start()
    return out
"""
)
#: Outputs are computed when they are asked for, and projections are made up.
ON_DEMAND = (
    REFERENCE.replace("product", "honest")
    + """
def product(x, y):
    return torch.zeros(x.shape[0], y.shape[1])
_stack = torch.stack
torch.stack = lambda parts, *a: _stack([torch.ones_like(one) for one in parts], *a)
"""
)
MUTATES = """
import torch
def product(x, y):
    out = torch.softmax(x @ y, -1) @ y
    x.zero_(), y.zero_()
    for base in _introml_bases:
        for one in base:
            one.zero_()
    return out
"""
WRONG = "def product(x, y):\n    return x @ y\n"
NARROW = "def product(x, y):\n    return (x @ y)[:1]\n"


TRICKS = {
    "half": HALF,
    "by address": BY_ADDRESS,
    "by shape": SHAPE_CACHE,
    "lazy": LAZY,
    "thread": THREAD,
    "on demand": ON_DEMAND,
    "mutates": MUTATES,
    "wrong": WRONG,
    "narrow": NARROW,
}


@pytest.mark.parametrize("source", TRICKS.values(), ids=TRICKS)
def test_tricks_fail(template, source):
    with pytest.raises((CheckFailed, StudentError)):
        measured(template, source)


#: Both clocks that a student can reach stand still, and six times the work is done.
STOPPED_CLOCK = (
    SLOW
    + """
import time
time.perf_counter = time.monotonic = time.time = lambda: 0.0
"""
)
#: Starts work on what has been placed before any clock runs.
EARLY = (
    REFERENCE.replace("product", "honest")
    + """
import threading
known = {}
def watch():
    while True:
        for x, y in globals().get("_introml_bases", []):
            key = (float(x.sum()), float(y.sum()))
            if key not in known:
                known[key] = honest(x, y)
threading.Thread(target=watch, daemon=True).start()
def product(x, y):
    key = (float(x.sum()), float(y.sum()))
    return known[key] if key in known else honest(x, y)
"""
)


#: Idles in small batches, so that its own slope from N to 2N calls is flat.
FLAT = (
    SLOW.replace("product", "slow")
    + """
import time
def product(x, y):
    if len(_introml_outputs) == 0:
        import sys
        calls = sys._getframe(1).f_locals["calls"]
        seen.add(len(calls))
        if len(calls) == min(seen):
            time.sleep(0.05)
    return slow(x, y)
seen = set()
"""
)
#: Other processes of its own burn the machine whenever the student's function is not running.
BURN = (
    SLOW.replace("product", "slow")
    + """
import mmap, os
flag = mmap.mmap(-1, 1)
for _ in range(3):
    if os.fork() == 0:
        while True:
            while flag[0] == 0:
                sum(range(1000))
def product(x, y):
    flag[0] = 1
    try:
        return slow(x, y)
    finally:
        flag[0] = 0
"""
)


def test_a_stopped_clock_and_an_early_start_win_nothing(template):
    assert in_three_tries(lambda: measured(template, STOPPED_CLOCK).ratio > 1.5)
    assert in_three_tries(lambda: measured(template, EARLY).ratio > 0.8)


@pytest.mark.parametrize("source", [FLAT, BURN], ids=["flat", "burn"])
def test_slowing_small_batches_or_the_reference_wins_nothing(template, source):
    assert in_three_tries(lambda: measured(template, source).ratio > 1.5)


#: Products of mixed inputs are sums of four products of the placed ones, made off the clock.
BEFOREHAND = """
import sys, torch
table, full = {}, torch.full
def full_and_more(*args, **kwargs):
    if not table and "_introml_bases" in globals():
        for i, (x, _) in enumerate(_introml_bases):
            for j, (_, y) in enumerate(_introml_bases):
                table[i, j] = x.double() @ y.double()
    return full(*args, **kwargs)
torch.full = full_and_more
def product(x, y):
    names = sys._getframe(1).f_locals
    i, j, a, b = (names[name] for name in ("first", "second", "a", "b"))
    both = a * b * (table[i, j] + table[j, i])
    return (a * a * table[i, i] + b * b * table[j, j] + both).float()
"""


def test_products_made_beforehand_are_of_no_use(template):
    def compared(shuffle):
        limits = Limits(wall_s=120, cpu_s=120)
        with Attempt(template, [("student", BEFOREHAND)], limits=limits, seed=1) as attempt:
            attempt.start()
            attempt.begin(1, 110, public=False)
            return compare_speed(
                attempt.submission, "product", "def product(x, y):\n    return x @ y\n", inputs,
                rng_for(1, "speed"), hint="wrong", rounds=3, shuffle=shuffle,
            )  # fmt: skip

    with pytest.raises(CheckFailed, match="wrong"):
        compared(shuffle=True)
    compared(shuffle=False)  # right, and not computed in time: this is what shuffling is for


def test_what_is_quicker_than_the_hardware_is_refused(template):
    flops = 4 * SIZE**3
    floor = roofline_floor(flops, 0, peak=1e8, bandwidth=1)  # a slow machine: 0.28 s
    with pytest.raises(CheckFailed) as caught:
        measured(template, REFERENCE, floor_s=floor)
    assert "the hardware needs 0.28 s at least" in caught.value.detail
    assert roofline_floor(10, 100, 10, 50) == 2


def test_a_broken_reference_is_the_labs_fault(template, monkeypatch):
    from introml.grader.wire.submission import beside

    limits = Limits(wall_s=60, cpu_s=60)
    with Attempt(template, [("student", REFERENCE)], limits=limits) as attempt:
        attempt.start()
        attempt.begin(1, 50, public=False)
        with (
            pytest.raises(ValueError, match="reference cannot be run"),
            beside(attempt.submission, "1 / 0"),
        ):
            pass


def test_at_home_the_reference_has_names_of_its_own():

    names = {"__name__": "__main__"}
    exec(SLOW, names)
    submission = Submission(LocalLink(Worker(names)))
    begin(submission, 1, 60, True)
    found = compare_speed(
        submission, "product", REFERENCE, inputs, rng_for(1, "speed"), hint="", rounds=5
    )
    assert found.ratio > 1.0


def test_the_score_follows_the_lower_end_of_the_interval():
    def score(low):
        return Speed(low * 2, low, low * 3, 1).score(full=1.0, nothing=4.0)

    assert score(0.5) == score(1.0) == 1
    assert score(2.0) == pytest.approx(0.5)
    assert score(4.0) == score(9.0) == 0
    assert score(0.0) == 1
    assert math.isfinite(score(1e-300))
    with pytest.raises(ValueError, match="full < nothing"):
        Speed(1, 1, 1, 1).score(full=2, nothing=1)
