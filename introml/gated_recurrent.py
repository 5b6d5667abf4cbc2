"""LSTM and GRU: recurrent layers whose gates decide what is kept, what is written, what is shown.

Letters: B examples, T steps, D numbers of an input, H numbers of a state. The parts of a gate stand
side by side in one matrix, in torch's order; matrices multiply from the right (torch stores the
transposes), and as in torch a layer has a bias with each matrix.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Gates(NamedTuple):
    """W_x (D, G·H), W_h (H, G·H), b_x and b_h (G·H,): G = 4 parts for an LSTM, 3 for a GRU.

    Taught in {ref}`sec-backpropagation-through-time`.
    """

    W_x: Tensor
    W_h: Tensor
    b_x: Tensor
    b_h: Tensor


def lstm_step(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    gates: Gates,
) -> tuple[Tensor, Tensor]:
    """f ∘ c + i ∘ g is the new c, and o ∘ tanh of it the new h.

    Inputs (B, D), states h and cells c (B, H) -> the new h and c. The gates i, f and o are
    sigmoids, g is a tanh. The parts are in torch's order:
    i (write), f (keep), g (what to write), o (show).
    Source: Hochreiter and Schmidhuber, Long Short-Term Memory (1997); the gate f is of Gers et al.
    (2000).
    Taught in {ref}`sec-backpropagation-through-time`.
    """
    W_x, W_h, b_x, b_h = gates
    i, f, g, o = (x @ W_x + b_x + h @ W_h + b_h).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(x: Tensor, h: Tensor, gates: Gates) -> Tensor:
    """h' = z ∘ h + (1 − z) ∘ n, with n = tanh(x W + b + r ∘ (h W' + b')), gates r and z.

    Inputs (B, D) and states (B, H) -> states (B, H). The parts are in torch's order: r (reset),
    z (keep), n (what to write). As in torch r multiplies after W'; Cho et al. multiply before.
    Source: Cho et al., Learning Phrase Representations using RNN Encoder–Decoder (2014).
    Taught in {ref}`sec-backpropagation-through-time`.
    """
    r_x, z_x, n_x = (x @ gates.W_x + gates.b_x).chunk(3, -1)
    r_h, z_h, n_h = (h @ gates.W_h + gates.b_h).chunk(3, -1)
    z = torch.sigmoid(z_x + z_h)
    return z * h + (1 - z) * torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)


def lstm(X: Tensor, h: Tensor, c: Tensor, gates: Gates) -> tuple[Tensor, Tensor]:
    """States and cells after each step: (B, T, D), (B, H), (B, H) -> (B, T, H) and (B, T, H).

    Taught in {ref}`sec-backpropagation-through-time`.
    """
    states, cells = [], []
    for x in X.unbind(1):
        h, c = lstm_step(x, h, c, gates)
        states.append(h)
        cells.append(c)
    return torch.stack(states, 1), torch.stack(cells, 1)


def gru(X: Tensor, h: Tensor, gates: Gates) -> Tensor:
    """The states after each step: (B, T, D) and (B, H) -> (B, T, H).

    Taught in {ref}`sec-backpropagation-through-time`.
    """
    states = []
    for x in X.unbind(1):
        h = gru_step(x, h, gates)
        states.append(h)
    return torch.stack(states, 1)
