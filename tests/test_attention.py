"""introml.attention against torch.nn.functional and nn.MultiheadAttention."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.attention.bias import causal_lower_right

from introml.attention import (
    causal_mask,
    padding_mask,
    scaled_dot_product_attention,
    softmax,
)

# torch 2.13 gives the same on both of its kernels for the CPU.
BACKENDS = [nn.attention.SDPBackend.MATH, nn.attention.SDPBackend.FLASH_ATTENTION]


def random(seed: int, *shape: int, requires_grad: bool = True) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return x.requires_grad_(requires_grad)


def qkv(seed: int, leading: tuple[int, ...] = (2, 3), T: int = 5, S: int = 7, D: int = 4):
    return (
        random(seed, *leading, T, D),
        random(seed + 1, *leading, S, D),
        random(seed + 2, *leading, S, D),
    )


def assert_equal_with_gradients(found, expected, leaves):
    torch.testing.assert_close(found, expected)
    pull = random(99, *expected.shape, requires_grad=False)
    torch.testing.assert_close(
        torch.autograd.grad(found, leaves, pull, retain_graph=True),
        torch.autograd.grad(expected, leaves, pull, retain_graph=True),
    )


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(-3, 2), st.sampled_from([1e-3, 1.0, 1e4]))
def test_softmax_and_its_gradient_equal_torch(seed, dim, scale):
    x = random(seed, 2, 3, 4)
    assert_equal_with_gradients(softmax(scale * x, dim), torch.softmax(scale * x, dim), [x])


def test_softmax_of_large_numbers_does_not_overflow():
    x = torch.tensor([1000.0, 1001.0, -torch.inf])
    expected = torch.tensor([1 / (1 + math.e), math.e / (1 + math.e), 0.0])
    torch.testing.assert_close(softmax(x), expected)
    assert torch.exp(x[0]).isinf()


def test_softmax_of_minus_infinities_is_nan_as_in_torch():
    x = torch.full((3,), -torch.inf)
    assert torch.softmax(x, 0).isnan().all()
    assert softmax(x).isnan().all()


@pytest.mark.parametrize("leading", [(), (2,), (2, 3), (2, 1, 3)])
def test_attention_equals_torch_for_any_leading_dimensions(leading):
    q, k, v = qkv(0, leading)
    output, weights = scaled_dot_product_attention(q, k, v)
    assert_equal_with_gradients(output, F.scaled_dot_product_attention(q, k, v), [q, k, v])
    assert weights.shape == (*leading, 5, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(*leading, 5, dtype=q.dtype))


@pytest.mark.parametrize(("T", "S"), [(5, 5), (5, 7), (1, 7)])
def test_causal_attention_equals_torch_with_the_last_query_at_the_last_key(T, S):
    q, k, v = qkv(1, T=T, S=S)
    output, weights = scaled_dot_product_attention(q, k, v, is_causal=True)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(T, S))
    assert_equal_with_gradients(output, expected, [q, k, v])
    assert (weights.triu(S - T + 1) == 0).all()
    masked, _ = scaled_dot_product_attention(q, k, v, causal_mask(T, S))
    torch.testing.assert_close(masked, output)
    if T == S:
        torch.testing.assert_close(output, F.scaled_dot_product_attention(q, k, v, is_causal=True))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 8), st.data())
def test_causal_attention_of_new_tokens_is_the_end_of_that_over_all(seed, S, data):
    """Decoding: the T newest queries, over all keys so far, give the last rows of the whole."""
    T = data.draw(st.integers(1, S))
    q, k, v = qkv(seed, T=S, S=S)
    whole, _ = scaled_dot_product_attention(q, k, v, is_causal=True)
    newest, _ = scaled_dot_product_attention(q[..., S - T :, :], k, v, is_causal=True)
    torch.testing.assert_close(newest, whole[..., S - T :, :])


def test_causal_mask_by_hand():
    assert causal_mask(3).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    assert causal_mask(2, 3).tolist() == [[True, True, False], [True, True, True]]
    assert causal_mask(1, 3).all()


def test_causal_mask_of_more_queries_than_keys_is_refused():
    with pytest.raises(ValueError, match="7 queries and 5 keys"):
        causal_mask(7, 5)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([(5, 7), (1, 7), (3, 5, 7), (2, 1, 1, 7)]))
def test_boolean_and_floating_masks_equal_torch(seed, shape):
    q, k, v = qkv(seed)
    generator = torch.Generator().manual_seed(seed)
    allowed = torch.rand(shape, generator=generator) < 0.7
    bias = random(seed + 5, *shape)
    for mask, leaves in [(allowed, [q, k, v]), (bias, [q, k, v, bias])]:
        output, _ = scaled_dot_product_attention(q, k, v, mask)
        assert_equal_with_gradients(output, F.scaled_dot_product_attention(q, k, v, mask), leaves)


@pytest.mark.parametrize("kind", ["boolean", "floating"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_query_that_sees_nothing_gets_zeros_as_in_torch(kind, backend):
    q, k, v = qkv(2)
    mask = torch.ones(5, 7, dtype=torch.bool)
    mask[1] = False
    if kind == "floating":
        mask = torch.zeros(5, 7, dtype=q.dtype).masked_fill(~mask, -torch.inf)
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    with nn.attention.sdpa_kernel(backend):
        expected = F.scaled_dot_product_attention(q, k, v, mask)
        assert (expected[..., 1, :] == 0).all()
        assert_equal_with_gradients(output, expected, [q, k, v])
    assert (weights[..., 1, :] == 0).all()
    gradient, *_ = torch.autograd.grad(output.sum(), [q, k, v])
    assert (gradient[..., 1, :] == 0).all()


def test_query_that_sees_nothing_is_nan_in_multi_head_attention():
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    X = torch.randn(1, 3, 4)
    output, _ = attention(X, X, X, key_padding_mask=torch.ones(1, 3, dtype=torch.bool))
    assert output.isnan().all()


def test_mask_and_causality_both_hold():
    q, k, v = qkv(3, T=5, S=5)
    allowed = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) < 0.6
    output, _ = scaled_dot_product_attention(q, k, v, allowed, is_causal=True)
    both = allowed & torch.ones(5, 5, dtype=torch.bool).tril()
    assert_equal_with_gradients(output, F.scaled_dot_product_attention(q, k, v, both), [q, k, v])


@pytest.mark.parametrize("scale", [1.0, 0.1, -2.0])
def test_scale_equals_torch(scale):
    q, k, v = qkv(4)
    output, _ = scaled_dot_product_attention(q, k, v, scale=scale)
    torch.testing.assert_close(output, F.scaled_dot_product_attention(q, k, v, scale=scale))


def test_temperature_divides_the_scores():
    q, k, v = qkv(5)
    output, _ = scaled_dot_product_attention(q, k, v, temperature=2.5)
    expected = F.scaled_dot_product_attention(q, k, v, scale=1 / (math.sqrt(4) * 2.5))
    torch.testing.assert_close(output, expected)


def test_cold_attention_picks_the_best_key_and_hot_attention_the_mean():
    q, k, v = qkv(6, leading=())
    cold, _ = scaled_dot_product_attention(q, k, v, temperature=1e-9)
    hot, _ = scaled_dot_product_attention(q, k, v, temperature=1e9)
    torch.testing.assert_close(cold, v[(q @ k.T).argmax(-1)])
    torch.testing.assert_close(hot, v.mean(0).expand(5, 4))


def test_padding_mask_equals_attention_on_the_unpadded_sequences():
    q, k, v = qkv(7, T=6, S=6)
    lengths = torch.tensor([4, 6])
    output, weights = scaled_dot_product_attention(q, k, v, padding_mask(lengths, 6))
    for b, length in enumerate(lengths):
        expected = F.scaled_dot_product_attention(q[b], k[b, :, :length], v[b, :, :length])
        torch.testing.assert_close(output[b], expected)
    assert (weights[0, ..., 4:] == 0).all()
    assert padding_mask(lengths, 6).shape == (2, 1, 1, 6)


@pytest.mark.parametrize("lengths", [[3, 7], [-1, 2]])
def test_length_out_of_range_is_refused(lengths):
    with pytest.raises(ValueError, match="each length 0 to 6"):
        padding_mask(torch.tensor(lengths), 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": torch.ones(5, 7, dtype=torch.int64)}, r"mask\.bool\(\)"),
        ({"mask": torch.ones(2, 2, 3, 5, 7, dtype=torch.bool)}, "must broadcast"),
        ({"mask": torch.ones(5, 6, dtype=torch.bool)}, "must broadcast"),
        ({"mask": torch.ones(4, 1, 5, 7, dtype=torch.bool)}, "must broadcast"),
        ({"temperature": 0.0}, "temperature is 0"),
        ({"k": torch.zeros(2, 3, 7, 3)}, "do not fit"),
        ({"v": torch.zeros(2, 3, 6, 4)}, "do not fit"),
        ({"q": torch.zeros(4)}, "do not fit"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change, message):
    arguments = dict(zip("qkv", qkv(8), strict=True)) | change
    with pytest.raises(ValueError, match=message):
        scaled_dot_product_attention(**arguments)
