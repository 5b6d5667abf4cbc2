"""Multi-head attention: the columns are cut into heads, each attends for itself, W^O mixes them.

Letters: B examples, T queries, S keys and values, C columns (the width), H heads, D = C/H columns
of a head. Any leading dimensions may stand for B.
"""

from collections.abc import Sequence

from torch import Tensor

from introml.attention import scaled_dot_product_attention


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """(B, T, C) -> (B, T, H, D) -> (B, H, T, D): head h has columns hD to (h+1)D − 1.

    Raises `ValueError` when `num_heads` does not divide the columns.
    Taught in {ref}`sec-multi-head-attention`.
    """
    if num_heads < 1 or x.shape[-1] % num_heads:
        raise ValueError(f"num_heads is {num_heads}; it must divide the {x.shape[-1]} columns.")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def join_heads(x: Tensor) -> Tensor:
    """(B, H, T, D) -> (B, T, H, D) -> (B, T, C): the heads side by side, the inverse of the split.

    Taught in {ref}`sec-multi-head-attention`.
    """
    return x.transpose(-3, -2).flatten(-2)


def multi_head_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    matrices: Sequence[Tensor],
    num_heads: int,
    biases: Sequence[Tensor] | None = None,
    mask: Tensor | None = None,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor]:
    """Concat(head₁, …, head_H) W^O, with head = attention(Q W^Q, K W^K, V W^V) on its columns.

    `query` (B, T, d), `key` (B, S, d), `value` (B, S, d) -> output (B, T, d_out) and weights
    (B, H, T, S); for self-attention all three are one. `matrices` are W^Q and W^K (d, H · D), W^V
    (d, H · D_v) and W^O (H · D_v, d_out). They multiply from the right; `nn.Linear` and
    `nn.MultiheadAttention` store the transposes. `biases` are four, or none. Scores are divided by
    √D. `mask` (to broadcast to the weights, True: may attend) and `is_causal` are those of
    `scaled_dot_product_attention`.
    Raises `ValueError` when `num_heads` does not divide the columns.
    Source: Vaswani et al., Attention Is All You Need (2017), 3.2.2.
    Taught in {ref}`sec-multi-head-attention`.
    """
    *projections, W_o = matrices
    b_q, b_k, b_v, b_o = biases or (0.0, 0.0, 0.0, 0.0)
    q, k, v = (
        split_heads(x @ W + b, num_heads)
        for x, W, b in zip((query, key, value), projections, (b_q, b_k, b_v), strict=True)
    )
    output, weights = scaled_dot_product_attention(q, k, v, mask, is_causal)
    return join_heads(output) @ W_o + b_o, weights
