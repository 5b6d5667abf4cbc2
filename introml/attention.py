"""Attention from its definition: softmax, masks, scaled dot products.

Letters: B examples, H heads, T queries, S keys and values, D features of a head. All functions
accept any leading dimensions, and (B, H, T, D) stands for them. In a boolean mask, True means
"may attend", as in `torch.nn.functional.scaled_dot_product_attention`.
"""

import math

import torch
from torch import Tensor


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """exp(xᵢ − max x) / Σⱼ exp(xⱼ − max x), along `dim`.

    Subtracting the maximum changes nothing but keeps exp from overflowing. Same shape as `x`. A
    line of −∞ alone has no largest entry and gives NaN, as in torch.
    Taught in {ref}`sec-scaled-dot-product-attention`.
    """
    exponentials = torch.exp(x - x.amax(dim, keepdim=True).detach())
    return exponentials / exponentials.sum(dim, keepdim=True)


def causal_mask(T: int, S: int | None = None, device: torch.device | str | None = None) -> Tensor:
    """mask[t, s] = s ≤ t + S − T: each position may attend to itself and to what came before.

    The T queries are the last of the S positions, as when a model writes a new token: with T = 1
    all keys may be seen. (The `is_causal` of torch counts both from the first instead; for T = S,
    which S is unless given, there is no difference.) Returns (T, S), boolean.
    Raises `ValueError` when there are more queries than keys.
    Source: `torch.nn.attention.bias.causal_lower_right`; the notes of FlashAttention 2.1.
    Taught in {ref}`sec-scaled-dot-product-attention`.
    """
    S = T if S is None else S
    if S < T:
        raise ValueError(
            f"There are {T} queries and {S} keys; the queries are the last of the positions, so "
            "there must be at least as many keys."
        )
    queries = torch.arange(S - T, S, device=device)
    keys = torch.arange(S, device=device)
    return keys <= queries[:, None]


def padding_mask(lengths: Tensor, T: int) -> Tensor:
    """mask[b, 0, 0, s] = s < lengths[b]: nothing may attend to the padding behind a short sequence.

    `lengths` (B,) -> (B, 1, 1, T), boolean, which broadcasts against scores (B, H, T, T). The
    `key_padding_mask` of `nn.MultiheadAttention` is the opposite, (B, T), True where padded.
    Raises `ValueError` when a length is not 0 to T.
    Taught in {ref}`sec-scaled-dot-product-attention`.
    """
    if lengths.ndim != 1 or lengths.min() < 0 or lengths.max() > T:
        raise ValueError(f"lengths is {lengths.tolist()}; it must be (B,), each length 0 to {T}.")
    return (torch.arange(T, device=lengths.device) < lengths[:, None])[:, None, None]


def scaled_dot_product_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """softmax(scale · QKᵀ / temperature) V, and the weights; `scale` is 1/√D unless given.

    `q` (B, H, T, D), `k` (B, H, S, D), `v` (B, H, S, D_v) -> output (B, H, T, D_v) and weights
    (B, H, T, S). `mask` broadcasts to the weights: boolean, True where q may attend, or floating,
    added to the scaled scores. With `is_causal`, that of `causal_mask` holds as well.

    A query that may attend to nothing gets weights, output and gradient of zero. So does torch
    2.13's own `scaled_dot_product_attention`; a plain softmax, and with it `nn.MultiheadAttention`,
    gives NaN.

    Raises `ValueError` when the shapes do not fit, for an integer mask or a temperature not above
    zero.
    Source: Vaswani et al., Attention Is All You Need (2017), 3.2.1.
    Taught in {ref}`sec-scaled-dot-product-attention`.
    """
    _check_shapes(q, k, v)
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}; it must be above 0.")
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = scale * (q @ k.transpose(-2, -1)) / temperature  # (B, H, T, S)
    if is_causal:
        T, S = scores.shape[-2:]
        allowed = causal_mask(T, S, device=scores.device)
        scores = scores.masked_fill(~allowed, -torch.inf)
    if mask is not None:
        scores = _apply_mask(scores, mask)
    # Softmax of −∞ alone is NaN, and NaN times zero is NaN in the gradient: keep it out of both.
    sees_nothing = (scores == -torch.inf).all(-1, keepdim=True)  # (B, H, T, 1)
    weights = softmax(scores.masked_fill(sees_nothing, 0.0)).masked_fill(sees_nothing, 0.0)
    return weights @ v, weights


def _apply_mask(scores: Tensor, mask: Tensor) -> Tensor:
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise ValueError(
            f"mask is {mask.dtype}; it must be boolean (True: may attend) or floating (added to "
            "the scores): use mask.bool()."
        )
    # A mask with more dimensions than the scores, or longer ones, would silently widen them.
    sizes = zip(reversed(mask.shape), reversed(scores.shape), strict=False)
    if mask.ndim > scores.ndim or any(given not in (1, size) for given, size in sizes):
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}; it must broadcast to the scores' "
            f"{tuple(scores.shape)}."
        )
    return scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask


def _check_shapes(q: Tensor, k: Tensor, v: Tensor) -> None:
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError(
            f"q {tuple(q.shape)}, k {tuple(k.shape)} and v {tuple(v.shape)} do not fit: they must "
            "be (…, T, D), (…, S, D) and (…, S, D_v)."
        )
