"""introml.activations against torch.nn.functional and autograd."""

from functools import partial

import pytest
import torch
from torch.nn import functional as F

from introml.activations import ACTIVATIONS, gelu, gelu_tanh, leaky_relu, leaky_relu_derivative

PYTORCHS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": F.relu,
    "leaky ReLU": F.leaky_relu,
    "GELU": F.gelu,
    "GELU, tanh form": partial(F.gelu, approximate="tanh"),
    "SiLU": F.silu,
}


def slopes(function, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


def places(seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    near = torch.randn(40, 25, generator=generator, dtype=dtype)
    far = 40 * torch.randn(200, generator=generator, dtype=dtype)
    return torch.cat([near.flatten(), far, torch.tensor([0.0, -0.0, 1e-12, -1e-12], dtype=dtype)])


def test_the_table_has_all_that_are_compared():
    assert ACTIVATIONS.keys() == PYTORCHS.keys()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_derivatives_by_hand(name):
    """At 0 and at 2, to three digits, from a table of the normal distribution and a calculator."""
    x = torch.tensor([0.0, 2.0], dtype=torch.float64)
    values, derivatives = {
        "sigmoid": ([0.5, 0.881], [0.25, 0.105]),
        "tanh": ([0, 0.964], [1, 0.0707]),
        "ReLU": ([0, 2], [0, 1]),
        "leaky ReLU": ([0, 2], [0.01, 1]),
        "GELU": ([0, 2 * 0.97725], [0.5, 0.97725 + 2 * 0.05399]),
        "GELU, tanh form": ([0, 1.9546], [0.5, 1.0861]),
        "SiLU": ([0, 1.762], [0.5, 0.881 + 2 * 0.105]),
    }[name]
    assert ACTIVATIONS[name].function(x).tolist() == pytest.approx(values, abs=5e-4)
    assert ACTIVATIONS[name].derivative(x).tolist() == pytest.approx(derivatives, abs=8e-4)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)], ids=str
)
def test_values_and_derivatives_equal_torchs(name, dtype, tolerance):
    function, derivative = ACTIVATIONS[name]
    near = {"rtol": tolerance, "atol": tolerance}
    for seed in range(5):
        x = places(seed, dtype)
        torch.testing.assert_close(function(x), PYTORCHS[name](x), **near)
        torch.testing.assert_close(derivative(x), slopes(PYTORCHS[name], x), **near)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_autograd_through_our_functions_gives_our_derivatives(name):
    function, derivative = ACTIVATIONS[name]
    x = places(7)
    x = x[x.abs() > 1e-6]  # a kink has no one slope
    torch.testing.assert_close(slopes(function, x), derivative(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_are_what_a_nudge_measures(name):
    function, derivative = ACTIVATIONS[name]
    x = torch.linspace(-6, 6, 1001, dtype=torch.float64) + 0.003
    h = 1e-6
    nudged = (function(x + h) - function(x - h)) / (2 * h)
    torch.testing.assert_close(derivative(x), nudged, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 4)])
def test_shape_and_dtype_are_kept(name, shape):
    for dtype in (torch.float32, torch.float64):
        for function in ACTIVATIONS[name]:
            result = function(torch.zeros(shape, dtype=dtype))
            assert (result.shape, result.dtype) == (shape, dtype)


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_far_out_nothing_overflows_and_digits_are_kept(name):
    function, derivative = ACTIVATIONS[name]
    x = torch.tensor([-800.0, -300.0, 300.0, 800.0], dtype=torch.float64)
    low = 0 if name == "sigmoid" else -1
    assert function(x).tolist() == pytest.approx([low, low, 1, 1], abs=1e-12)
    assert derivative(x)[1:3].tolist() == [derivative(x)[1].item()] * 2
    assert 0 < derivative(x)[2] < 1e-100
    small = torch.tensor([1e-14], dtype=torch.float64)
    if name == "tanh":
        assert function(small).item() == pytest.approx(1e-14, rel=1e-12)


def test_the_two_forms_of_gelu_are_close_and_not_the_same():
    x = torch.linspace(-6, 6, 20001, dtype=torch.float64)
    apart = (gelu(x) - gelu_tanh(x)).abs().max()
    assert 4e-4 < apart < 5e-4


def test_leaky_relu_takes_its_slope():
    x = torch.tensor([-2.0, 3.0])
    assert leaky_relu(x, 0.2).tolist() == pytest.approx([-0.4, 3])
    assert leaky_relu_derivative(x, 0.2).tolist() == pytest.approx([0.2, 1])
