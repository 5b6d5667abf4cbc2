"""Squared error and cross-entropy from scratch, and the log-sum-exp that keeps them finite.

Letters: `n` examples, `k` classes. Logits are any numbers, (n, k), of which the largest is the
answer; `y` (n,) holds the right classes, counted from 0.
"""

from typing import Literal

import torch
from torch import Tensor

Reduction = Literal["mean", "sum", "none"]


def log_sum_exp(x: Tensor, dim: int = -1) -> Tensor:
    """log Σ exp(x) along `dim`, which goes: max + log Σ exp(x − max), where no exp exceeds 1.

    Entries of −∞ count as nothing; if all of them are −∞, so is the result.
    Taught in {ref}`sec-losses`.
    """
    largest = x.amax(dim, keepdim=True).detach()
    # Where all entries are −∞, −∞ − (−∞) would be nan.
    largest = torch.where(largest.isfinite(), largest, torch.zeros_like(largest))
    return (x - largest).exp().sum(dim).log() + largest.squeeze(dim)


def log_softmax(logits: Tensor) -> Tensor:
    """The logarithms of the probabilities, logits − log Σ exp(logits): (n, k) -> (n, k).

    Taught in {ref}`sec-losses`.
    """
    # Large logits first lose their common part, or the sum's logarithm would be rounded away.
    shifted = logits - logits.amax(-1, keepdim=True).detach()
    return shifted - log_sum_exp(shifted)[..., None]


def cross_entropy(
    logits: Tensor,
    y: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """−log of the right class's probability: (n, k), (n,) -> (), or (n,) with reduction "none".

    `weight` (k,) multiplies an example's loss by the weight of its right class; the mean is then
    divided by the sum of these weights. `label_smoothing` ε takes (1 − ε) + ε/k for the right class
    and ε/k for each other one as the truth, each class's term times its own weight.
    Raises `ValueError` for an ε outside [0, 1] or another `reduction`.
    Source: Szegedy et al., Rethinking the Inception Architecture (2016), section 7, for ε.
    Taught in {ref}`sec-losses`.
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is {label_smoothing}; it must be from 0 to 1.")
    price = -log_softmax(logits)  # (n, k)
    weight = torch.ones_like(price[0]) if weight is None else weight
    right = price.gather(1, y[:, None])[:, 0] * weight[y]  # (n,)
    all_classes = (price * weight).mean(dim=1)  # (n,)
    each = (1 - label_smoothing) * right + label_smoothing * all_classes
    return _reduced(each, reduction, weight[y].sum())


def binary_cross_entropy(logits: Tensor, y: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Cross-entropy of a sigmoid's probability with y in [0, 1]: (n,), (n,) -> (), or (n,).

    log(1 + exp(o)) − o·y, written as max(o, 0) − o·y + log(1 + exp(−|o|)), where no exp exceeds 1.
    Raises `ValueError` for another `reduction`.
    Taught in {ref}`sec-losses`.
    """
    each = logits.relu() - logits * y + (-logits.abs()).exp().log1p()
    return _reduced(each, reduction, each.numel())


def squared_error(y_hat: Tensor, y: Tensor, reduction: Reduction = "mean") -> Tensor:
    """(ŷ − y)², without the half that the book puts before it elsewhere: (n,), (n,) -> (), or (n,).

    Raises `ValueError` when the shapes differ (they would be broadcast), or for another
    `reduction`.
    Taught in {ref}`sec-losses`.
    """
    if y_hat.shape != y.shape:
        raise ValueError(
            f"y_hat is {tuple(y_hat.shape)} and y is {tuple(y.shape)}; the shapes must be equal."
        )
    each = (y_hat - y) ** 2
    return _reduced(each, reduction, each.numel())


def _reduced(each: Tensor, reduction: Reduction, count: Tensor | int) -> Tensor:
    """The losses themselves, their sum, or their sum divided by `count`."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is {reduction!r}; it must be 'mean', 'sum' or 'none'.")
    if reduction == "none":
        return each
    return each.sum() if reduction == "sum" else each.sum() / count
