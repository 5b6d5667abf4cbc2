"""introml.schedules against torch.optim.lr_scheduler, over whole runs."""

import warnings
from functools import partial

import pytest
import torch
from torch.optim import lr_scheduler

from introml.schedules import (
    constant,
    cosine_decay,
    exponential_decay,
    join,
    linear_decay,
    linear_warmup,
    step_decay,
)

BASE = 0.4


def torch_rates(make_scheduler, steps):
    """The rate that torch's scheduler gives at each of `steps` steps, the base rate being 0.4."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    scheduler = make_scheduler(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with warnings.catch_warnings():
            # SequentialLR passes its epoch on, which torch itself deprecates.
            warnings.simplefilter("ignore", UserWarning)
            scheduler.step()
    return rates


def factors(schedule, steps):
    return [BASE * schedule(step) for step in range(steps)]


CASES = {
    "constant": (
        partial(constant, factor=0.3, until=7),
        lambda o: lr_scheduler.ConstantLR(o, factor=0.3, total_iters=7),
    ),
    "step": (
        partial(step_decay, every=6, factor=0.5),
        lambda o: lr_scheduler.StepLR(o, step_size=6, gamma=0.5),
    ),
    "exponential": (
        partial(exponential_decay, rate=0.93),
        lambda o: lr_scheduler.ExponentialLR(o, gamma=0.93),
    ),
    "linear": (
        partial(linear_decay, total=20, end=0.1),
        lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, total_iters=20),
    ),
    "linear to zero": (
        partial(linear_decay, total=20),
        lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, total_iters=20),
    ),
    "warm-up": (
        partial(linear_warmup, total=9, start=0.2),
        lambda o: lr_scheduler.LinearLR(o, 0.2, total_iters=9),
    ),
    "warm-up with torch's defaults": (
        partial(linear_warmup, total=5, start=1 / 3),
        lr_scheduler.LinearLR,
    ),
    "warm-up from zero": (
        partial(linear_warmup, total=9),
        lambda o: lr_scheduler.LambdaLR(o, lambda step: min(step / 9, 1)),
    ),
    "warm-up by (step + 1) / N": (
        partial(linear_warmup, total=9, start=1 / 10),
        lambda o: lr_scheduler.LambdaLR(o, lambda step: min((step + 1) / 10, 1)),
    ),
    "warm-up, then cosine": (
        join(partial(linear_warmup, total=8, start=0.1), partial(cosine_decay, total=32), at=8),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.LinearLR(o, 0.1, total_iters=8),
                lr_scheduler.CosineAnnealingLR(o, T_max=32),
            ],
            milestones=[8],
        ),
    ),
    "warm-up, then steps": (
        join(partial(linear_warmup, total=5, start=0.5), partial(step_decay, every=10), at=5),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.LinearLR(o, 0.5, total_iters=5),
                lr_scheduler.StepLR(o, step_size=10),
            ],
            milestones=[5],
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_schedule_equals_torch_over_a_whole_run(case):
    schedule, make_scheduler = CASES[case]
    assert factors(schedule, 40) == pytest.approx(torch_rates(make_scheduler, 40), abs=1e-12)


@pytest.mark.parametrize("end", [0.0, 0.25])
def test_cosine_equals_torch_up_to_its_end(end):
    def annealing(o):
        return lr_scheduler.CosineAnnealingLR(o, T_max=30, eta_min=BASE * end)

    ours = factors(partial(cosine_decay, total=30, end=end), 31)
    assert ours == pytest.approx(torch_rates(annealing, 31), abs=1e-12)


def test_cosine_stays_at_its_end_where_torch_climbs_back():
    assert cosine_decay(45, total=30) == pytest.approx(0.0)
    rates = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=30), 46)
    assert rates[45] == pytest.approx(BASE / 2)


def test_torch_refuses_the_warmup_from_zero_that_ours_allows():
    assert linear_warmup(0, total=4) == 0.0
    with pytest.raises(ValueError, match="Starting multiplicative factor"):
        torch_rates(lambda o: lr_scheduler.LinearLR(o, 0.0, total_iters=4), 1)


def test_constant_without_an_end_never_changes():
    assert [constant(step, 0.5) for step in (0, 10, 10_000)] == [0.5] * 3
    assert constant(3) == 1.0


def test_joined_schedule_can_be_joined_again():
    schedule = join(join(lambda t: t, lambda t: 10 + t, at=2), lambda t: 100 + t, at=5)
    assert [schedule(t) for t in range(7)] == [0, 1, 10, 11, 12, 100, 101]


@pytest.mark.parametrize(
    "schedule",
    [
        constant,
        partial(step_decay, every=2),
        partial(exponential_decay, rate=0.5),
        partial(linear_decay, total=2),
        partial(cosine_decay, total=2),
        partial(linear_warmup, total=2),
        join(constant, constant, at=1),
    ],
)
def test_negative_step_is_refused(schedule):
    with pytest.raises(ValueError, match="step is -1"):
        schedule(-1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: step_decay(0, every=0),
        lambda: linear_decay(0, total=0),
        lambda: cosine_decay(0, total=0),
        lambda: linear_warmup(0, total=0),
        lambda: join(constant, constant, at=0),
    ],
)
def test_length_under_one_step_is_refused(make):
    with pytest.raises(ValueError, match="must be at least 1"):
        make()
