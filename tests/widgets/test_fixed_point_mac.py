"""The unit that FixedPointMac ships, against the one in Python, torch and NumPy."""

import random

import numpy as np
import pytest
import torch

from introml.fixed_point import FixedPoint, multiply_accumulate
from introml.widgets.fixed_point_mac import FixedPointMac


@pytest.fixture(scope="module")
def cases():
    draw = random.Random(0)
    made = []
    for _ in range(1200):
        pairs = [(draw.uniform(-9, 9), draw.uniform(-9, 9)) for _ in range(draw.randint(1, 6))]
        made.append((pairs, draw.randint(0, 4), draw.randint(1, 8), draw.randint(6, 32)))
    return made


def test_sums_are_those_of_the_unit_in_python(run_model, cases):
    for (pairs, integer, fraction, bits), rows in zip(
        cases, run_model("FixedPointMac", "run", cases), strict=True
    ):
        xs, ws = zip(*pairs, strict=True)
        form = FixedPoint(integer, fraction)
        for count, row in enumerate(rows, 1):
            expected = multiply_accumulate(xs[:count], ws[:count], form, bits)
            assert row["total"] == pytest.approx(expected, rel=1e-12, abs=1e-12)
            assert row["exact"] == pytest.approx(float(np.dot(xs[:count], ws[:count])))


def test_rounding_is_torchs(run_model):
    draw = random.Random(1)
    asked = [(draw.uniform(-20, 20), draw.randint(0, 4), draw.randint(0, 8)) for _ in range(1000)]
    asked += [(k / 4 + 1 / 8, 3, 2) for k in range(-20, 20)]  # halfway
    for (value, integer, fraction), whole in zip(
        asked, run_model("FixedPointMac", "encode", asked), strict=True
    ):
        most = 2 ** (integer + fraction)
        expected = torch.round(torch.tensor(value, dtype=torch.float64) * 2**fraction)
        assert whole == expected.clamp(-most, most - 1).item()


def test_wrapping_is_numpys(run_model):
    draw = random.Random(2)
    asked = [(draw.randint(-(2**45), 2**45), bits) for bits in (8, 16, 32) for _ in range(400)]
    kinds = {8: np.int8, 16: np.int16, 32: np.int32}
    for (whole, bits), found in zip(
        asked, run_model("FixedPointMac", "wrapped", asked), strict=True
    ):
        assert found == np.array(whole).astype(kinds[bits])


def test_an_overflow_is_seen(run_model):
    pairs = [(7, 7)] * 3
    assert run_model("FixedPointMac", "overflows", [(pairs, 3, 0, 8), (pairs, 3, 0, 9)]) == [
        True,
        False,
    ]


def test_the_numbers_lie_between_minus_four_and_four(run_model):
    drawn = run_model("FixedPointMac", "draw", [(seed,) for seed in range(100)])
    values = np.array(drawn).ravel()
    assert values.shape == (1200,)
    assert -4 <= values.min() < -3.9
    assert 3.9 < values.max() <= 4


@pytest.mark.parametrize("bad", [{"integer": 5}, {"fraction": -1}, {"accumulator": 5}])
def test_a_unit_that_cannot_be_drawn_is_refused(bad):
    with pytest.raises(ValueError, match="FixedPointMac"):
        FixedPointMac(**bad)
