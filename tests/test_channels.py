"""introml.channels against torch's layers, its FLOP counter, and an example worked by hand."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.channels import (
    correlate_channels,
    layer_cost,
    pointwise,
    separable_as_full,
    separable_conv2d,
)
from introml.cost import flops

CELLS = torch.stack([torch.arange(9.0), torch.arange(1.0, 10)]).reshape(2, 3, 3)
KERNELS = torch.tensor([[[0.0, 1], [2, 3]], [[1, 2], [3, 4]]])


def random(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def check(found, expected, inputs):
    """Equal values, and equal gradients for a pull that differs from cell to cell."""
    torch.testing.assert_close(found, expected)
    pull = torch.linspace(-1, 2, expected.numel(), dtype=expected.dtype).reshape(expected.shape)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, pull), torch.autograd.grad(expected, inputs, pull)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_hand_worked_example(dtype):
    x, weight = CELLS.to(dtype), KERNELS[None].to(dtype)
    y = correlate_channels(x, weight)
    assert y.tolist() == [[[56, 72], [104, 120]]]
    assert y.dtype == dtype
    alone = [correlate_channels(x[c : c + 1], weight[:, c : c + 1])[0].tolist() for c in (0, 1)]
    assert alone == [[[19, 25], [37, 43]], [[37, 47], [67, 77]]]


sizes = st.integers(1, 4)


@settings(deadline=None, max_examples=100)
@given(sizes, sizes, sizes, sizes, st.integers(0, 99))
def test_channels_and_their_gradients_equal_torchs(channels, outputs, kh, kw, seed):
    x, weight = random(seed, channels, kh + 2, kw + 1), random(seed + 1, outputs, channels, kh, kw)
    check(correlate_channels(x, weight), F.conv2d(x[None], weight)[0], (x, weight))


@settings(deadline=None, max_examples=100)
@given(sizes, sizes, sizes, sizes, st.booleans(), st.integers(0, 99))
def test_pointwise_equals_a_1x1_convolution_and_a_linear_layer(C, O, H, W, with_bias, seed):
    x, weight, bias = random(seed, 2, C, H, W), random(seed + 1, O, C), random(seed + 2, O)
    inputs = (x, weight, bias) if with_bias else (x, weight)
    own = bias if with_bias else None
    y = pointwise(x, weight, own)
    check(y, F.conv2d(x, weight[:, :, None, None], own), inputs)
    torch.testing.assert_close(y, F.linear(x.movedim(1, -1), weight, own).movedim(-1, 1))


@settings(deadline=None, max_examples=100)
@given(sizes, sizes, sizes, sizes, st.integers(1, 3), st.integers(0, 2), st.integers(0, 99))
def test_separable_equals_torchs_two_layers_and_one_full_one(C, O, kh, kw, stride, padding, seed):
    x, each, mix = random(seed, 2, C, kh + 3, kw + 4), random(seed + 1, C, kh, kw), random(5, O, C)
    found = separable_conv2d(x, each, mix, stride, padding)
    two = F.conv2d(x, each[:, None], None, stride, padding, groups=C)
    check(found, F.conv2d(two, mix[:, :, None, None]), (x, each, mix))
    found = separable_conv2d(x, each, mix, stride, padding)
    full = separable_as_full(each, mix)
    check(found, F.conv2d(x, full, None, stride, padding), (x, each, mix))


def test_gradients_equal_finite_differences():
    x, weight = random(0, 2, 4, 4), random(1, 2, 2, 2, 2)
    assert torch.autograd.gradcheck(correlate_channels, (x, weight))
    x, each, mix = random(0, 1, 2, 4, 4), random(1, 2, 3, 3), random(2, 3, 2)
    assert torch.autograd.gradcheck(lambda *all: separable_conv2d(*all, padding=1), (x, each, mix))
    assert torch.autograd.gradcheck(pointwise, (x, mix, random(3, 3)))


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 3), sizes, sizes, pairs, pairs, pairs, st.integers(0, 2), st.booleans())
def test_counts_are_those_of_torchs_layer(groups, per, out, kernel, stride, dilation, pad, bias):
    C, O = groups * per, groups * out
    layer = torch.nn.Conv2d(C, O, kernel, stride, pad, dilation, groups, bias)
    cost = layer_cost(C, O, kernel, (9, 8), stride, pad, dilation, groups, bias)
    assert cost.weights == layer.weight.numel()
    assert cost.parameters == sum(p.numel() for p in layer.parameters())
    assert cost.flops == 2 * cost.macs == flops(layer, (1, C, 9, 8))


def test_counts_by_hand():
    cost = layer_cost(2, 1, 2, 3)
    assert (cost.weights, cost.biases, cost.parameters) == (8, 1, 9)
    assert (cost.macs, cost.flops) == (32, 64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: correlate_channels(CELLS[0], KERNELS[None]), r"must be \(C, H, W\)"),
        (lambda: correlate_channels(CELLS[:1], KERNELS[None]), "with the same C"),
        (lambda: pointwise(CELLS[None], torch.ones(3, 3)), "with the same C"),
        (lambda: layer_cost(3, 4, 3, 8, groups=2), "groups is 2; it must divide channels = 3"),
        (lambda: layer_cost(0, 4, 3, 8), "channels is 0; it must be at least 1"),
        (lambda: layer_cost(3, 4, 9, 8), "spans 9 cells"),
    ],
)
def test_what_does_not_fit_is_refused_with_reasons(call, message):
    with pytest.raises(ValueError, match=message):
        call()
