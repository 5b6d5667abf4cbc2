"""Dropout: while training, numbers are set to zero at random, and the others are scaled up."""

import torch
from torch import Tensor


def drop(x: Tensor, kept: Tensor, p: float) -> Tensor:
    """x where `kept` is true, divided by 1 − p, and 0 elsewhere: the mean over masks is x.

    `x` and `kept` have one shape, any. With p = 1 nothing is kept, and all is 0.
    Raises `ValueError` unless 0 ≤ p ≤ 1.
    Source: Srivastava et al., Dropout (2014), section 10, which scales at test time instead.
    Taught in {ref}`sec-regularization`.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p is {p}; it must be from 0 to 1, the share that is dropped.")
    scale = 0.0 if p == 1 else 1 / (1 - p)
    return torch.where(kept, x * scale, 0.0)


def dropout(
    x: Tensor, p: float, training: bool = True, generator: torch.Generator | None = None
) -> Tensor:
    """`drop` with a fresh mask, each number dropped with probability p; without `training`, x.

    Any shape.
    Raises `ValueError` unless 0 ≤ p ≤ 1.
    Taught in {ref}`sec-regularization`.
    """
    if not training:
        return drop(x, torch.ones_like(x, dtype=torch.bool), 0.0)
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= p
    return drop(x, kept, p)
