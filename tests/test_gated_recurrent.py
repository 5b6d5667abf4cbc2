"""introml.gated_recurrent against nn.LSTM and nn.GRU with the same weights."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from introml.gated_recurrent import Gates, gru, gru_step, lstm, lstm_step


def random(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def copied(layer: nn.RNNBase) -> Gates:
    """Its parameters as ours; views, so that gradients reach the layer."""
    return Gates(layer.weight_ih_l0.T, layer.weight_hh_l0.T, layer.bias_ih_l0, layer.bias_hh_l0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 9), st.integers(1, 4))
def test_the_lstm_equals_torch_with_all_gradients(seed, H, T, D):
    torch.manual_seed(seed)
    layer = nn.LSTM(D, H, batch_first=True, dtype=torch.float64)
    X, h, c = (
        random(seed + i, *shape).requires_grad_()
        for i, shape in enumerate([(2, T, D), (2, H), (2, H)])
    )
    expected, (_, last_cell) = layer(X, (h[None], c[None]))
    states, cells = lstm(X, h, c, copied(layer))
    torch.testing.assert_close((states, cells[:, -1]), (expected, last_cell[0]))
    leaves, upstream = [X, h, c, *layer.parameters()], random(seed + 3, *states.shape)
    torch.testing.assert_close(
        torch.autograd.grad(states, leaves, upstream),
        torch.autograd.grad(expected, leaves, upstream),
    )


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 9), st.integers(1, 4))
def test_the_gru_equals_torch_with_all_gradients(seed, H, T, D):
    torch.manual_seed(seed)
    layer = nn.GRU(D, H, batch_first=True, dtype=torch.float64)
    X, h = random(seed, 2, T, D).requires_grad_(), random(seed + 1, 2, H).requires_grad_()
    expected, _ = layer(X, h[None])
    states = gru(X, h, copied(layer))
    torch.testing.assert_close(states, expected)
    leaves, upstream = [X, h, *layer.parameters()], random(seed + 2, *states.shape)
    torch.testing.assert_close(
        torch.autograd.grad(states, leaves, upstream),
        torch.autograd.grad(expected, leaves, upstream),
    )


def gates(parts: int, biases: list[float]) -> Gates:
    """One number of state, all weights 0: the gates are what the biases say."""
    return Gates(
        torch.zeros(1, parts), torch.zeros(1, parts), torch.tensor(biases), torch.zeros(parts)
    )


def test_open_and_closed_gates_of_an_lstm_by_hand():
    x, h, c = torch.zeros(1, 1), torch.zeros(1, 1), torch.tensor([[0.7]])
    shut, open_ = -50.0, 50.0
    _, kept = lstm_step(x, h, c, gates(4, [shut, open_, 9.0, open_]))
    assert kept.item() == pytest.approx(0.7)
    _, forgotten = lstm_step(x, h, c, gates(4, [shut, shut, 9.0, open_]))
    assert forgotten.item() == pytest.approx(0, abs=1e-9)
    shown, written = lstm_step(x, h, c, gates(4, [open_, open_, 0.5, open_]))
    assert written.item() == pytest.approx(0.7 + math.tanh(0.5))
    assert shown.item() == pytest.approx(math.tanh(0.7 + math.tanh(0.5)))
    hidden, _ = lstm_step(x, h, c, gates(4, [open_, open_, 0.5, shut]))
    assert hidden.item() == pytest.approx(0, abs=1e-9)


def test_an_open_and_a_closed_gate_of_a_gru_by_hand():
    x, h = torch.zeros(1, 1), torch.tensor([[0.7]])
    assert gru_step(x, h, gates(3, [0.0, 50.0, 0.5])).item() == pytest.approx(0.7)
    assert gru_step(x, h, gates(3, [0.0, -50.0, 0.5])).item() == pytest.approx(math.tanh(0.5))
    assert gru_step(x, h, gates(3, [0.0, 0.0, 0.5])).item() == pytest.approx(
        (0.7 + math.tanh(0.5)) / 2
    )


def test_gradients_by_finite_differences():
    for parts, layer in ((4, lambda X, h, g: lstm(X, h, h, g)[0]), (3, gru)):
        leaves = [
            random(i, *shape).requires_grad_()
            for i, shape in enumerate(
                [(1, 3, 2), (1, 2), (2, 2 * parts), (2, 2 * parts), (2 * parts,), (2 * parts,)]
            )
        ]
        assert torch.autograd.gradcheck(
            lambda X, h, *p, layer=layer: layer(X, h, Gates(*p)), leaves
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_keeps_the_dtype(dtype):
    X, h = random(0, 2, 5, 3).to(dtype), torch.zeros(2, 4, dtype=dtype)
    four, three = (
        Gates(*(random(i, *s).to(dtype) for i, s in enumerate([(3, n), (4, n), (n,), (n,)])))
        for n in (16, 12)
    )
    for states in (*lstm(X, h, h, four), gru(X, h, three)):
        assert (states.dtype, states.shape) == (dtype, (2, 5, 4))
