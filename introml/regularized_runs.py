"""Many networks trained at once, as in `many_runs`, each with its own penalty and dropout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from introml.dropout import drop
from introml.many_runs import Runs, cross_entropies
from introml.regularization import soft_threshold


class RegularizedRuns(Runs):
    """`Runs` with an L1 and an L2 penalty on the weights and dropout on the hidden numbers.

    `X` (runs, n, d) and `y` (runs, n): each run has its own examples. `l1`, `l2` and `p`, the share
    that is dropped, are (runs,). Biases are not penalized. A run's masks depend on its seed alone.
    The L1 penalty is a soft threshold after each step, so weights become exactly 0.
    Raises `ValueError` unless there are as many seeds, sets, penalties and shares as rates.
    Taught in {ref}`sec-regularization`.
    """

    def __init__(
        self,
        X: Tensor,
        y: Tensor,
        rates: Tensor,
        seeds: Iterable[int],
        *,
        l1: Tensor,
        l2: Tensor,
        p: Tensor,
        **settings: Any,
    ):
        for name, given in (("X", X), ("y", y), ("l1", l1), ("l2", l2), ("p", p)):
            if len(given) != len(rates):
                raise ValueError(
                    f"{name} has {len(given)} entries; give each of {len(rates)} runs one."
                )
        super().__init__(X[0], y[0], rates, seeds, **settings)
        self.sets = X, y
        self.l1, self.l2, self.p = (one.view(-1, 1, 1) for one in (l1, l2, p))
        self.masks = [torch.Generator().manual_seed(seed + 1000) for seed in self.seeds]

    def batch_losses(self, batch: Tensor) -> Tensor:
        """As `Runs.batch_losses`, each run on its own examples, with fresh masks.

        Taught in {ref}`sec-regularization`.
        """
        X, y = self.sets
        hidden = X.gather(1, batch[:, :, None].expand(-1, -1, X.shape[2]))
        for layer in range(0, len(self.weights), 2):
            if layer:
                hidden = self._dropped(self.activation(hidden))
            hidden = torch.baddbmm(self.weights[layer + 1], hidden, self.weights[layer])
        return cross_entropies(hidden, y.gather(1, batch))

    def update(self, gradients: tuple[Tensor, ...], rates: Tensor) -> None:
        """As `Runs.update`, then the penalties on the weights.

        Taught in {ref}`sec-regularization`.
        """
        for place, (w, gradient) in enumerate(zip(self.weights, gradients, strict=True)):
            if place % 2:  # biases
                w -= rates * gradient
            else:
                w.copy_(soft_threshold(w - rates * (gradient + self.l2 * w), rates * self.l1))

    def _dropped(self, hidden: Tensor) -> Tensor:
        """Each run's numbers, dropped with its own p."""
        numbers = [torch.rand(hidden.shape[1:], generator=g) for g in self.masks]
        rows = zip(hidden, numbers, self.p.flatten().tolist(), strict=True)
        return torch.stack([drop(one, random >= p, p) for one, random, p in rows])
