"""Positional encodings: what tells attention where in a sequence a token stands.

Letters: H heads, T positions, d numbers of a token, D of a query or key. Positions count from 0.
Sin–cos is added to tokens, RoPE turns queries and keys, ALiBi is added to scores.
"""

import torch
from torch import Tensor


def frequencies(width: int, base: float = 10_000.0, dtype: torch.dtype | None = None) -> Tensor:
    """ωᵢ = base^(−2i / width) for i = 0 … width/2 − 1: radians a position, one for each pair.

    Returns (width / 2,). Raises `ValueError` unless the width is even and positive and the base
    above 0.
    Source: Vaswani et al., Attention Is All You Need (2017), 3.5.
    Taught in {ref}`sec-positional-encoding`.
    """
    if width < 2 or width % 2:
        raise ValueError(f"width is {width}; numbers come in pairs, so it must be even, 2 or more.")
    if not base > 0:
        raise ValueError(f"base is {base:g}; it must be above 0.")
    exponents = torch.arange(0, width, 2, dtype=dtype or torch.get_default_dtype()) / width
    return base**-exponents


def sin_cos(T: int, width: int, base: float = 10_000.0, dtype: torch.dtype | None = None) -> Tensor:
    """Row t is sin(ω₀t), cos(ω₀t), sin(ω₁t), cos(ω₁t), …: (T, width), added to the tokens.

    Raises `ValueError` unless the width is even.
    Source: Vaswani et al., Attention Is All You Need (2017), 3.5.
    Taught in {ref}`sec-positional-encoding`.
    """
    omega = frequencies(width, base, dtype)
    angles = torch.arange(T, dtype=omega.dtype)[:, None] * omega  # (T, width / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def rotate(x: Tensor, positions: Tensor, base: float = 10_000.0) -> Tensor:
    """RoPE: turn the pair (x₂ᵢ, x₂ᵢ₊₁) of the vector at position t by the angle ωᵢt.

    `x` (…, T, D) and `positions` (T,) -> (…, T, D). Pairs are neighbours, as in the paper; some
    libraries pair number i with i + D/2 instead. The angles are worked out in float32 or, for x in
    float64, in that.
    Raises `ValueError` unless D is even.
    Source: Su et al., RoFormer (2021), 3.2.2 and 3.4.2.
    Taught in {ref}`sec-positional-encoding`.
    """
    exact = torch.float64 if x.dtype == torch.float64 else torch.float32
    omega = frequencies(x.shape[-1], base, exact).to(x.device)
    angles = positions.to(exact)[:, None] * omega  # (T, D / 2)
    sines, cosines = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    first, second = x[..., 0::2], x[..., 1::2]
    turned = first * cosines - second * sines, first * sines + second * cosines
    return torch.stack(turned, dim=-1).flatten(-2)


def alibi_slopes(num_heads: int) -> Tensor:
    """m = 2^(−8h / H) for h = 1 … H: for 8 heads 1/2, 1/4, … 1/256. Returns (H,).

    The authors' recipe for a number of heads that is no power of 2 differs; it is not built here.
    Raises `ValueError` for such a number.
    Source: Press et al., Train Short, Test Long (2022), section 3.
    Taught in {ref}`sec-positional-encoding`.
    """
    if num_heads < 1 or num_heads & (num_heads - 1):
        raise ValueError(f"num_heads is {num_heads}; it must be a power of 2: 1, 2, 4, 8, ….")
    return 2.0 ** (-8.0 * torch.arange(1, num_heads + 1) / num_heads)


def alibi_bias(num_heads: int, T: int) -> Tensor:
    """bias[h, t, s] = −mₕ|t − s|, to be added to the scores before the softmax: (H, T, T).

    The paper has a causal mask, so s ≤ t there. Without one, as here, both sides are penalized
    alike. `F.scaled_dot_product_attention` takes it as `attn_mask`.
    Raises `ValueError` unless the number of heads is a power of 2.
    Source: Press et al., Train Short, Test Long (2022), section 3.
    Taught in {ref}`sec-positional-encoding`.
    """
    t = torch.arange(T)
    return -alibi_slopes(num_heads)[:, None, None] * (t[:, None] - t).abs()
