"""The roofline against a simulated machine, and intensities against counted FLOPs and bytes."""

import math
import random

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from introml.roofline import attainable, best_products, matmul_intensity


def test_a_simulated_machine_reaches_what_the_roof_allows():
    """Bytes and FLOPs in slices of a nanosecond, both at once: the longer of them counts."""
    draw = random.Random(0)
    for _ in range(200):
        peak, bandwidth = draw.randint(1, 50), draw.randint(1, 50)
        flops, moved = draw.randint(10**5, 10**6), draw.randint(10**5, 10**6)
        slices = max(math.ceil(flops / peak), math.ceil(moved / bandwidth))
        found = attainable(flops / moved, peak * 1e9, bandwidth * 1e9)
        assert flops / (slices * 1e-9) == pytest.approx(found, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_products_intensity_is_counted_flops_by_counted_bytes(dtype):
    draw = random.Random(1)
    for _ in range(40):
        m, k, n = (draw.randint(1, 40) for _ in range(3))
        A, B = torch.ones(m, k, dtype=dtype), torch.ones(k, n, dtype=dtype)
        with FlopCounterMode(display=False) as counter:
            C = A @ B
        counted = counter.get_total_flops() / sum(each.nbytes for each in (A, B, C))
        assert matmul_intensity(m, k, n, A.element_size()) == pytest.approx(counted)


def test_the_best_published_products_lie_under_arithmetic_not_memory():
    found = best_products()
    assert len(found) == 4
    intensity, flops = found["H100 SXM"]
    by_hand = 2048 * 2048 * 13312 / (2048 * 2048 + 2 * 2048 * 13312)
    assert intensity == pytest.approx(by_hand)
    assert flops == 794.5e12
    assert flops < intensity * 3.35e12


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="intensity is 0, peak 1 and bandwidth 1; all three must"):
        attainable(0, 1, 1)
    with pytest.raises(ValueError, match="m, k, n are 1, 0, 1 and a number has 4 bytes"):
        matmul_intensity(1, 0, 1, 4)
