"""introml.fixed_point against torch's fake quantization, NumPy's wrapping, and exact sums."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from introml.fixed_point import FixedPoint, multiply_accumulate, pipeline, wrapped

forms = st.builds(FixedPoint, st.integers(0, 5), st.integers(1, 8))
values = st.floats(-40, 40, width=32)


def test_by_hand():
    """Q1.2: −2, −1.75, …, 1.75, in four bits."""
    form = FixedPoint(1, 2)
    assert (form.bits, form.step) == (4, 0.25)
    assert form.encode(0.8) == 3
    assert form.nearest(0.8) == 0.75
    assert (form.nearest(9), form.nearest(-9)) == (1.75, -2)


@given(forms, values)
def test_nearest_is_torchs_fake_quantization(form, value):
    most = 2 ** (form.bits - 1)
    expected = torch.fake_quantize_per_tensor_affine(
        torch.tensor(value), form.step, 0, -most, most - 1
    )
    assert form.nearest(value) == expected.item()


@given(st.integers(-(2**40), 2**40), st.sampled_from([8, 16, 32]))
def test_wrapping_is_numpys(whole, bits):
    kind = {8: np.int8, 16: np.int16, 32: np.int32}[bits]
    assert wrapped(whole, bits) == np.array(whole, dtype=np.int64).astype(kind)


@given(forms, st.lists(st.tuples(values, values), min_size=1, max_size=12))
def test_a_wide_accumulator_sums_the_rounded_inputs_exactly(form, pairs):
    xs, ws = zip(*pairs, strict=True)
    exact = sum(Fraction(form.nearest(x)) * Fraction(form.nearest(w)) for x, w in pairs)
    assert Fraction(multiply_accumulate(xs, ws, form, accumulator=64)) == exact


def test_a_narrow_accumulator_overflows_to_the_other_sign():
    form = FixedPoint(3, 0)
    assert multiply_accumulate([7] * 3, [7] * 3, form, accumulator=8) == 147 - 256


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=1, max_size=20))
def test_the_pipeline_ends_with_the_sum_after_n_plus_two_cycles(pairs):
    xs, ws = zip(*pairs, strict=True)
    cycles = pipeline(xs, ws)
    assert len(cycles) == len(pairs) + 2
    assert cycles[-1].total == int(np.dot(xs, ws))
    assert cycles[-1].fetched is cycles[-1].product is None or len(pairs) < 1


def test_the_stages_work_at_once():
    first, second, third, *_ = pipeline([2, 3, 4], [10, 10, 10])
    assert (first.fetched, first.product, first.total) == ((2, 10), None, 0)
    assert (second.fetched, second.product, second.total) == ((3, 10), 20, 0)
    assert (third.fetched, third.product, third.total) == ((4, 10), 30, 20)


@pytest.mark.parametrize("bits", [(-1, 3), (2, -1), (0, 0)])
def test_no_bits_are_refused(bits):
    with pytest.raises(ValueError, match="before the point"):
        FixedPoint(*bits)


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        multiply_accumulate([1], [1, 2], FixedPoint(2, 2))
