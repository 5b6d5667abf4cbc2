"""Momentum on a parabola, where all that it does follows from a 2 × 2 matrix.

With the error e = θ − θ*, the curvature λ and v the velocity, a step is v ← ρv + λe, e ← e − ηv.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


def update_matrix(curvature: float, lr: float, rho: float) -> Tensor:
    """What a step does to (v, e): [[ρ, λ], [−ηρ, 1 − ηλ]], float64 (2, 2).

    Taught in {ref}`sec-optimizers`.
    """
    rows = [[rho, curvature], [-lr * rho, 1 - lr * curvature]]
    return torch.tensor(rows, dtype=torch.float64)


def convergence_rate(curvature: float, lr: float, rho: float) -> float:
    """The size of the larger root of r² − (1 + ρ − ηλ)r + ρ: what a step leaves in the end.

    Complex roots, where (1 + ρ − ηλ)² < 4ρ, have the size √ρ.
    Raises `ValueError` unless λ and η are positive and 0 ≤ ρ ≤ 1.
    Source: Goh, Why Momentum Really Works (2017), with the slips of its text put right.
    Taught in {ref}`sec-optimizers`.
    """
    if not (curvature > 0 and lr > 0 and 0 <= rho <= 1):
        raise ValueError(
            f"curvature is {curvature}, lr is {lr}, rho is {rho}; the first two must be positive, "
            "and rho from 0 to 1."
        )
    middle = (1 + rho - lr * curvature) / 2
    under_root = middle**2 - rho
    return math.sqrt(rho) if under_root < 0 else abs(middle) + math.sqrt(under_root)


class BestPair(NamedTuple):
    """The pair (η, ρ) that shrinks the worst error fastest, and what a step then leaves of it."""

    lr: float
    rho: float
    rate: float


def best_pair(flat: float, steep: float) -> BestPair:
    """η = 4/(√λmin + √λmax)², ρ = r², r = (√κ − 1)/(√κ + 1), for all curvatures between the two.

    Raises `ValueError` unless 0 < flat ≤ steep.
    Source: Polyak, Some methods of speeding up the convergence of iteration methods (1964).
    Taught in {ref}`sec-optimizers`.
    """
    if not 0 < flat <= steep:
        raise ValueError(f"flat is {flat} and steep is {steep}; give 0 < flat ≤ steep.")
    total = math.sqrt(flat) + math.sqrt(steep)
    rate = (math.sqrt(steep) - math.sqrt(flat)) / total
    return BestPair(4 / total**2, rate**2, rate)
