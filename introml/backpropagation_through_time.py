"""Backpropagation through time: the gradients of a recurrent layer, walked back step by step.

Letters: B examples, T steps, D numbers of an input, H numbers of a state.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from introml.recurrent import Recurrence


class Gradients(NamedTuple):
    """Of the loss by the inputs X (B, T, D), the first states h (B, H), and W_x, W_h, b."""

    X: Tensor
    h: Tensor
    W_x: Tensor
    W_h: Tensor
    b: Tensor


def backward(
    X: Tensor,
    h: Tensor,
    states: Tensor,
    parameters: Recurrence,
    upstream: Tensor,
    window: int | None = None,
) -> Gradients:
    """The gradients of a loss whose derivative by the states is `upstream` (B, T, H).

    `states` (B, T, H) are those of `rnn(X, h, parameters)`. Each step adds its own share to the
    three parameters' gradients, because one set of parameters serves all steps. With `window`, the
    walk is cut before every step whose number, counted from 0, is a multiple of `window`: truncated
    backpropagation, where a state that enters a window counts as a constant.
    Raises `ValueError` for a window below 1.
    Source: Werbos, Backpropagation Through Time: What It Does and How to Do It (1990).
    Taught in {ref}`sec-backpropagation-through-time`.
    """
    if window is not None and window < 1:
        raise ValueError(f"window is {window}; it must be at least 1 step, or None for all.")
    W_x, W_h, b = parameters
    before = torch.cat([h[:, None], states[:, :-1]], 1)  # (B, T, H): the state each step began with
    dW_x, dW_h, db = torch.zeros_like(W_x), torch.zeros_like(W_h), torch.zeros_like(b)
    dX, dh = torch.empty_like(X), torch.zeros_like(h)
    for t in reversed(range(X.shape[1])):
        dh = dh + upstream[:, t]  # from the loss of this step, and from all later ones
        da = dh * (1 - states[:, t] ** 2)  # through tanh
        dW_x += X[:, t].mT @ da
        dW_h += before[:, t].mT @ da
        db += da.sum(0)
        dX[:, t] = da @ W_x.mT
        dh = da @ W_h.mT
        if window is not None and t % window == 0:
            dh = torch.zeros_like(dh)
    return Gradients(dX, dh, dW_x, dW_h, db)


def clip_norm(gradients: Iterable[Tensor], most: float) -> tuple[list[Tensor], float]:
    """All gradients times one factor, so that their norm together is at most `most`; and the norm.

    The norm that is returned is the one before. A norm of `most` or less changes nothing.
    Raises `ValueError` unless `most` is above 0.
    Source: Pascanu et al., On the difficulty of training recurrent neural networks (2013), 3.2.
    Taught in {ref}`sec-backpropagation-through-time`.
    """
    if not most > 0:
        raise ValueError(f"most is {most}; it must be above 0.")
    gradients = list(gradients)
    norm = torch.stack([g.norm() for g in gradients]).norm().item()
    factor = min(1.0, most / norm) if norm else 1.0
    return [g * factor for g in gradients], norm
