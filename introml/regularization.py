"""Penalties on weights: L1 and L2, and a linear model fitted under either."""

import torch
from torch import Tensor


def soft_threshold(x: Tensor, by: float | Tensor) -> Tensor:
    """Each number moved towards 0 by `by`, and no further: the minimum of ½(w − x)² + by · |w|.

    Any shape; `by` is 0 or more, a number or a tensor that broadcasts.
    Source: Tibshirani, Regression Shrinkage and Selection via the Lasso (1996), section 2.2.
    Taught in {ref}`sec-regularization`.
    """
    return x.sign() * (x.abs() - by).clamp(min=0)


def shrink(x: Tensor, by: float | Tensor) -> Tensor:
    """Each number divided by 1 + `by`: the minimum of ½(w − x)² + ½ by · w².

    Any shape; `by` is 0 or more, a number or a tensor that broadcasts.
    Taught in {ref}`sec-regularization`.
    """
    return x / (1 + by)


def fit_with_penalty(
    X: Tensor, y: Tensor, l1: float = 0.0, l2: float = 0.0, steps: int = 5000
) -> tuple[Tensor, Tensor]:
    """(w, b) of least ½ mean (ŷ − y)² + l1 Σ|wₖ| + ½ l2 Σwₖ², by proximal gradient descent.

    A step goes downhill on the smooth part, then shrinks each weight as `soft_threshold` and
    `shrink` do. The intercept is not penalized. `X` (n, d), `y` (n,) -> (d,), ().
    Raises `ValueError` for a negative penalty.
    Source: Daubechies, Defrise and De Mol (2004); Hastie et al., Statistical Learning with
    Sparsity, 5.3.
    Taught in {ref}`sec-regularization`.
    """
    if l1 < 0 or l2 < 0:
        raise ValueError(f"l1 is {l1} and l2 is {l2}; a penalty must be 0 or more.")
    means, level = X.mean(dim=0), y.mean()
    centred, target = X - means, y - level
    H = centred.T @ centred / len(X)
    pull = centred.T @ target / len(X)
    lr = 1 / torch.linalg.eigvalsh(H)[-1]
    w = torch.zeros_like(pull)
    for _ in range(steps):
        w = w - lr * (H @ w - pull)
        w = shrink(soft_threshold(w, lr * l1), lr * l2)
    return w, level - means @ w
