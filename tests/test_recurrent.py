"""introml.recurrent against nn.RNN with the same weights."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from introml.recurrent import Recurrence, drawn, rnn, rnn_step, spectral_radius


def random(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def copied(layer: nn.RNN) -> Recurrence:
    """Its parameters as ours; views and sums, so that gradients reach the layer."""
    return Recurrence(
        layer.weight_ih_l0.T, layer.weight_hh_l0.T, layer.bias_ih_l0 + layer.bias_hh_l0
    )


def test_three_steps_by_hand():
    """W_x = 1, W_h = 0.5, b = 0 on the inputs 1, 0, 0: what was seen once fades, step by step."""
    parameters = Recurrence(torch.ones(1, 1), torch.full((1, 1), 0.5), torch.zeros(1))
    states = rnn(torch.tensor([[[1.0], [0.0], [0.0]]]), torch.zeros(1, 1), parameters)
    first = math.tanh(1)
    second = math.tanh(first / 2)
    expected = [first, second, math.tanh(second / 2)]
    torch.testing.assert_close(states.flatten().tolist(), expected, atol=1e-6, rtol=0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 9), st.integers(1, 4))
def test_equals_torch_with_all_gradients(seed, H, T, D):
    torch.manual_seed(seed)
    layer = nn.RNN(D, H, batch_first=True, dtype=torch.float64)
    X, h = random(seed, 2, T, D).requires_grad_(), random(seed + 1, 2, H).requires_grad_()
    expected, last = layer(X, h[None])
    states = rnn(X, h, copied(layer))
    torch.testing.assert_close(states, expected)
    torch.testing.assert_close(states[:, -1], last[0])
    leaves, upstream = [X, h, *layer.parameters()], random(seed + 2, *states.shape)
    torch.testing.assert_close(
        torch.autograd.grad(states, leaves, upstream),
        torch.autograd.grad(expected, leaves, upstream),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_keeps_the_dtype_and_equals_its_steps(dtype):
    parameters = Recurrence(
        *(random(i, *s).to(dtype) for i, s in enumerate([(3, 4), (4, 4), (4,)]))
    )
    X, h = random(5, 2, 6, 3).to(dtype), torch.zeros(2, 4, dtype=dtype)
    states = rnn(X, h, parameters)
    assert (states.dtype, states.shape) == (dtype, (2, 6, 4))
    for t in range(6):
        h = rnn_step(X[:, t], h, parameters)
        assert torch.equal(states[:, t], h)


def test_gradients_by_finite_differences():
    parameters = [random(i, *s).requires_grad_() for i, s in enumerate([(2, 3), (3, 3), (3,)])]
    X, h = random(7, 1, 4, 2).requires_grad_(), random(8, 1, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda X, h, *p: rnn(X, h, Recurrence(*p)), [X, h, *parameters])


@pytest.mark.parametrize("radius", [0.0, 0.5, 1.0, 1.5])
def test_drawn_parameters_have_the_wanted_spectral_radius(radius):
    parameters = drawn(2, 20, torch.Generator().manual_seed(0), radius)
    # By powers: the norm of W^k grows as the k-th power of the spectral radius.
    power = torch.linalg.matrix_power(parameters.W_h.double(), 400)
    assert power.norm().item() ** (1 / 400) == pytest.approx(radius, abs=0.02)
    assert spectral_radius(parameters.W_h) == pytest.approx(radius, abs=1e-5)


def test_without_a_radius_parameters_are_drawn_as_torch_draws_them():
    W_x, W_h, b = drawn(50, 64, torch.Generator().manual_seed(0))
    for W in (W_x, W_h):  # uniform in ± 1/8
        assert W.abs().max().item() == pytest.approx(1 / 8, rel=0.01)
        assert W.std().item() == pytest.approx(1 / 8 / 3**0.5, rel=0.05)
        assert abs(W.mean().item()) < 0.01
    assert not b.any()


def test_the_spectral_radius_of_a_rotation_is_one():
    """Its eigenvalues are ± i: no real number shows it, nor does its largest entry."""
    assert spectral_radius(torch.tensor([[0.0, -1.0], [1.0, 0.0]])) == pytest.approx(1)
    assert spectral_radius(torch.tensor([[0.0, 100.0], [0.0, 0.0]])) == 0


def test_a_negative_radius_is_refused():
    with pytest.raises(ValueError, match="radius is -1"):
        drawn(1, 2, torch.Generator(), -1)
