"""Learning-rate schedules: pure functions of the step that give the factor on the base rate.

The rate at step t = 0, 1, … is η · factor(t). To make a schedule of one argument, fix the rest:
`partial(cosine_decay, total=100)`; `join` puts two of those one after the other.
"""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
"""The factor on the base rate, as a function of the step t = 0, 1, …"""


def constant(step: int, factor: float = 1.0, until: int | None = None) -> float:
    """`factor` while step < until, then 1; without `until`, `factor` for ever.

    torch's `ConstantLR` is this with `factor=1/3` and `total_iters=5` unless told otherwise: a
    reduced rate for the first steps.
    Taught in {ref}`sec-schedules`.
    """
    _check_step(step)
    return factor if until is None or step < until else 1.0


def step_decay(step: int, every: int, factor: float = 0.1) -> float:
    """factor^⌊step / every⌋: multiply the rate by `factor` each `every` steps.

    torch's `StepLR(step_size=every, gamma=factor)`.
    Taught in {ref}`sec-schedules`.
    """
    _check_step(step)
    _check_length("every", every)
    return factor ** (step // every)


def exponential_decay(step: int, rate: float) -> float:
    """rate^step.

    torch's `ExponentialLR(gamma=rate)`.
    Taught in {ref}`sec-schedules`.
    """
    _check_step(step)
    return rate**step


def linear_decay(step: int, total: int, end: float = 0.0) -> float:
    """From 1 to `end` on a straight line of `total` steps, then `end`.

    torch's `LinearLR(start_factor=1, end_factor=end, total_iters=total)`; its own defaults, 1/3 to
    1 in 5 steps, make a warm-up.
    Taught in {ref}`sec-schedules`.
    """
    return 1 + (end - 1) * _progress(step, total)


def cosine_decay(step: int, total: int, end: float = 0.0) -> float:
    """end + (1 − end)(1 + cos(π · step / total)) / 2, then `end`.

    torch's `CosineAnnealingLR(T_max=total)` differs in two ways: its `eta_min` is a rate, here η ·
    end, not a factor; and past `T_max` it climbs back up, where this stays at `end`.
    Source: Loshchilov and Hutter, SGDR (2017), without restarts.
    Taught in {ref}`sec-schedules`.
    """
    return end + (1 - end) * (1 + math.cos(math.pi * _progress(step, total))) / 2


def linear_warmup(step: int, total: int, start: float = 0.0) -> float:
    """From `start` to 1 on a straight line of `total` steps, then 1.

    torch's `LinearLR(start_factor=start, total_iters=total)`, which refuses `start_factor=0`; here
    step 0 may have a rate of zero. The other common warm-up, (step + 1) / N, is
    `linear_warmup(step, total=N - 1, start=1 / N)`.
    Source: Goyal et al., Accurate, Large Minibatch SGD (2017), 2.2.
    Taught in {ref}`sec-schedules`.
    """
    return start + (1 - start) * _progress(step, total)


def join(first: Schedule, then: Schedule, at: int) -> Schedule:
    """first(step) while step < at, then then(step − at): a warm-up and what follows it.

    `join(partial(linear_warmup, total=10), partial(cosine_decay, total=90), at=10)`. torch's
    `SequentialLR([first, then], milestones=[at])`.
    Taught in {ref}`sec-schedules`.
    """
    _check_length("at", at)

    def joined(step: int) -> float:
        _check_step(step)
        return first(step) if step < at else then(step - at)

    return joined


def _progress(step: int, total: int) -> float:
    """How much of `total` is done, 0 to 1."""
    _check_step(step)
    _check_length("total", total)
    return min(step / total, 1.0)


def _check_step(step: int) -> None:
    if step < 0:
        raise ValueError(f"step is {step}; steps count from 0.")


def _check_length(name: str, steps: int) -> None:
    if steps < 1:
        raise ValueError(f"{name} is {steps}; it is a number of steps and must be at least 1.")
