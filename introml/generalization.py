"""Polynomial fits of any degree, and k-fold splits: the means to see under- and overfitting."""

import torch
from torch import Tensor

from introml.regression import least_squares


def polynomial_features(x: Tensor, degree: int) -> Tensor:
    """Φ = [P₀(x) P₁(x) … P_degree(x)], the Legendre polynomials.

    (k + 1) Pₖ₊₁ = (2k + 1) x Pₖ − k Pₖ₋₁. They span the same functions as the powers 1, x, x², …,
    so the least-squares curve is the same. But on [−1, 1] the powers look alike, and their columns
    grow collinear until rounding decides the fit; the Legendre columns are orthogonal over the
    interval. Scale `x` to [−1, 1] first.

    `x` (n,) -> (n, degree + 1).
    Raises `ValueError` for a negative degree or an `x` that is not (n,).
    Source: Abramowitz and Stegun, 22.7.10.
    Taught in {ref}`sec-generalization`.
    """
    if degree < 0:
        raise ValueError(f"degree is {degree}; it must be 0 or more.")
    if x.ndim != 1 or not x.is_floating_point():
        raise ValueError(
            f"x has shape {tuple(x.shape)} and type {x.dtype}; it must be floating-point, (n,)."
        )
    columns = [torch.ones_like(x), x]
    for k in range(1, degree):
        columns.append(((2 * k + 1) * x * columns[k] - k * columns[k - 1]) / (k + 1))
    return torch.stack(columns[: degree + 1], dim=1)


def fit_polynomial(x: Tensor, y: Tensor, degree: int, l2: float = 0.0) -> Tensor:
    """The Legendre coefficients c that minimize ½ Σ (Φc − y)² + ½ l2 Σₖ≥₁ cₖ².

    The constant c₀ is not penalized: moving all of `y` up moves the curve up, whatever `l2` is. `x`
    and `y` (n,) -> (degree + 1,).
    Raises `ValueError` when `l2` is 0 and there are fewer different `x` than coefficients.
    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 3.4.1 and
    exercise 3.12.
    Taught in {ref}`sec-generalization`.
    """
    if l2 < 0:
        raise ValueError(f"l2 is {l2}; it must be 0 or more.")
    features = polynomial_features(x, degree)
    if l2 > 0:
        # A penalty is a few more examples: each says, with weight √l2, that one coefficient is 0.
        penalties = l2**0.5 * torch.eye(degree + 1, dtype=x.dtype, device=x.device)[1:]
        features = torch.cat([features, penalties])
        y = torch.cat([y, y.new_zeros(degree)])
    coefficients, _ = least_squares(features, y, intercept=False)
    return coefficients


def evaluate_polynomial(coefficients: Tensor, x: Tensor) -> Tensor:
    """ŷ = Φc, for the coefficients that `fit_polynomial` returns.

    `coefficients` (degree + 1,), `x` (n,) -> (n,).
    Taught in {ref}`sec-generalization`.
    """
    return polynomial_features(x, len(coefficients) - 1) @ coefficients


def k_folds(n: int, k: int, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """k splits of 0 … n − 1 into (train, validation), each index in validation exactly once.

    The indices are shuffled; the folds' sizes differ by one at most.
    Raises `ValueError` unless 2 ≤ k ≤ n.
    Taught in {ref}`sec-generalization`.
    """
    if not 2 <= k <= n:
        raise ValueError(f"k is {k}; with {n} examples it must be 2 to {n}.")
    order = torch.randperm(n, generator=generator, device=generator.device)
    folds = order.tensor_split(k)
    return [(torch.cat(folds[:i] + folds[i + 1 :]), folds[i]) for i in range(k)]
