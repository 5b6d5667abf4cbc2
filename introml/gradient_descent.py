"""Gradient descent, its minibatch form, and the largest learning rate that is stable."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from introml.regression import design_matrix

LearningRate = float | Callable[[int], float]
"""One rate for all steps, or a function of the step t = 0, 1, …"""


def descend(
    gradient: Callable[[Tensor], Tensor], start: Tensor, lr: LearningRate, steps: int
) -> Tensor:
    """wₜ₊₁ = wₜ − ηₜ ∇L(wₜ).

    `gradient` maps (d,) to (d,); `start` (d,); `lr` a number, or a function of the step t = 0, 1, …
    Returns the whole path, (steps + 1, d), `start` first.
    Raises `ValueError` for negative `steps`.
    Taught in {ref}`sec-gradient-descent`.
    """
    if steps < 0:
        raise ValueError(f"steps is {steps}; it must be 0 or more.")
    path = [start]
    for step in range(steps):
        path.append(path[-1] - _rate(lr, step) * gradient(path[-1]))
    return torch.stack(path)


def largest_stable_lr(X: Tensor, intercept: bool = True) -> float:
    """2 / λmax(AᵀA), where A = [X 1]: below it, gradient descent on linear regression converges.

    The bound is that of the loss Σ ½(ŷ − y)², a sum. For the mean, Σ ½(ŷ − y)² / n, the curvature
    is n times smaller, so the bound is n times this one. At the bound the path oscillates for ever;
    above it, the part of the error along the steepest direction grows at every step.

    `X` (n, d). `intercept=False` leaves the ones column out.
    Source: LeCun, Bottou, Orr and Müller, Efficient BackProp (1998), 5.1.
    Taught in {ref}`sec-gradient-descent`.
    """
    A = design_matrix(X, intercept)
    steepest = torch.linalg.eigvalsh(A.T @ A)[-1].item()
    if steepest <= 0:
        raise ValueError("X is all zeros: the loss is flat, and no learning rate is too large.")
    return 2 / steepest


class StepsToGain(NamedTuple):
    """How long a descent takes: κ, steps, and which part of the parameters' error is left then."""

    condition: float
    steps: int
    error_left: float


def steps_to_gain(A: Tensor, y: Tensor, share: float = 0.99) -> StepsToGain:
    """The steps at η = 1/λmax to a share of the possible fall of Σ ½(Aθ − y)², reckoned, not run.

    After k steps the error along an eigenvector of AᵀA is (1 − ηλ)ᵏ of what it was. The start is
    the model that says the mean of `y` for everybody: θ = (0, …, 0, ȳ).

    `A` (n, p), with a last column of ones and columns that are linearly independent; `y` (n,).
    Raises `ValueError` unless 0 < share < 1.
    Taught in {ref}`sec-gradient-descent`.
    """
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; it must lie between 0 and 1.")
    eigenvalues, eigenvectors = torch.linalg.eigh(A.T @ A)
    start = torch.zeros(A.shape[1], dtype=A.dtype)
    start[-1] = y.mean()
    errors = eigenvectors.T @ (start - torch.linalg.lstsq(A, y[:, None]).solution[:, 0])
    factors = 1 - eigenvalues / eigenvalues[-1]

    def excess(steps: int) -> float:
        return (0.5 * eigenvalues * (factors**steps * errors) ** 2).sum().item()

    low, high = 0, 2**40  # the excess only falls: halve the interval
    while high - low > 1:
        middle = (low + high) // 2
        enough = excess(middle) <= (1 - share) * excess(0)
        low, high = (low, middle) if enough else (middle, high)
    left = (factors**high * errors).norm() / errors.norm()
    return StepsToGain((eigenvalues[-1] / eigenvalues[0]).item(), high, left.item())


def minibatches(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """One epoch: the indices 0 … n − 1 in random order, `batch_size` at a time.

    Yields index tensors (batch_size,); the last one is shorter when `batch_size` does not divide
    `n`.
    Raises `ValueError` unless 1 ≤ batch_size ≤ n.
    Taught in {ref}`sec-minibatch-sgd`.
    """
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size is {batch_size}; with {n} examples it must be 1 to {n}.")
    order = torch.randperm(n, generator=generator, device=generator.device)
    return iter(order.split(batch_size))


def sgd(
    gradient: Callable[[Tensor, Tensor], Tensor],
    start: Tensor,
    lr: LearningRate,
    n: int,
    batch_size: int,
    epochs: int,
    generator: torch.Generator,
) -> Tensor:
    """wₜ₊₁ = wₜ − ηₜ ∇L_B(wₜ), where B is the next minibatch.

    `gradient(w, batch)` gets `w` (d,) and the indices of the batch, and returns (d,); let it
    average over the batch, and one `lr` serves all batch sizes alike. `lr` is a number, or a
    function of the update t = 0, 1, …
    Returns the path, (epochs · ⌈n / batch_size⌉ + 1, d).
    Source: Robbins and Monro (1951).
    Taught in {ref}`sec-minibatch-sgd`.
    """
    path = [start]
    for _ in range(epochs):
        for batch in minibatches(n, batch_size, generator):
            step = len(path) - 1
            path.append(path[-1] - _rate(lr, step) * gradient(path[-1], batch))
    return torch.stack(path)


def _rate(lr: LearningRate, step: int) -> float:
    return lr(step) if callable(lr) else lr
