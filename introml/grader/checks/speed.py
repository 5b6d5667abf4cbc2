"""Speed against a reference, by the kernel's count or the checker's clock, one call at a time.

Each call's inputs are drawn afresh and come with the request; its time ends when the whole output
is back, and the output must be the reference's. So there is nothing to compute before it begins,
nothing after it ends, and no loop, clock or input that the student's code could reach. What counts
is what all of the box computes, not how long it waited for its turn (see `Submission.timed`). What
carrying inputs and outputs costs, calls of a function that does nothing tell; it is taken off.

Four boxes answer in turn: the student's, the reference's, a second one of the reference (the twin),
and the one that does nothing. The twin's ratio is known to be 1: where the interval that is found
for it is wide or does not hold 1, the machine is too busy, or the work too small, and the speed
counts as not measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from introml.grader.checks.checks import CheckFailed, NotMeasured, assert_like
from introml.grader.wire import Submission, beside, end_process

#: Beside the reference: gives back, at once, an output that was made before.
_IDLE = """

def _introml_keep(function, *args):
    global _introml_output
    _introml_output = globals()[function](*args)

def _introml_idle(*args):
    return _introml_output
"""
_FIRST_ROUNDS = 32
_RESAMPLES = 1000
#: Of equal calls the time that a tenth of them does not reach: whatever else the machine does only
#: adds. The shortest of all would do as well, but no resampling tells how far off that is.
_QUANTILE = 0.1
#: How far apart the ends of the twin's interval may be, as a ratio.
_WIDEST = 1.5


@dataclass(frozen=True)
class Speed:
    """How a function compares: `ratio` is its time over the reference's, with a 95% interval."""

    ratio: float
    low: float
    high: float
    seconds: float

    def score(self, *, full: float, nothing: float) -> float:
        """1 for a ratio up to `full`, 0 from `nothing` on, and between by its logarithm.

        The interval's lower end is taken: noise never costs a student points.
        """
        if not 0 < full < nothing:
            raise ValueError(f"full={full}, nothing={nothing}: 0 < full < nothing is needed")
        part = math.log(nothing / max(self.low, 1e-9)) / math.log(nothing / full)
        return min(max(part, 0.0), 1.0)


def roofline_floor(flops: float, size: float, peak: float, bandwidth: float) -> float:
    """Seconds that no code can beat: `flops` at `peak` per second, or `size` bytes at `bandwidth`.

    Source: Williams, Waterman and Patterson, Roofline (2009).
    """
    return max(flops / peak, size / bandwidth)


def compare_speed(
    submission: Submission,
    target: str,
    reference: str,
    make_inputs: Callable[[np.random.Generator], Sequence[Any]],
    rng: np.random.Generator,
    *,
    hint: str,
    floor_s: float = 0.0,
    precision: float = 1e-4,
    most_rounds: int = 256,
) -> Speed:
    """Time the student's `target` against `reference`, the source that defines the same name.

    `make_inputs(rng)` draws the arguments of one call; the work should take some milliseconds.
    `precision` is how far an output may be from the reference's, as a part of its norm.
    Rounds, of a call to each box, are doubled up to `most_rounds` until the reference compares
    with itself. Fails with `hint` when an output is wrong, or a call takes less than `floor_s`,
    which no machine can do. Raises `NotMeasured` when the comparison cannot be relied on.
    """
    with ExitStack() as boxes:
        own = boxes.enter_context(beside(submission, reference))
        twin = boxes.enter_context(beside(submission, reference))
        idle = boxes.enter_context(beside(submission, reference + _IDLE))
        idle.call("_introml_keep", target, *make_inputs(rng), returns="nothing")
        calls = {
            "student": (submission, target),
            "reference": (own, target),
            "twin": (twin, target),
            "idle": (idle, "_introml_idle"),
        }
        times: dict[str, list[float]] = {who: [] for who in calls}
        rounds = _FIRST_ROUNDS
        while True:
            while len(times["student"]) < rounds:
                inputs = make_inputs(rng)
                outputs = _round(calls, inputs, times, rng)
                _require_equal(outputs["student"], outputs["reference"], precision, hint)
            against_itself = _compared(times, "twin", rng)
            if against_itself is not None and _can_be_relied_on(against_itself):
                break
            if rounds >= most_rounds:
                raise NotMeasured(_too_noisy(against_itself, rounds))
            rounds = min(2 * rounds, most_rounds)
        if end_process(submission):
            del calls["student"]
            _require_as_quick_without(calls, times, make_inputs, rng)
    speed = _compared(times, "student", rng)
    if speed is None:
        raise NotMeasured(_too_noisy(speed, rounds))
    if speed.seconds < floor_s:
        raise CheckFailed(
            hint, f"A call took {speed.seconds:.2g} s; the hardware needs {floor_s:.2g} s at least."
        )
    return speed


def _round(
    calls: dict[str, tuple[Submission, str]],
    inputs: Sequence[Any],
    times: dict[str, list[float]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """A call to each box, in random order, so that a slow moment hits all alike."""
    outputs = {}
    for who in rng.permutation(list(calls)):
        box, name = calls[who]
        seconds, outputs[who] = box.timed(name, *inputs)
        times[who].append(seconds)
    return outputs


def _require_as_quick_without(
    calls: dict[str, tuple[Submission, str]],
    times: dict[str, list[float]],
    make_inputs: Callable[[np.random.Generator], Sequence[Any]],
    rng: np.random.Generator,
) -> None:
    """Raise `NotMeasured` if the reference is quicker now that the student's processes have ended.

    They may have slowed it down, or another user of the machine has gone: who, nobody can tell.
    """
    alone: dict[str, list[float]] = {who: [] for who in calls}
    for _ in range(len(times["reference"])):
        _round(calls, make_inputs(rng), alone, rng)
    both = {"student": times["reference"], "busy": times["idle"]}
    both |= {"reference": alone["reference"], "idle": alone["idle"]}
    slowed = _compared(both, "student", rng, own_idle="busy")
    if slowed is not None and slowed.low > _WIDEST**0.5:
        raise NotMeasured(
            f"The reference took {slowed.ratio:.2g} times as long while the submission's processes "
            "were there as after they had ended: see whether it keeps the machine busy."
        )


def _compared(
    times: dict[str, list[float]], who: str, rng: np.random.Generator, own_idle: str = "idle"
) -> Speed | None:
    """How the calls of `who` compare with the reference's; None if those are lost in the noise."""

    seen, drawn = {}, {}
    for name in sorted({who, own_idle, "reference", "idle"}):
        column = np.array(times[name])
        picks = rng.integers(0, len(column), size=(_RESAMPLES, len(column)))
        seen[name] = float(np.quantile(column, _QUANTILE))
        drawn[name] = np.quantile(column[picks], _QUANTILE, axis=1)
    work, works = seen["reference"] - seen["idle"], drawn["reference"] - drawn["idle"]
    if work <= 0 or (works <= 0).mean() > 0.01:
        return None
    ratios = (drawn[who] - drawn[own_idle])[works > 0] / works[works > 0]
    low, high = np.quantile(ratios, [0.025, 0.975])
    seconds = max(seen[who] - seen[own_idle], 0.0)
    ratio = seconds / work
    return Speed(ratio, max(min(float(low), ratio), 0.0), max(float(high), ratio), seconds)


def _can_be_relied_on(against_itself: Speed) -> bool:
    low, high = against_itself.low, against_itself.high
    return low <= 1 <= high and high <= _WIDEST * low


def _too_noisy(against_itself: Speed | None, rounds: int) -> str:
    if against_itself is None:
        seen = "its time is lost in that of carrying its inputs"
    else:
        seen = f"its ratio is between {against_itself.low:.2g} and {against_itself.high:.2g}"
    return (
        f"Compared with itself over {rounds} calls, the reference is not as quick as itself: "
        f"{seen}. The machine is too busy, or the work too small."
    )


def _require_equal(actual: Any, expected: Any, precision: float, hint: str) -> None:
    """Fail unless tensors, alone or in a tuple or list, have equal form and nearly equal values."""
    if isinstance(expected, tuple | list):
        if type(actual) is not type(expected) or len(actual) != len(expected):
            raise CheckFailed(hint, "The output of a timed call has another form than it should.")
        for one, other in zip(actual, expected, strict=True):
            _require_equal(one, other, precision, hint)
        return
    assert_like(actual, expected, hint=hint)
    gap = torch.linalg.vector_norm((actual - expected).double())
    if gap > precision * torch.linalg.vector_norm(expected.double()):
        raise CheckFailed(hint, "The output of a timed call is not right.")
