"""introml.transposed against torch's conv_transpose2d and the gradient of a convolution."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.transposed import conv_transpose2d, transposed_size

CELLS = torch.tensor([[[[0.0, 1], [2, 3]]]])


def random(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def outcome(call):
    """The result, or None if the call is refused."""
    try:
        return call()
    except (ValueError, RuntimeError):
        return None


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@pytest.mark.parametrize(
    ("settings_", "expected"),
    [
        ({}, [[0, 0, 1], [0, 4, 6], [4, 12, 9]]),
        ({"stride": 2}, [[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]]),
        ({"padding": 1}, [[4]]),
    ],
)
def test_hand_worked_example(settings_, expected):
    assert conv_transpose2d(CELLS, CELLS, **settings_)[0, 0].tolist() == expected


@settings(deadline=None, max_examples=300)
@given(
    pairs(1, 5), pairs(1, 4), pairs(1, 3), pairs(0, 3), pairs(0, 2), pairs(1, 3),
    st.integers(1, 3), st.integers(1, 3), st.booleans(),
)  # fmt: skip
def test_values_gradients_and_refusals_are_torchs(size, kernel, stride, pad, more, d, C, O, biased):
    x, weight, bias = random(0, 2, C, *size), random(1, C, O, *kernel), random(2, O)
    own = bias if biased else None
    found = outcome(lambda: conv_transpose2d(x, weight, own, stride, pad, more, d))
    expected = outcome(lambda: F.conv_transpose2d(x, weight, own, stride, pad, more, 1, d))
    assert (found is None) == (expected is None)
    if expected is None:
        return
    torch.testing.assert_close(found, expected)
    pull = torch.linspace(-1, 2, expected.numel(), dtype=x.dtype).reshape(expected.shape)
    inputs = (x, weight, bias) if biased else (x, weight)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, pull), torch.autograd.grad(expected, inputs, pull)
    )


def test_gradients_equal_finite_differences():
    x, weight = random(0, 1, 2, 3, 3), random(1, 2, 2, 2, 3)
    assert torch.autograd.gradcheck(lambda *both: conv_transpose2d(*both, None, 2, 1), (x, weight))


def test_dtypes_are_kept():
    for dtype in (torch.float32, torch.float64, torch.int64):
        assert conv_transpose2d(CELLS.to(dtype), CELLS.to(dtype)).dtype == dtype


@settings(deadline=None, max_examples=100)
@given(pairs(4, 9), pairs(1, 4), pairs(1, 3), pairs(0, 1))
def test_it_is_the_way_back_of_a_convolution(size, kernel, stride, padding):
    x, weight = random(0, 1, 2, *size), random(1, 3, 2, *kernel)
    y = F.conv2d(x, weight, None, stride, padding)
    upstream = random(2, *y.shape)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    more = tuple(
        n - transposed_size(m, k, s, p)
        for n, m, k, s, p in zip(size, y.shape[2:], kernel, stride, padding, strict=True)
    )
    found = conv_transpose2d(upstream, weight, None, stride, padding, more)
    torch.testing.assert_close(found, gradient)


def test_the_size_that_a_published_report_has_wrong():
    """pytorch issue 172560 says 509."""
    assert transposed_size(128, 4, stride=4) == 512
    assert (
        F.conv_transpose1d(torch.zeros(1, 1, 128), torch.zeros(1, 1, 4), stride=4).shape[-1] == 512
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transposed_size(3, 2, output_padding=1), "output_padding is 1; it must be under"),
        (lambda: transposed_size(1, 2, padding=1), "takes 2 cells away, and there are only 2"),
        (lambda: transposed_size(3, 2, stride=0), "stride is 0"),
        (lambda: conv_transpose2d(CELLS[0], CELLS), "with the same C"),
        (lambda: conv_transpose2d(CELLS, torch.zeros(2, 1, 2, 2)), "with the same C"),
    ],
)
def test_what_does_not_fit_is_refused_with_reasons(call, message):
    with pytest.raises(ValueError, match=message):
        call()
