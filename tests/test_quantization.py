"""introml.quantization against torch's fake quantization and its products in floating point."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.quantization import QuantizedLayers, quantize, scale_of


def draw(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 10**6), st.integers(2, 8))
def test_quantizing_is_torchs(seed, bits):
    values = draw(seed, 50).float() * 3
    scale = scale_of(values.abs().max().item() * 0.8, bits)  # some lie beyond the ends
    most = 2 ** (bits - 1) - 1
    expected = torch.fake_quantize_per_tensor_affine(values, scale, 0, -most, most)
    found = quantize(values, scale, bits)
    assert found.dtype == torch.int32
    # Values next to halfway between two steps may go either way: torch multiplies by 1 / scale.
    off = (found * scale - expected).abs() > scale / 2
    halves = ((values / scale).frac().abs() - 0.5).abs() < 1e-4
    assert not (off & ~halves).any()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 8))
def test_the_network_is_fake_quantized_floating_point(seed, bits):
    weights = [draw(seed + i, *s) for i, s in enumerate([(6, 5), (5,), (5, 4), (4,)])]
    X = draw(seed + 9, 20, 6)
    most = 2 ** (bits - 1) - 1

    def fake(values, largest):
        scale = largest.item() / most
        return torch.round(values / scale).clamp(-most, most) * scale

    hidden, exact = X, X
    for at in (0, 2):
        W, b = weights[at], weights[at + 1]
        if at:
            hidden, exact = hidden.relu(), exact.relu()
        hidden = fake(hidden, exact.abs().max()) @ fake(W, W.abs().max()) + b
        exact = exact @ W + b
    torch.testing.assert_close(QuantizedLayers(weights, X, bits)(X), hidden)


def test_many_bits_are_nearly_exact_and_few_are_not():
    weights = [draw(i, *s) for i, s in enumerate([(6, 5), (5,), (5, 4), (4,)])]
    X = draw(9, 20, 6)
    exact = (X @ weights[0] + weights[1]).relu() @ weights[2] + weights[3]
    errors = [
        (QuantizedLayers(weights, X, bits)(X) - exact).abs().max().item() for bits in (3, 8, 16)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


@pytest.mark.parametrize(("largest", "bits"), [(1.0, 1), (0.0, 8), (float("nan"), 8)])
def test_no_scale_is_refused(largest, bits):
    with pytest.raises(ValueError, match="must be at least 2"):
        scale_of(largest, bits)
