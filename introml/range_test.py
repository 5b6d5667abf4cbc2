"""The learning-rate range test: one short run in which the rate rises from tiny to huge."""

from typing import NamedTuple

import torch
from torch import Tensor

from introml.many_runs import Runs


class RangeTest(NamedTuple):
    """`rates` (steps,), the losses of their batches and the smoothed ones (runs, steps), and the
    rate at which each run's smoothed loss is lowest (runs,)."""

    rates: Tensor
    losses: Tensor
    smooth: Tensor
    lowest: Tensor


def range_test(
    X: Tensor,
    y: Tensor,
    seeds: range,
    *,
    low: float = 1e-3,
    high: float = 10.0,
    steps: int = 400,
    batch_size: int = 8,
) -> RangeTest:
    """Raise the rate from `low` to `high` by the same factor at each step, and watch the loss.

    `X` (n, d), `y` (n,). Source: Smith, Cyclical Learning Rates for Training Neural Networks
    (2017), 3.3, where the rate rises by equal amounts.
    Raises `ValueError` unless 0 < low < high and there are at least 2 steps.
    Taught in {ref}`sec-learning-rate`.
    """
    if not 0 < low < high or steps < 2:
        raise ValueError(
            f"low is {low}, high {high} and steps {steps}; give 0 < low < high and 2 steps or more."
        )
    rates = low * (high / low) ** (torch.arange(steps) / (steps - 1))
    runs = Runs(X, y, rates.expand(len(seeds), -1), seeds, batch_size=batch_size)
    found = runs.advance(steps)
    smooth = smoothed(found)
    at = smooth.nan_to_num(nan=torch.inf).argmin(dim=1)
    return RangeTest(rates, found, smooth, rates[at])


def smoothed(values: Tensor, keep: float = 0.9) -> Tensor:
    """The running mean aₜ = keep · aₜ₋₁ + (1 − keep) · vₜ over its sum of weights, 1 − keepᵗ.

    `values` (runs, steps), of which the first mean is the first value itself.
    Source: Kingma and Ba, Adam (2015), section 3, for the division.
    Taught in {ref}`sec-learning-rate`.
    """
    mean = torch.zeros(len(values))
    means = []
    for step, value in enumerate(values.unbind(dim=1), start=1):
        mean = keep * mean + (1 - keep) * value
        means.append(mean / (1 - keep**step))
    return torch.stack(means, dim=1)
