"""Many small networks trained at once, each from its own seed and at its own learning rates.

To compare rates fairly takes many trainings: several rates, each with several seeds. Every tensor
of weights gets one more dimension in front, a network an entry: one matrix product serves all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

Elementwise = Callable[[Tensor], Tensor]
"""A function such as `torch.relu`, of a tensor of any shape."""

LAYERS = (64, 32, 10)
"""64 pixels, 32 hidden numbers, 10 scores: the network that the rates are tried on."""


def initial_weights(
    layers: tuple[int, ...], seeds: Iterable[int], scale: float = 1.0
) -> list[Tensor]:
    """[W, b, W, b, …] with W normal of variance 2 · scale² / inputs and b = 0, one network a seed.

    `layers` are the widths from the inputs to the scores. W is (runs, inputs, outputs), b (runs, 1,
    outputs).
    Source: He et al., Delving Deep into Rectifiers (2015), 2.2, where `scale` is 1.
    Taught in {ref}`sec-learning-rate`.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    weights = []
    for inputs, outputs in itertools.pairwise(layers):
        draws = torch.stack([torch.randn(inputs, outputs, generator=g) for g in generators])
        weights += [scale * (2 / inputs) ** 0.5 * draws, torch.zeros(len(draws), 1, outputs)]
    return [w.requires_grad_() for w in weights]


def scores(weights: list[Tensor], X: Tensor, activation: Elementwise = torch.relu) -> Tensor:
    """What every network answers: layers with `activation`, by itself max(x, 0), between them.

    `X` (n, d), the same for all networks, or (runs, n, d) -> (runs, n, classes).
    Taught in {ref}`sec-learning-rate`.
    """
    hidden = X.expand(len(weights[0]), *X.shape[-2:])
    for layer in range(0, len(weights), 2):
        inputs = hidden if layer == 0 else activation(hidden)
        hidden = torch.baddbmm(weights[layer + 1], inputs, weights[layer])
    return hidden


def cross_entropies(outputs: Tensor, answers: Tensor) -> Tensor:
    """The mean cross-entropy of every run: scores (runs, n, classes), classes (runs, n) -> (runs,).

    Taught in {ref}`sec-learning-rate`.
    """
    each = F.cross_entropy(outputs.flatten(0, 1), answers.flatten(), reduction="none")
    return each.view(len(outputs), -1).mean(dim=1)


def losses(
    weights: list[Tensor], X: Tensor, y: Tensor, activation: Elementwise = torch.relu
) -> Tensor:
    """The mean cross-entropy of every network: minus the log of the right answer's probability.

    `X` (n, d) and `y` (n,), or one set a network: (runs, n, d) and (runs, n). Returns (runs,).
    Taught in {ref}`sec-learning-rate`.
    """
    outputs = scores(weights, X, activation)
    return cross_entropies(outputs, y.expand(len(outputs), y.shape[-1]))


def batch_order(n: int, batch_size: int, steps: int, seeds: Iterable[int]) -> Tensor:
    """Which examples each step of each run sees, epoch after epoch: (steps, runs, batch_size).

    Each epoch is a new order of 0 … n − 1, cut into whole batches; what is left over sits out.
    Raises `ValueError` unless 1 ≤ batch_size ≤ n.
    Taught in {ref}`sec-learning-rate`.
    """
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size is {batch_size}; with {n} examples it must be 1 to {n}.")
    whole = n // batch_size
    epochs = max(1, -(-steps // whole))
    runs = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        orders = [torch.randperm(n, generator=generator) for _ in range(epochs)]
        cut = torch.cat([order[: whole * batch_size] for order in orders])
        runs.append(cut.view(-1, batch_size)[:steps])
    return torch.stack(runs, dim=1)


class Runs:
    """Networks that train side by side, and can be stopped, judged, thinned out and carried on.

    `X` (n, d) and `y` (n,) are the training examples. `rates` is (runs,), or (runs, steps) where
    the rate changes from step to step; `seeds` (runs,) gives each run its first weights and its
    order of the examples. `activation` stands between the layers.
    Raises `ValueError` unless there are as many seeds as rates.
    Taught in {ref}`sec-learning-rate`.
    """

    def __init__(
        self,
        X: Tensor,
        y: Tensor,
        rates: Tensor,
        seeds: Iterable[int],
        *,
        batch_size: int = 8,
        layers: tuple[int, ...] = LAYERS,
        scale: float = 1.0,
        activation: Elementwise = torch.relu,
    ):
        seeds = list(seeds)
        if len(seeds) != len(rates):
            raise ValueError(f"{len(rates)} rates and {len(seeds)} seeds: give each run one.")
        self.X, self.y, self.rates, self.seeds = X, y, rates, seeds
        self.batch_size, self.activation = batch_size, activation
        self.weights = initial_weights(layers, seeds, scale)
        self.history = torch.empty(len(seeds), 0)

    def advance(self, steps: int) -> Tensor:
        """Train every run for so many more steps of SGD.

        Returns the loss of each step's batch before the step, (runs, steps); `history` has all.
        Raises `ValueError` when the rates are given step by step and end sooner.
        Taught in {ref}`sec-learning-rate`.
        """
        done = self.history.shape[1]
        if self.rates.ndim == 2 and done + steps > self.rates.shape[1]:
            raise ValueError(
                f"the rates are given for {self.rates.shape[1]} steps, and {done} are done: "
                f"{steps} more are too many."
            )
        unique = {seed: at for at, seed in enumerate(dict.fromkeys(self.seeds))}
        order = batch_order(len(self.X), self.batch_size, done + steps, unique)
        order = order[done:, [unique[seed] for seed in self.seeds]]
        new = torch.empty(len(self.seeds), steps)
        for step, batch in enumerate(order):
            loss = self.batch_losses(batch)
            # Each network's weights are in its own term of the sum alone.
            gradients = torch.autograd.grad(loss.sum(), self.weights)
            rates = self.rates if self.rates.ndim == 1 else self.rates[:, done + step]
            with torch.no_grad():
                self.update(gradients, rates[:, None, None])
            new[:, step] = loss.detach()
        self.history = torch.cat([self.history, new], dim=1)
        return new

    def batch_losses(self, batch: Tensor) -> Tensor:
        """The loss of every run on its own batch, (runs,): `batch` (runs, batch_size) are places.

        Taught in {ref}`sec-learning-rate`.
        """
        return losses(self.weights, self.X[batch], self.y[batch], self.activation)

    def update(self, gradients: tuple[Tensor, ...], rates: Tensor) -> None:
        """One step of SGD, in place: `rates` is (runs, 1, 1), `gradients` are as the weights.

        Taught in {ref}`sec-learning-rate`.
        """
        for w, gradient in zip(self.weights, gradients, strict=True):
            w -= rates * gradient

    @torch.no_grad()
    def loss(self, X: Tensor, y: Tensor) -> Tensor:
        """The mean loss of every run on other examples, (runs,); infinite where it diverged.

        Taught in {ref}`sec-learning-rate`.
        """
        return losses(self.weights, X, y, self.activation).nan_to_num(nan=torch.inf)

    @torch.no_grad()
    def accuracy(self, X: Tensor, y: Tensor) -> Tensor:
        """The share of right answers of every run, (runs,).

        Taught in {ref}`sec-schedules`.
        """
        return (scores(self.weights, X, self.activation).argmax(dim=-1) == y).float().mean(dim=1)

    def keep(self, which: Tensor) -> None:
        """Go on with these runs alone, in this order: `which` (kept,) are their indices.

        Taught in {ref}`sec-learning-rate`.
        """
        self.weights = [w.detach()[which].requires_grad_() for w in self.weights]
        self.rates, self.history = self.rates[which], self.history[which]
        self.seeds = [self.seeds[at] for at in which.tolist()]
