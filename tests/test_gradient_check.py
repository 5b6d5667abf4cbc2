"""introml.gradient_check on functions whose derivatives are known."""

import pytest
import torch

from introml.gradient_check import gradient_error, nudged_gradient


def test_square_by_hand():
    """((3 + h)² − (3 − h)²) / 2h = 6 for every h."""
    found = nudged_gradient(lambda t: (t * t).sum(), torch.tensor([3.0, -1.0]), 0.5)
    assert found.tolist() == [6, -2]


def test_cube_is_off_by_h_squared():
    at = torch.tensor([1.0, 2.0], dtype=torch.float64)
    found = nudged_gradient(lambda t: (t**3).sum(), at, 0.1)
    torch.testing.assert_close(found, 3 * at**2 + 0.01)


@pytest.mark.parametrize("seed", range(20))
def test_equals_autograd(seed):
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    at = torch.randn(4, 2, generator=generator, dtype=torch.float64)

    def loss(t):
        return (A @ t).tanh().exp().sum()

    expected = torch.func.grad(loss)(at)
    found = nudged_gradient(loss, at, 1e-5)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-8)
    assert gradient_error(found, expected) < 1e-8
    assert gradient_error(nudged_gradient(loss, at.T.contiguous().T, 1e-5), expected) < 1e-8


def test_keeps_what_it_was_given_and_its_dtype():
    at = torch.tensor([1.0], requires_grad=True)
    found = nudged_gradient(lambda t: t.sum(), at, 0.25)
    assert (found.dtype, found.requires_grad, at.item()) == (torch.float32, False, 1)


def test_error_is_relative():
    assert gradient_error(torch.tensor([3.0, 4.0]), torch.tensor([0.0, 4.0])) == 0.75
    assert gradient_error(torch.zeros(2), torch.zeros(2)) == 0


@pytest.mark.parametrize("h", [0.0, -1e-3, float("nan")])
def test_a_nudge_that_is_not_positive_is_refused(h):
    with pytest.raises(ValueError, match="must be positive"):
        nudged_gradient(torch.sum, torch.ones(1), h)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="shape of what it belongs to"):
        gradient_error(torch.ones(2), torch.ones(2, 1))
