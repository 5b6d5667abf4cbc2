"""Many deep networks trained at once, with or without a normalization in each hidden layer.

Each hidden layer is a matrix product, then the normalization if there is one, then a ReLU. Every
tensor of weights has one more dimension in front, a network an entry, as in `many_runs`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import torch
from torch import Tensor

from introml.many_runs import batch_order, cross_entropies
from introml.normalization import BatchStatistics, normalize

NORMS = ("none", "batch", "mean", "layer")
STARTS = ("small", "matched")


class DeepRuns:
    """Deep networks that train side by side on the same data, each with its rate and its seed.

    `X` (n, d) and `y` (n,) are the training examples, `rates` (runs,) the learning rates and
    `seeds` (runs,) give each run its first weights and its order of the examples. `depth` hidden
    layers have `width` numbers each. `norm` is "none", "batch", "layer", or "mean", which subtracts
    the batch's mean as batch norm does, and divides by nothing. The first weights are uniform:
    "small" is PyTorch's own choice for a linear layer, ± 1/√inputs, which shrinks what passes
    through a ReLU; "matched" is ± √(6/inputs), which keeps its size.
    Raises `ValueError` for another `norm` or `start`, and unless there are as many seeds as rates.
    Source of "matched": He et al., Delving Deep into Rectifiers (2015), 2.2.
    Taught in {ref}`sec-normalization`.
    """

    def __init__(
        self,
        X: Tensor,
        y: Tensor,
        rates: Tensor,
        seeds: Iterable[int],
        *,
        norm: str = "none",
        start: str = "small",
        depth: int = 10,
        width: int = 32,
        batch_size: int = 32,
    ):
        self.seeds = list(seeds)
        if norm not in NORMS or start not in STARTS:
            raise ValueError(
                f"norm is {norm!r} and start {start!r}; norm must be one of {', '.join(NORMS)}, "
                f"and start one of {', '.join(STARTS)}."
            )
        if len(self.seeds) != len(rates):
            raise ValueError(f"{len(rates)} rates and {len(self.seeds)} seeds: give each run one.")
        self.X, self.y, self.rates, self.norm, self.batch_size = X, y, rates, norm, batch_size
        self.steps = 0
        sizes = [X.shape[1], *[width] * depth, int(y.max()) + 1]
        generators = [torch.Generator().manual_seed(seed) for seed in self.seeds]
        self.layers: list[tuple[Tensor, Tensor]] = []
        for inputs, outputs in itertools.pairwise(sizes):
            half = (6 / inputs) ** 0.5 if start == "matched" else inputs**-0.5
            draws = torch.stack([torch.rand(inputs, outputs, generator=g) for g in generators])
            weight = half * (2 * draws - 1)
            zeros = torch.zeros(len(self.seeds), 1, outputs)
            self.layers.append((weight.requires_grad_(), zeros.requires_grad_()))
        ones = [torch.ones(len(self.seeds), 1, width) for _ in range(depth)]
        self.scales = [one.requires_grad_() for one in ones] if norm != "none" else []
        self.running = [BatchStatistics((len(self.seeds), 1, width)) for _ in ones]

    def scores(self, X: Tensor, training: bool = False) -> Tensor:
        """What every network answers: (n, d), or (runs, n, d) -> (runs, n, classes).

        In training, batch norm takes the statistics of `X` and follows them with its running ones;
        otherwise it uses the running ones.
        Taught in {ref}`sec-normalization`.
        """
        hidden = X.expand(len(self.seeds), *X.shape[-2:])
        for at, (weight, bias) in enumerate(self.layers[:-1]):
            if self.norm == "none":
                hidden = torch.baddbmm(bias, hidden, weight).relu()
                continue
            product = torch.bmm(hidden, weight)
            if self.norm == "layer":
                product = normalize(product, (2,))
            elif self.norm == "batch":
                product = self.running[at](product, (1,), training)
            else:
                product = product - self._mean(at, product, training)
            hidden = (self.scales[at] * product + bias).relu()
        weight, bias = self.layers[-1]
        return torch.baddbmm(bias, hidden, weight)

    def _mean(self, at: int, product: Tensor, training: bool) -> Tensor:
        """The batch's mean in training, which the running one follows; in use, the running one."""
        memory = self.running[at]
        if not training:
            return memory.mean
        mean = product.mean(1, keepdim=True)
        memory.mean.lerp_(mean.detach(), memory.momentum)
        return mean

    def advance(self, steps: int) -> Tensor:
        """Train every run for so many more steps of SGD: the batches' losses, (runs, steps).

        Taught in {ref}`sec-normalization`.
        """
        order = batch_order(len(self.X), self.batch_size, self.steps + steps, self.seeds)
        parameters = [w for layer in self.layers for w in layer] + self.scales
        history = torch.empty(len(self.seeds), steps)
        for step, batch in enumerate(order[self.steps :]):
            loss = cross_entropies(self.scores(self.X[batch], training=True), self.y[batch])
            gradients = torch.autograd.grad(loss.sum(), parameters, allow_unused=True)
            with torch.no_grad():
                for w, gradient in zip(parameters, gradients, strict=True):
                    w -= self.rates[:, None, None] * gradient
            history[:, step] = loss.detach()
        self.steps += steps
        return history

    @torch.no_grad()
    def accuracy(self, X: Tensor, y: Tensor, training: bool = False) -> Tensor:
        """The share of right answers of every run, (runs,): 0.1 by chance for ten classes.

        Taught in {ref}`sec-normalization`.
        """
        return (self.scores(X, training).argmax(-1) == y).float().mean(1)
