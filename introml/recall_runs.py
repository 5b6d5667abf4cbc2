"""Recurrent networks trained to recall the first symbol of a sequence, some steps later.

At the first step one of two symbols is shown, then noise for `lag` steps, and the question is asked
at the last step: which symbol was it? Chance is a half.
Letters: B sequences, T = lag + 1 steps, H numbers of a state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from introml.picture_training import over_seeds
from introml.recurrent import spectral_radius

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def recall_batch(B: int, lag: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences (B, lag + 1, 3) and their first symbols (B,), 0 or 1.

    Of the three numbers of a step the first two are the symbol, one-hot at the first step and 0
    later; the third is 0 there, and standard normal noise later.
    Taught in {ref}`sec-backpropagation-through-time`.
    """
    symbols = torch.randint(2, (B,), generator=generator)
    X = torch.zeros(B, lag + 1, 3)
    X[torch.arange(B), 0, symbols] = 1
    X[:, 1:, 2] = torch.randn(B, lag, generator=generator)
    return X, symbols


class RecallNetwork(nn.Module):
    """A recurrent layer and, from its last state, two scores: (B, T, 3) -> (B, 2).

    `cell` is "rnn", "gru" or "lstm". With `radius`, an RNN's W_h begins normal and is scaled to
    that spectral radius; with `keep`, the bias of the gate that keeps (an LSTM's f, a GRU's z)
    begins there and not near 0.
    Raises `ValueError` for another cell, and for a `radius` or `keep` that the cell cannot have.
    Taught in {ref}`sec-backpropagation-through-time`.
    """

    def __init__(
        self, cell: str, H: int = 24, radius: float | None = None, keep: float | None = None
    ):
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell is {cell!r}; it must be one of {', '.join(CELLS)}.")
        if radius is not None and cell != "rnn":
            raise ValueError(f"radius is for an rnn; the cell is {cell!r}.")
        if keep is not None and cell == "rnn":
            raise ValueError("keep is for an lstm or a gru: an rnn has no gate.")
        self.recurrent = CELLS[cell](3, H, batch_first=True)
        self.head = nn.Linear(H, 2)
        with torch.no_grad():
            if radius is not None:
                W_h = self.recurrent.weight_hh_l0.normal_()
                W_h *= radius / spectral_radius(W_h)
            if keep is not None:
                # In torch's order the gate that keeps is the second part of both.
                self.recurrent.bias_ih_l0[H : 2 * H] = keep
                self.recurrent.bias_hh_l0[H : 2 * H] = 0

    def forward(self, X: Tensor, window: int | None = None) -> Tensor:
        """The scores; with `window`, no gradient passes from one piece of so many steps on."""
        state = None
        for piece in X.split(window or X.shape[1], dim=1):
            states, state = self.recurrent(piece, state)
            if window is not None:
                detached = [part.detach() for part in state] if isinstance(state, tuple) else None
                state = tuple(detached) if detached else state.detach()
        return self.head(states[:, -1])


def train(
    network: RecallNetwork,
    lag: int,
    seed: int,
    *,
    steps: int = 150,
    lr: float = 1e-2,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    most: float | None = 1.0,
    window: int | None = None,
) -> list[float]:
    """Train on new sequences at each step: the norm of all gradients at each, before clipping.

    The norm is clipped to `most`; None clips nothing.
    Taught in {ref}`sec-backpropagation-through-time`.
    """
    generator = torch.Generator().manual_seed(seed)
    stepper = optimizer(network.parameters(), lr=lr)
    norms = []
    for _ in range(steps):
        X, symbols = recall_batch(32, lag, generator)
        loss = F.cross_entropy(network(X, window), symbols)
        stepper.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), most or float("inf"))
        norms.append(norm.item())
        stepper.step()
    return norms


@torch.no_grad()
def accuracy(network: RecallNetwork, lag: int, seed: int = 10**6) -> float:
    """The share of 500 new sequences whose first symbol is recalled.

    Taught in {ref}`sec-backpropagation-through-time`.
    """
    X, symbols = recall_batch(500, lag, torch.Generator().manual_seed(seed))
    return (network(X).argmax(1) == symbols).float().mean().item()


def accuracies(
    build: Callable[[], RecallNetwork],
    lag: int,
    seeds: Iterable[int],
    **training: object,
) -> list[float]:
    """The accuracy of a network trained from each seed; `training` are the options of `train`.

    Taught in {ref}`sec-backpropagation-through-time`.
    """

    def judge(network: nn.Module, seed: int) -> float:
        assert isinstance(network, RecallNetwork)
        train(network, lag, seed, **training)  # type: ignore[arg-type]
        return accuracy(network, lag)

    return over_seeds(build, judge, seeds)
