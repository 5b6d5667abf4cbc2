"""introml.positional_encoding against direct sums, complex numbers and torch's attention."""

import math

import pytest
import torch
from torch.nn import functional as F

from introml.positional_encoding import alibi_bias, alibi_slopes, frequencies, rotate, sin_cos


def random(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_four_numbers_of_position_three_by_hand():
    expected = torch.tensor([0.1411, -0.9900, 0.0300, 0.9996])
    torch.testing.assert_close(sin_cos(4, 4)[3], expected, atol=5e-5, rtol=0)


@pytest.mark.parametrize("width", [2, 6, 32])
@pytest.mark.parametrize("base", [2.0, 100.0, 10_000.0])
def test_sin_cos_is_the_formula(width, base):
    direct = [
        [
            (math.sin if j % 2 == 0 else math.cos)(t / base ** ((j // 2 * 2) / width))
            for j in range(width)
        ]
        for t in range(120)
    ]
    found = sin_cos(120, width, base, dtype=torch.float64)
    torch.testing.assert_close(found, torch.tensor(direct, dtype=torch.float64))


def test_speeds_fall_from_one_by_equal_ratios():
    omega = frequencies(8, dtype=torch.float64)
    torch.testing.assert_close(omega, torch.tensor([1, 0.1, 0.01, 0.001], dtype=torch.float64))


@pytest.mark.parametrize("seed", range(60))
def test_a_turn_is_a_product_with_a_complex_number_gradients_too(seed):
    width = 2 * (1 + seed % 8)
    x = random(seed, 2, 3, 7, width).requires_grad_()
    positions = torch.randint(0, 500, (7,), generator=torch.Generator().manual_seed(seed))
    base = (10.0, 10_000.0)[seed % 2]
    omega = torch.tensor([base ** (-2 * i / width) for i in range(width // 2)], dtype=x.dtype)
    factor = torch.polar(torch.ones_like(omega), positions[:, None] * omega)
    product = torch.view_as_complex(x.unflatten(-1, (-1, 2))) * factor
    expected = torch.view_as_real(product).flatten(-2)
    found = rotate(x, positions, base)
    torch.testing.assert_close(found, expected)
    pull = random(seed + 1, *x.shape)
    slopes = [torch.autograd.grad(y, x, pull)[0] for y in (found, expected)]
    torch.testing.assert_close(*slopes)


def test_quarter_turns_by_hand():
    """A base of any size leaves the first pair at one radian a position: π/2 is a quarter."""
    turned = rotate(torch.tensor([[2.0, 0.0]]), torch.tensor([math.pi / 2]))
    torch.testing.assert_close(turned, torch.tensor([[0.0, 2.0]]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("seed", range(40))
def test_scores_depend_on_the_difference_of_positions_alone(seed):
    q, k = random(seed, 2, 9, 16)
    t = torch.arange(9)
    scores = rotate(q, t) @ rotate(k, t).T
    for shift in (1, 17, 1000):
        moved = rotate(q, t + shift) @ rotate(k, t + shift).T
        torch.testing.assert_close(scores, moved, atol=1e-9, rtol=0)
    torch.testing.assert_close(rotate(q, t).norm(dim=-1), q.norm(dim=-1))


def test_gradients_equal_finite_differences():
    x = random(5, 4, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: rotate(x, torch.arange(4)), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dtype_and_shape_stay_and_low_precision_does_not_reach_the_angles(dtype):
    x = random(6, 3, 5, 8)
    positions = torch.arange(1000, 1005)
    found = rotate(x.to(dtype), positions)
    assert (found.dtype, found.shape) == (dtype, x.shape)
    near = {torch.float64: 1e-12, torch.float32: 1e-3, torch.bfloat16: 0.05}[dtype]
    torch.testing.assert_close(found.double(), rotate(x, positions), atol=near, rtol=0)


def test_slopes_as_published():
    """Press et al. (2022), section 3: for 8 heads 1/2 … 1/256; for 16, those and their means."""
    assert alibi_slopes(8).tolist() == [1 / 2**h for h in range(1, 9)]
    torch.testing.assert_close(alibi_slopes(16), 2.0 ** (-0.5 * torch.arange(1, 17)))
    assert alibi_slopes(1).tolist() == [1 / 256]


def test_the_bias_lowers_scores_by_slope_times_distance():
    bias = alibi_bias(4, 6)
    for h in range(4):
        for t in range(6):
            for s in range(6):
                assert bias[h, t, s] == -(0.25 ** (h + 1)) * abs(t - s)
    q, k, v = random(7, 3, 4, 6, 8)
    scores = q @ k.mT / math.sqrt(8) + bias
    expected = scores.softmax(-1) @ v
    found = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.double())
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("width", [0, 3, -2])
def test_an_odd_width_is_refused(width):
    with pytest.raises(ValueError, match=f"width is {width}; numbers come in pairs"):
        sin_cos(4, width)


def test_bases_and_heads_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="width is 3"):
        rotate(torch.zeros(2, 3), torch.arange(2))
    with pytest.raises(ValueError, match="base is 0; it must be above 0"):
        sin_cos(4, 4, base=0)
    for heads in (0, 6, 12):
        with pytest.raises(ValueError, match=f"num_heads is {heads}; it must be a power of 2"):
            alibi_bias(heads, 4)
