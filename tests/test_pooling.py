"""introml.pooling against torch.nn.functional."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.pooling import average_pool2d, max_pool2d

CELLS = torch.arange(9.0).reshape(3, 3)


def outcome(call):
    """The result, or None if the call is refused."""
    try:
        return call()
    except (ValueError, RuntimeError):
        return None


def numbers(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


def check(found, expected, x):
    assert (found is None) == (expected is None)
    if expected is None:
        return
    torch.testing.assert_close(found, expected)
    if expected.isfinite().all():
        pull = torch.arange(1.0, expected.numel() + 1, dtype=x.dtype).reshape(expected.shape)
        torch.testing.assert_close(
            torch.autograd.grad(found, x, pull), torch.autograd.grad(expected, x, pull)
        )


def test_hand_worked_example():
    assert max_pool2d(CELLS, 2, stride=1).tolist() == [[4, 5], [7, 8]]
    assert average_pool2d(CELLS, 2, stride=1).tolist() == [[2, 3], [5, 6]]
    # The corner window holds three zeros of the border and the 0; with four cells or with one.
    assert average_pool2d(CELLS + 4, 2, stride=2, padding=1)[0, 0] == 1
    assert average_pool2d(CELLS + 4, 2, 2, padding=1, count_include_pad=False)[0, 0] == 4


@settings(deadline=None, max_examples=300)
@given(
    numbers(1, 8),
    numbers(1, 4),
    st.none() | numbers(1, 4),
    numbers(0, 3),
    numbers(1, 3),
    st.booleans(),
    st.booleans(),
)
def test_max_pool_and_its_gradient_equal_torch_or_are_refused_with_it(
    size, kernel, stride, padding, dilation, ceil_mode, ties
):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *size, generator=generator, dtype=torch.float64)
    x = (x.round() if ties else x).requires_grad_()
    arguments = (x, kernel, stride, padding, dilation, ceil_mode)
    check(outcome(lambda: max_pool2d(*arguments)), outcome(lambda: F.max_pool2d(*arguments)), x)


@settings(deadline=None, max_examples=300)
@given(
    numbers(1, 8),
    numbers(1, 4),
    st.none() | numbers(1, 4),
    numbers(0, 3),
    st.booleans(),
    st.booleans(),
)
def test_average_pool_and_its_gradient_equal_torch_or_are_refused_with_it(
    size, kernel, stride, padding, ceil_mode, count_include_pad
):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    arguments = (x, kernel, stride, padding, ceil_mode, count_include_pad)
    check(outcome(lambda: average_pool2d(*arguments)), outcome(lambda: F.avg_pool2d(*arguments)), x)


@pytest.mark.parametrize("pool", [max_pool2d, average_pool2d])
@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        (
            {"kernel_size": 2, "padding": 2},
            "padding is 2; a kernel of 2 allows at most half of it, 1",
        ),
        ({"kernel_size": 4}, "spans 4 cells does not fit in 3"),
        ({"kernel_size": 0}, "kernel_size is 0"),
        ({"kernel_size": 2, "stride": 0}, "stride is 0"),
        ({"kernel_size": 2, "padding": -1}, "padding is -1"),
    ],
)
def test_illegal_settings_are_refused_with_reasons(pool, settings_, message):
    with pytest.raises(ValueError, match=message):
        pool(CELLS, **settings_)


@pytest.mark.parametrize("pool", [max_pool2d, average_pool2d])
def test_whole_numbers_are_refused(pool):
    with pytest.raises(ValueError, match=r"x\.float\(\)"):
        pool(CELLS.long(), 2)
