"""introml.convolution against torch's own, a hand-checked example, and polynomial products."""

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.convolution import (
    PADDING_MODES,
    conv2d,
    correlate2d,
    output_size,
    pad,
    receptive_cells,
    true_convolve2d,
    windows,
)

TORCH_MODES = {"zeros": "constant"}
CELLS = torch.arange(9.0).reshape(3, 3)
KERNEL = torch.tensor([[0.0, 1.0], [2.0, 3.0]])


def random(seed: int, *shape: int, requires_grad: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return x.requires_grad_(requires_grad)


def torch_pad(x, down, across, mode):
    return F.pad(x, (across, across, down, down), mode=TORCH_MODES.get(mode, mode))


def torch_conv2d(x, weight, bias, stride, padding, dilation, groups, mode):
    """What nn.Conv2d does with its padding_mode."""
    if mode == "zeros":
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return F.conv2d(torch_pad(x, *padding, mode), weight, bias, stride, 0, dilation, groups)


def outcome(call):
    """The result, or None if the call is refused."""
    try:
        return call()
    except (ValueError, RuntimeError):
        return None


pairs = {
    "stride": st.tuples(st.integers(1, 4), st.integers(1, 4)),
    "padding": st.tuples(st.integers(0, 4), st.integers(0, 4)),
    "dilation": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "size": st.tuples(st.integers(1, 8), st.integers(1, 8)),
    "kernel": st.tuples(st.integers(1, 4), st.integers(1, 4)),
}
modes = st.sampled_from(PADDING_MODES)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
@pytest.mark.parametrize(
    ("settings_", "expected"),
    [
        ({}, [[19, 25], [37, 43]]),
        ({"padding": 1}, [[0, 3, 8, 4], [9, 19, 25, 10], [21, 37, 43, 16], [6, 7, 8, 0]]),
        ({"padding": 1, "stride": (3, 2)}, [[0, 8], [6, 8]]),
        ({"dilation": 2}, [[0 * 0 + 1 * 2 + 2 * 6 + 3 * 8]]),
    ],
    ids=["plain", "padding", "stride", "dilation"],
)
def test_hand_checked_example(settings_, expected, dtype):
    x, kernel = CELLS.to(dtype), KERNEL.to(dtype)
    assert correlate2d(x, kernel, **settings_).tolist() == expected
    assert conv2d(x[None, None], kernel[None, None], **settings_)[0, 0].tolist() == expected


def test_true_convolution_of_the_hand_checked_example():
    assert true_convolve2d(CELLS, KERNEL).tolist() == [[5, 11], [23, 29]]


def test_two_channels_of_the_hand_checked_example():
    # The second channel holds 1..9 and its kernel 1..4: 37 47 / 67 77 more than the first alone.
    x = torch.stack([CELLS, CELLS + 1])[None]
    weight = torch.stack([KERNEL, KERNEL + 1])[None]
    assert conv2d(x, weight)[0, 0].tolist() == [[56, 72], [104, 120]]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), pairs["size"], pairs["kernel"])
def test_full_true_convolution_is_the_product_of_polynomials(seed, size, kernel):
    a, b = random(seed, *size).numpy(), random(seed + 1, *kernel).numpy()
    expected = np.zeros((size[0] + kernel[0] - 1, size[1] + kernel[1] - 1))
    for i, j in product(range(size[0]), range(size[1])):
        expected[i : i + kernel[0], j : j + kernel[1]] += a[i, j] * b
    full = (kernel[0] - 1, kernel[1] - 1)
    found = true_convolve2d(torch.from_numpy(a), torch.from_numpy(b), padding=full)
    torch.testing.assert_close(found, torch.from_numpy(expected))


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3)
)
def test_output_size_equals_torch_or_refuses_with_it(n, kernel, stride, padding, dilation):
    x, weight = torch.zeros(1, 1, n), torch.zeros(1, 1, kernel)
    expected = outcome(lambda: F.conv1d(x, weight, None, stride, padding, dilation).shape[-1])
    assert outcome(lambda: output_size(n, kernel, stride, padding, dilation)) == expected


@settings(deadline=None, max_examples=200)
@given(pairs["size"], st.tuples(st.integers(0, 9), st.integers(0, 9)), modes)
def test_pad_equals_torch_or_refuses_with_it(size, padding, mode):
    x = random(0, 1, 2, *size, requires_grad=True)
    expected = outcome(lambda: torch_pad(x, *padding, mode))
    found = outcome(lambda: pad(x, padding, mode))
    assert (found is None) == (expected is None)
    if expected is not None:
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
        pull = random(1, *expected.shape)
        torch.testing.assert_close(
            torch.autograd.grad(found, x, pull), torch.autograd.grad(expected, x, pull)
        )


def test_zero_padding_hides_infinities_no_more_than_torch_does():
    x = torch.tensor([[torch.inf, torch.nan]])
    assert pad(x, 1)[0].tolist() == [0.0] * 4
    assert pad(x, 1)[1, 0] == 0


@settings(deadline=None, max_examples=120)
@given(*(pairs[name] for name in ("size", "kernel", "stride", "padding", "dilation")), modes)
def test_correlate2d_equals_torch_or_refuses_with_it(size, kernel, stride, padding, dilation, mode):
    x, weight = random(0, *size), random(1, *kernel)
    arguments = (stride, padding, dilation)
    expected = outcome(
        lambda: torch_conv2d(x[None, None], weight[None, None], None, *arguments, 1, mode)[0, 0]
    )
    found = outcome(lambda: correlate2d(x, weight, *arguments, mode))
    assert (found is None) == (expected is None)
    if expected is not None:
        torch.testing.assert_close(found, expected)


@settings(deadline=None, max_examples=250)
@given(
    *(pairs[name] for name in ("size", "kernel", "stride", "padding", "dilation")),
    modes,
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 2),
    st.booleans(),
)
def test_conv2d_and_its_gradients_equal_torch_or_are_refused_with_it(
    size, kernel, stride, padding, dilation, mode, groups, inputs, outputs, with_bias
):
    x = random(0, 2, groups * inputs, *size, requires_grad=True)
    weight = random(1, groups * outputs, inputs, *kernel, requires_grad=True)
    bias = random(2, groups * outputs, requires_grad=True) if with_bias else None
    arguments = (x, weight, bias, stride, padding, dilation, groups, mode)
    expected = outcome(lambda: torch_conv2d(*arguments))
    found = outcome(lambda: conv2d(*arguments))
    assert (found is None) == (expected is None)
    if expected is not None:
        torch.testing.assert_close(found, expected)
        pull, leaves = random(3, *expected.shape), [x, weight, *([bias] if with_bias else [])]
        torch.testing.assert_close(
            torch.autograd.grad(found, leaves, pull), torch.autograd.grad(expected, leaves, pull)
        )


def test_correlate2d_is_differentiable():
    x, kernel = random(0, 4, 5, requires_grad=True), random(1, 2, 3, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: correlate2d(*a, 2, 1, 1, "reflect"), (x, kernel))


def test_conv2d_reads_a_transposed_input_right():
    x, weight = random(0, 2, 3, 6, 5).transpose(2, 3), random(1, 4, 3, 2, 3)
    torch.testing.assert_close(conv2d(x, weight, stride=2), F.conv2d(x, weight, stride=2))


@settings(deadline=None, max_examples=120)
@given(*(pairs[name] for name in ("size", "kernel", "stride", "padding", "dilation")), modes)
def test_receptive_cells_are_where_torchs_gradient_is(
    size, kernel, stride, padding, dilation, mode
):
    x = torch.zeros(1, 1, *size, dtype=torch.float64, requires_grad=True)
    # Distinct powers of two: the gradient tells which entries of the kernel met which cell.
    weight = 2.0 ** torch.arange(kernel[0] * kernel[1], dtype=torch.float64)
    weight = weight.reshape(1, 1, *kernel)
    y = outcome(lambda: torch_conv2d(x, weight, None, stride, padding, dilation, 1, mode))
    if y is None:
        with pytest.raises(ValueError, match="padd"):
            receptive_cells(0, 0, size, kernel, stride, padding, dilation, mode)
        return
    height, width = y.shape[2:]
    for i, j in {(0, 0), (height - 1, width - 1), (height // 2, width // 3)}:
        cells = receptive_cells(i, j, size, kernel, stride, padding, dilation, mode)
        (gradient,) = torch.autograd.grad(y[0, 0, i, j], x, retain_graph=True)
        assert set(cells) == {tuple(cell) for cell in gradient[0, 0].nonzero().tolist()}
        if mode != "zeros":
            expected = torch.zeros(size, dtype=torch.float64)
            for cell, value in zip(cells, weight.flatten(), strict=True):
                expected[cell] += value
            torch.testing.assert_close(gradient[0, 0], expected)


def test_receptive_cells_of_the_hand_checked_example():
    # Padding 1, stride 3 down and 2 across: output (1, 1) = 8 reads cell (2, 1) and (2, 2).
    assert receptive_cells(1, 1, 3, 2, stride=(3, 2), padding=1) == [(2, 1), (2, 2)]
    assert receptive_cells(0, 0, 3, 2, padding=1, padding_mode="replicate") == [(0, 0)] * 4


@pytest.mark.parametrize(("i", "j"), [(2, 0), (0, 2), (-1, 0)])
def test_there_are_no_cells_behind_an_output_that_does_not_exist(i, j):
    with pytest.raises(IndexError, match="they count 0 to 1"):
        receptive_cells(i, j, 3, 2)


def test_windows_are_a_view():
    x = torch.zeros(1, 1, 4, 4)
    seen = windows(x, 2)
    x[0, 0, 1, 1] = 5
    assert seen.shape == (1, 1, 3, 3, 2, 2)
    assert (seen == 5).sum() == 4


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"stride": 0}, "stride is 0; it must be at least 1"),
        ({"padding": -1}, "padding is -1; it must be at least 0"),
        ({"dilation": (1, 0)}, "dilation is 0; it must be at least 1"),
        ({"dilation": 3}, "spans 4 cells, but the padded input has 3"),
        ({"padding": (1, 1, 1)}, "pair"),
        ({"padding": 3, "padding_mode": "reflect"}, "with 3 cells it must be under 3"),
        ({"padding": 4, "padding_mode": "circular"}, "with 3 cells it must be at most 3"),
        ({"padding_mode": "mirror"}, "must be one of zeros, reflect, replicate, circular"),
    ],
)
def test_illegal_settings_are_refused_with_reasons(settings_, message):
    with pytest.raises(ValueError, match=message):
        correlate2d(CELLS, KERNEL, **settings_)
    with pytest.raises(ValueError, match=message):
        conv2d(CELLS[None, None], KERNEL[None, None], **settings_)


def test_fractions_are_refused():
    with pytest.raises(TypeError):
        correlate2d(CELLS, KERNEL, stride=1.5)


@pytest.mark.parametrize(
    ("x", "weight", "bias", "groups", "message"),
    [
        ((1, 4, 3, 3), (4, 3, 2, 2), None, 1, "must have C / groups = 4"),
        ((1, 4, 3, 3), (4, 4, 2, 2), None, 2, "must have C / groups = 2"),
        ((1, 4, 3, 3), (4, 2, 2, 2), None, 3, "groups must divide C = 4"),
        ((1, 4, 3, 3), (3, 2, 2, 2), None, 2, "groups must divide"),
        ((1, 4, 3, 3), (4, 4, 2, 2), None, 0, "groups must divide"),
        ((4, 3, 3), (4, 4, 2, 2), None, 1, r"x must be \(N, C, H, W\)"),
        ((1, 4, 3, 3), (4, 4, 2, 2), (3,), 1, r"bias has shape \(3,\)"),
    ],
)
def test_channels_that_do_not_fit_are_refused(x, weight, bias, groups, message):
    with pytest.raises(ValueError, match=message):
        conv2d(
            torch.zeros(x),
            torch.zeros(weight),
            None if bias is None else torch.zeros(bias),
            groups=groups,
        )
