"""introml.backpropagation_through_time against autograd."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.backpropagation_through_time import backward, clip_norm
from introml.recurrent import Recurrence, rnn


def random(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def made(seed: int, T: int, D: int = 2, H: int = 3):
    shapes = [(2, T, D), (2, H), (D, H), (H, H), (H,), (2, T, H)]
    X, h, *parameters, upstream = (random(seed + i, *shape) for i, shape in enumerate(shapes))
    return X, h, Recurrence(*parameters), upstream


def test_two_steps_by_hand():
    """One number each, W_x = W_h = 1, b = 0, inputs 1 and 0, loss h₂: dL/dW_h has one share."""
    one = torch.ones(1, 1, dtype=torch.float64)
    X = torch.tensor([[[1.0], [0.0]]], dtype=torch.float64)
    parameters = Recurrence(one, one, torch.zeros(1, dtype=torch.float64))
    states = rnn(X, 0 * one, parameters)
    h1, h2 = states.flatten().tolist()
    got = backward(X, 0 * one, states, parameters, torch.tensor([[[0.0], [1.0]]]).double())
    assert got.W_h.item() == pytest.approx((1 - h2**2) * h1)
    assert got.W_x.item() == pytest.approx((1 - h2**2) * (1 - h1**2))
    assert got.b.item() == pytest.approx((1 - h2**2) * (1 + 1 - h1**2))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5))
def test_equals_autograd(seed, T, D, H):
    X, h, parameters, upstream = made(seed, T, D, H)
    leaves = [leaf.requires_grad_() for leaf in (X, h, *parameters)]
    states = rnn(X, h, parameters)
    expected = torch.autograd.grad(states, leaves, upstream)
    with torch.no_grad():
        got = backward(X, h, states, parameters, upstream)
    torch.testing.assert_close(tuple(got), expected)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 10))
def test_a_window_equals_autograd_with_detached_states(seed, T, window):
    X, h, parameters, upstream = made(seed, T)
    leaves = [leaf.requires_grad_() for leaf in (X, *parameters)]
    state, pieces = h, []
    for begin in range(0, T, window):
        piece = rnn(X[:, begin : begin + window], state.detach(), parameters)
        state = piece[:, -1]
        pieces.append(piece)
    states = torch.cat(pieces, 1)
    expected = torch.autograd.grad(states, leaves, upstream)
    with torch.no_grad():
        got = backward(X, h, states, parameters, upstream, window)
    torch.testing.assert_close((got.X, got.W_x, got.W_h, got.b), expected)
    assert not got.h.any(), "what enters the first window is a constant, too"


def test_a_window_below_one_is_refused():
    X, h, parameters, upstream = made(0, 2)
    with pytest.raises(ValueError, match="window is 0"):
        backward(X, h, rnn(X, h, parameters), parameters, upstream, 0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0.01, 20))
def test_clipping_equals_torch(seed, most):
    leaves = [random(seed + i, *shape).requires_grad_() for i, shape in enumerate([(3, 2), (4,)])]
    for leaf in leaves:
        leaf.grad = leaf.detach() * 2
    got, norm = clip_norm([leaf.grad for leaf in leaves], most)
    their_norm = torch.nn.utils.clip_grad_norm_(leaves, most)
    assert norm == pytest.approx(their_norm.item())
    # Torch adds 1e-6 to the norm that it divides by.
    torch.testing.assert_close(got, [leaf.grad for leaf in leaves], rtol=1e-5, atol=1e-8)


def test_clipping_by_hand_and_at_the_edges():
    clipped, norm = clip_norm([torch.tensor([3.0]), torch.tensor([4.0])], 1)
    assert norm == 5
    torch.testing.assert_close(torch.cat(clipped), torch.tensor([0.6, 0.8]))
    untouched, _ = clip_norm([torch.tensor([3.0]), torch.tensor([4.0])], 5)
    assert torch.cat(untouched).tolist() == [3, 4]
    zeros, norm = clip_norm([torch.zeros(2)], 1)
    assert (norm, zeros[0].tolist()) == (0, [0, 0])
    with pytest.raises(ValueError, match="most is 0"):
        clip_norm([torch.ones(1)], 0)
