"""introml.multi_head_attention against nn.MultiheadAttention with the same weights."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from introml.attention import padding_mask
from introml.multi_head_attention import join_heads, multi_head_attention, split_heads


def random(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def copied(layer: nn.MultiheadAttention):
    """Its matrices as ours, and its biases; views, so that gradients reach the layer."""
    matrices = [W.T for W in (*layer.in_proj_weight.chunk(3), layer.out_proj.weight)]
    if layer.in_proj_bias is None:
        return matrices, None
    return matrices, [*layer.in_proj_bias.chunk(3), layer.out_proj.bias]


def made(d: int, heads: int, bias: bool = True, seed: int = 0) -> nn.MultiheadAttention:
    torch.manual_seed(seed)
    layer = nn.MultiheadAttention(d, heads, bias=bias, batch_first=True, dtype=torch.float64)
    if bias:  # torch begins with zeros, which would hide a bias that is left out
        nn.init.normal_(layer.in_proj_bias)
        nn.init.normal_(layer.out_proj.bias)
    return layer


def test_cut_by_hand():
    x = torch.arange(8.0).view(1, 2, 4)  # two positions: 0 1 2 3, and 4 5 6 7
    cut = split_heads(x, 2)
    assert cut.tolist() == [[[[0, 1], [4, 5]], [[2, 3], [6, 7]]]]
    assert torch.equal(join_heads(cut), x)


def test_two_heads_by_hand():
    """Identity matrices: head 0 sees the first column of (1, 0) and (0, 2), head 1 the second."""
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    output, weights = multi_head_attention(x, x, x, [torch.eye(2)] * 4, num_heads=2)
    e = torch.tensor(1.0).exp()
    torch.testing.assert_close(weights[0, 0], torch.stack([e, torch.ones(())]) / (e + 1))
    torch.testing.assert_close(output[0], torch.stack([e / (e + 1), torch.ones(())]))


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3, 4]), st.booleans(), st.booleans())
def test_cross_attention_equals_torch_with_all_gradients(seed, heads, bias, masked):
    layer = made(heads * 3, heads, bias, seed)
    query, key, value = (
        random(seed + i, 2, n, heads * 3).requires_grad_() for i, n in enumerate((4, 6, 6))
    )
    allowed = torch.rand(2, heads, 4, 6, generator=torch.Generator().manual_seed(seed)) < 0.6
    allowed[..., 0] = True
    mask = allowed if masked else None
    their_mask = ~allowed.flatten(0, 1) if masked else None  # (B · H, T, S), True: may not
    expected, their_weights = layer(
        query, key, value, attn_mask=their_mask, average_attn_weights=False
    )
    matrices, biases = copied(layer)
    output, weights = multi_head_attention(query, key, value, matrices, heads, biases, mask)
    torch.testing.assert_close((output, weights), (expected, their_weights))
    leaves = [query, key, value, *layer.parameters()]
    upstream = random(seed + 9, *output.shape)
    torch.testing.assert_close(
        torch.autograd.grad(output, leaves, upstream),
        torch.autograd.grad(expected, leaves, upstream),
    )


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_causal_self_attention_equals_torch(heads):
    layer, X = made(8, heads), random(1, 2, 5, 8)
    mask = torch.ones(5, 5, dtype=torch.bool).triu(1)
    expected, _ = layer(X, X, X, attn_mask=mask)
    output, weights = multi_head_attention(X, X, X, *_with(layer, heads), is_causal=True)
    torch.testing.assert_close(output, expected)
    assert (weights.triu(1) == 0).all()


def _with(layer, heads):
    matrices, biases = copied(layer)
    return matrices, heads, biases


def test_padding_mask_equals_torch():
    layer, X, lengths = made(8, 2), random(2, 2, 5, 8), torch.tensor([3, 5])
    allowed = padding_mask(lengths, 5)  # (B, 1, 1, T)
    expected, _ = layer(X, X, X, key_padding_mask=~allowed[:, 0, 0])
    output, _ = multi_head_attention(X, X, X, *_with(layer, 2), mask=allowed)
    torch.testing.assert_close(output, expected)


def test_gradients_equal_finite_differences():
    X = random(3, 3, 4).requires_grad_()
    matrices = [random(4 + i, 4, 4).requires_grad_() for i in range(4)]
    assert torch.autograd.gradcheck(
        lambda X, *W: multi_head_attention(X, X, X, W, 2), (X, *matrices)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dtype_and_shapes(dtype):
    X, W = random(10, 5, 8).to(dtype), random(11, 8, 8).to(dtype)
    output, weights = multi_head_attention(X, X, X, [W] * 4, 4)
    assert (output.dtype, output.shape, weights.shape) == (dtype, (5, 8), (4, 5, 5))


@pytest.mark.parametrize("heads", [0, 3, 16])
def test_heads_that_do_not_divide_are_refused(heads):
    with pytest.raises(ValueError, match=f"num_heads is {heads}; it must divide the 8 columns"):
        split_heads(torch.zeros(2, 8), heads)
