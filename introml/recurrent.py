"""A recurrent layer: one small network, used again at every step, that hands its state on.

Letters: B examples, T steps, D numbers of an input, H numbers of a state.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Recurrence(NamedTuple):
    """The three parameters of a recurrent layer: W_x (D, H), W_h (H, H) and b (H,).

    They multiply from the right; `nn.RNN` stores the transposes, and two biases whose sum is b.
    Taught in {ref}`sec-recurrent-networks`.
    """

    W_x: Tensor
    W_h: Tensor
    b: Tensor


def rnn_step(x: Tensor, h: Tensor, parameters: Recurrence) -> Tensor:
    """tanh(x W_x + h W_h + b): x (B, D) and h (B, H) -> (B, H).

    In letters of a sequence, hₜ from xₜ and hₜ₋₁.

    Taught in {ref}`sec-recurrent-networks`.
    """
    W_x, W_h, b = parameters
    return torch.tanh(x @ W_x + h @ W_h + b)


def rnn(X: Tensor, h: Tensor, parameters: Recurrence) -> Tensor:
    """The state after each step: X (B, T, D), h (B, H) -> (B, T, H).

    `h` are the states to begin with.

    Taught in {ref}`sec-recurrent-networks`.
    """
    states = []
    for x in X.unbind(1):  # (B, D), step after step
        h = rnn_step(x, h, parameters)
        states.append(h)
    return torch.stack(states, 1)


def drawn(D: int, H: int, generator: torch.Generator, radius: float | None = None) -> Recurrence:
    """Parameters at random, uniform in ± 1/√H as `nn.RNN` draws them; b is 0.

    With `radius`, W_h is normal and then scaled so that its spectral radius, the largest absolute
    value of its eigenvalues, is `radius`.
    Raises `ValueError` for a negative `radius`.
    Taught in {ref}`sec-backpropagation-through-time`.
    """
    if radius is not None and radius < 0:
        raise ValueError(f"radius is {radius}; it must not be negative.")
    W_x = (2 * torch.rand(D, H, generator=generator) - 1) / H**0.5
    if radius is None:
        return Recurrence(
            W_x, (2 * torch.rand(H, H, generator=generator) - 1) / H**0.5, torch.zeros(H)
        )
    W_h = torch.randn(H, H, generator=generator)
    return Recurrence(W_x, W_h * (radius / spectral_radius(W_h)), torch.zeros(H))


def spectral_radius(W: Tensor) -> float:
    """The largest absolute value of the eigenvalues of W (H, H).

    Taught in {ref}`sec-backpropagation-through-time`.
    """
    return torch.linalg.eigvals(W).abs().max().item()
