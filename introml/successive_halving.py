"""Successive halving: train many candidates briefly, drop the worse half, train the others on."""

from typing import NamedTuple

import torch
from torch import Tensor

from introml.many_runs import Runs


class Round(NamedTuple):
    """Which candidates (numbers from 0) trained to how many steps, and their losses (alive,)."""

    alive: Tensor
    steps: int
    losses: Tensor


def successive_halving(runs: Runs, X: Tensor, y: Tensor, first: int) -> list[Round]:
    """Halve `runs` until one is left, doubling the steps done before each choice: first, 2 first, …

    A round's losses are those on `X` (n, d) and `y` (n,), which the runs do not train on. The run
    that is left is all that `runs` holds afterwards.
    Raises `ValueError` unless there are at least 2 runs, and `first` is at least 1.
    Source: Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter
    Optimization (2016), section 3.
    Taught in {ref}`sec-learning-rate`.
    """
    if first < 1 or len(runs.seeds) < 2:
        raise ValueError(
            f"first is {first} and there are {len(runs.seeds)} runs: "
            "give 1 step or more and 2 runs or more."
        )
    alive, steps, rounds = torch.arange(len(runs.seeds)), first, []
    while len(alive) > 1:
        runs.advance(steps - runs.history.shape[1])
        losses = runs.loss(X, y)
        rounds.append(Round(alive, steps, losses))
        better = losses.argsort()[: len(losses) // 2]
        runs.keep(better)
        alive, steps = alive[better], 2 * steps
    return rounds
