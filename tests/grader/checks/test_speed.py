"""Speed checks in real boxes: honest code is timed right, and no trick makes slow work quick."""

import contextlib
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch_threads import one_thread

from introml.grader.box.limits import Limits
from introml.grader.box.template import Template
from introml.grader.checks import speed
from introml.grader.checks.checks import Check, CheckFailed, NotMeasured, randn, rng_for
from introml.grader.checks.speed import Speed, compare_speed, roofline_floor
from introml.grader.run.attempt import Attempt
from introml.grader.run.outcome import run_check
from introml.grader.student.home import LocalLink
from introml.grader.wire.student_process import Worker
from introml.grader.wire.submission import StudentError, Submission, begin

SIZE = 384
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
    with one_thread(), Template() as one:
        yield one


def inputs(rng):
    return randn(rng, SIZE, SIZE), randn(rng, SIZE, SIZE) / SIZE


def measured(template, source, **options) -> Speed:
    limits = Limits(wall_s=120, cpu_s=120)
    with Attempt(template, [("student", source)], limits=limits, seed=1) as attempt:
        assert [one.outcome for one in attempt.start()] == ["ok"], attempt.results
        attempt.begin(1, 110, public=False)
        options = {"hint": "Too slow or wrong.", "most_rounds": 64} | options
        return compare_speed(
            attempt.submission, "product", REFERENCE, inputs, rng_for(1, "speed"), **options
        )


def test_equal_work_takes_equal_time_and_more_work_takes_more(template):
    try:
        equal, slow = measured(template, REFERENCE), measured(template, SLOW)
    except NotMeasured:
        return  # as it has to be on a machine that is too busy; the rest is shown with made times
    assert equal.low <= equal.ratio <= equal.high
    assert equal.low < 1.5 < 2 < slow.low
    assert equal.score(full=1.2, nothing=5) > slow.score(full=1.2, nothing=5)


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
#: What comes in is made useless, in the hope that it is the reference's too.
MUTATES = """
import torch
def product(x, y):
    x.zero_(), y.zero_()
    return torch.softmax(x @ y, -1) @ y
"""
WRONG = "def product(x, y):\n    return x @ y\n"
NARROW = "def product(x, y):\n    return (x @ y)[:1]\n"


TRICKS = {
    "half": HALF,
    "by address": BY_ADDRESS,
    "by shape": SHAPE_CACHE,
    "lazy": LAZY,
    "thread": THREAD,
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


@pytest.mark.parametrize("source", [STOPPED_CLOCK, BURN], ids=["clock", "burn"])
def test_a_stopped_clock_and_a_burnt_machine_win_nothing(template, source):
    with contextlib.suppress(NotMeasured):  # which counts for nobody, and is flagged for a person
        assert measured(template, source, most_rounds=32).ratio > 1.5


def test_the_inputs_of_a_timed_call_are_nowhere_in_the_box_before_its_clock_starts(template):
    source = "seen = []\ndef product(x, y):\n    seen.append(float(x[0, 0]))\n    return x @ y\n"
    limits = Limits(wall_s=60, cpu_s=60)
    with Attempt(template, [("student", source)], limits=limits, seed=1) as attempt:
        attempt.start()
        attempt.begin(1, 50, public=False)
        began = []

        def watched(name, *args, timed=attempt.submission.timed):
            began.append((attempt.submission.variable("seen"), float(args[0][0, 0])))
            return timed(name, *args)

        attempt.submission.timed = watched
        with contextlib.suppress(NotMeasured):
            compare_speed(
                attempt.submission, "product", source, inputs, rng_for(1, "speed"),
                hint="wrong", most_rounds=32,
            )  # fmt: skip
        assert len(began) == 32
        assert all(first not in seen for seen, first in began)
        assert len({first for _, first in began}) == len(began)


def test_a_broken_reference_is_the_labs_fault(template):
    limits = Limits(wall_s=60, cpu_s=60)
    with Attempt(template, [("student", REFERENCE)], limits=limits) as attempt:
        attempt.start()
        attempt.begin(1, 50, public=False)
        with pytest.raises(ValueError, match="reference cannot be run"):
            compare_speed(
                attempt.submission, "product", "1 / 0", inputs, rng_for(1, "speed"), hint=""
            )


class Fake:
    """A box whose calls take what the machine gives them: seconds by name, and noise."""

    def __init__(self, seconds, noise):
        self.seconds = seconds
        self.noise = noise
        self.calls = 0

    def timed(self, name, *args):
        self.calls += 1
        return self.seconds + self.noise(), args[0]

    def call(self, name, *args, **options):
        return None


def compared(
    monkeypatch, own, reference=0.005, twin=None, idle=0.001, noise=lambda: 0.0, after=0, **options
):
    """What `compare_speed` finds with boxes that take so many seconds a call."""
    boxes = {"student": Fake(own, noise)}
    made = iter([("reference", reference), ("twin", twin or reference), ("idle", idle)])

    class Entered:
        def __enter__(self):
            name, seconds = next(made)
            boxes[name] = Fake(seconds, noise)
            return boxes[name]

        def __exit__(self, *_):
            return None

    def ended(_):
        if after:
            boxes["reference"].seconds = after
        return True

    monkeypatch.setattr(speed, "beside", lambda *_: Entered())
    monkeypatch.setattr(speed, "end_process", ended)
    rng = rng_for(1, "speed")
    found = compare_speed(
        boxes["student"], "product", "", lambda rng: [torch.ones(2)], rng, hint="wrong", **options
    )
    return found, boxes


def test_the_ratio_is_that_of_the_work_without_the_carrying(monkeypatch):
    found, boxes = compared(monkeypatch, own=0.013)
    assert found.ratio == pytest.approx(3)
    assert (found.low, found.high) == pytest.approx((3, 3))
    assert found.seconds == pytest.approx(0.012)
    assert boxes["student"].calls == 32


def test_what_is_quicker_than_the_hardware_is_refused(monkeypatch):
    floor = roofline_floor(flops=4e7, size=0, peak=1e9, bandwidth=1)  # 0.04 s
    with pytest.raises(CheckFailed) as caught:
        compared(monkeypatch, own=0.031, floor_s=floor)  # 0.03 s of it work
    assert "A call took 0.03 s; the hardware needs 0.04 s at least" in caught.value.detail
    found, _ = compared(monkeypatch, own=0.042, floor_s=floor)
    assert found.seconds == pytest.approx(0.041)
    assert roofline_floor(10, 100, 10, 50) == 2


def test_an_equal_function_has_the_ratio_1_within_its_interval_or_is_not_measured(monkeypatch):
    """19 of 20 intervals hold the true ratio, so that of 60 at most 8 may miss it (p = 0.003)."""
    missed = not_measured = 0
    for draw in range(60):
        noise = np.random.default_rng(draw)
        heavy = (0.0002, 0.001, 0.02)[draw % 3]
        try:
            found, _ = compared(monkeypatch, own=0.005, noise=lambda: noise.exponential(heavy))  # noqa: B023
        except NotMeasured:
            not_measured += 1
            continue
        missed += not found.low <= 1 <= found.high
    assert missed <= 8
    assert not_measured <= 25  # most of those with 20 ms of noise on 4 ms of work


def test_more_noise_asks_for_more_rounds_and_too_much_is_not_measured(monkeypatch):
    noise = np.random.default_rng(0)
    found, boxes = compared(monkeypatch, own=0.005, noise=lambda: noise.exponential(0.004))
    assert boxes["student"].calls > 32
    assert found.low <= 1 <= found.high
    with pytest.raises(NotMeasured, match="too busy, or the work too small"):
        compared(monkeypatch, own=0.005, noise=lambda: noise.exponential(0.5))


def test_work_that_is_lost_in_the_carrying_of_its_inputs_is_not_measured(monkeypatch):
    noise = np.random.default_rng(0)
    with pytest.raises(NotMeasured, match="lost in that of carrying its inputs"):
        compared(
            monkeypatch, own=1.00001, reference=1.00001, idle=1.0,
            noise=lambda: noise.exponential(0.01),
        )  # fmt: skip


def test_a_reference_that_is_quicker_once_the_submission_has_ended_is_not_measured(monkeypatch):
    with pytest.raises(NotMeasured, match="keeps the machine busy"):
        compared(monkeypatch, own=0.005, after=0.002)
    found, _ = compared(monkeypatch, own=0.005, after=0.0048)
    assert found.ratio == pytest.approx(1)


def test_a_check_that_could_not_be_measured_counts_neither_for_nor_against():
    def not_measured(submission, rng):
        raise NotMeasured("too busy")

    outcome = run_check(Check("quick", "Quick", 2, not_measured), SimpleNamespace(_received=9), 1)
    assert (outcome.outcome, outcome.counts) == ("not run", False)
    assert "neither for nor against" in outcome.hint
    assert [(flag.kind, flag.evidence) for flag in outcome.flags] == [
        ("not measured", "quick: too busy")
    ]


def test_at_home_the_reference_has_names_of_its_own():
    names = {"__name__": "__main__"}
    exec(WRONG, names)
    wrong = names["product"]
    submission = Submission(LocalLink(Worker(names)))
    begin(submission, 1, 60, True)
    with pytest.raises(CheckFailed, match="too far"):
        compare_speed(submission, "product", REFERENCE, inputs, rng_for(1, "speed"), hint="too far")
    assert names["product"] is wrong
    assert not any(name.startswith("_introml") for name in names)


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
