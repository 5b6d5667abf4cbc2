"""The same small network trained by any optimizer, at many learning rates and from many seeds.

What a comparison of optimizers needs: the same first weights, the same batches and the same rates
for all of them, and a choice of the rate that is made in the same way.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from introml.many_runs import LAYERS, batch_order, initial_weights, losses
from introml.optimizers import Optimizer

Make = Callable[[Tensor], Optimizer]
"""Makes an optimizer for one tensor of weights from the learning rates of all runs."""
Examples = tuple[Tensor, Tensor]


def train(
    make: Make,
    rates: Sequence[float],
    seeds: Sequence[int],
    examples: Examples,
    *,
    steps: int = 300,
    batch_size: int = 32,
) -> list[Tensor]:
    """The weights of one network for each rate and each seed, rate by rate: (rates · seeds, …).

    `examples` is X (n, d) and y (n,). A seed gives the first weights and the order of the examples,
    so at every rate, and for every optimizer, it gives the same.
    Taught in {ref}`sec-optimizers`.
    """
    X, y = examples
    lr = torch.tensor(list(rates)).repeat_interleave(len(seeds))[:, None, None]
    weights = initial_weights(LAYERS, list(seeds) * len(rates))
    optimizers = [make(lr) for _ in weights]
    order = batch_order(len(X), batch_size, steps, seeds).repeat(1, len(rates), 1)
    for batch in order:
        gradients = torch.autograd.grad(losses(weights, X[batch], y[batch]).sum(), weights)
        with torch.no_grad():
            moved = [
                optimizer.step(w, gradient)
                for optimizer, w, gradient in zip(optimizers, weights, gradients, strict=True)
            ]
        weights = [w.requires_grad_() for w in moved]
    return weights


@torch.no_grad()
def loss(weights: list[Tensor], examples: Examples, seeds: int) -> Tensor:
    """The mean loss of every network, (rates, seeds); infinite where it diverged.

    Taught in {ref}`sec-optimizers`.
    """
    return losses(weights, *examples).nan_to_num(nan=torch.inf).view(-1, seeds)


class Tuned(NamedTuple):
    """What a search found: the best rate, and the mean loss at each rate, (rates,)."""

    rate: float
    losses: Tensor


def tune(
    make: Make,
    rates: Sequence[float],
    seeds: Sequence[int],
    train_on: Examples,
    choose_on: Examples,
    *,
    steps: int = 300,
) -> Tuned:
    """The rate with the lowest loss on `choose_on`, on average over the seeds.

    Taught in {ref}`sec-optimizers`.
    """
    weights = train(make, rates, seeds, train_on, steps=steps)
    found = loss(weights, choose_on, len(seeds)).mean(dim=1)
    return Tuned(rates[int(found.argmin())], found)
