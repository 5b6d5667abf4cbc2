"""A systolic array, cycle by cycle: a grid of multipliers through which a matrix product flows.

Letters: K × N cells, each of which holds one weight; T rows of inputs stream through.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cycle:
    """What the grid holds after one cycle, and what has left it.

    `inputs` and `sums` (K, N): the input that each cell has taken in, and its product with the
    weight added to the sum from above; NaN where a cell had nothing to do. `left` lists the
    (row t, column j, value) that came out at the bottom in this cycle.
    Taught in {ref}`sec-tpu`.
    """

    inputs: Tensor
    sums: Tensor
    left: list[tuple[int, int, float]]

    @property
    def busy(self) -> int:
        """How many cells multiplied in this cycle."""
        return int((~self.sums.isnan()).sum())


def run(X: Tensor, W: Tensor) -> tuple[Tensor, list[Cycle]]:
    """X W of inputs (T, K) and weights (K, N), and every cycle that it took.

    Cell (i, j) holds W[i, j]. In a cycle each cell takes the input of its left neighbour and the
    sum of the cell above, as they were a cycle before, and adds input times weight to the sum. Row
    i of the grid gets column i of X, i cycles late, so that a sum meets its inputs on the way down.
    Raises `ValueError` unless X is (T, K) and W (K, N), all at least 1.
    Source: Kung and Leiserson, Systolic Arrays (for VLSI) (1978).
    Taught in {ref}`sec-tpu`.
    """
    if X.ndim != 2 or W.ndim != 2 or X.shape[1] != W.shape[0] or 0 in (*X.shape, *W.shape):
        raise ValueError(
            f"X is {tuple(X.shape)} and W {tuple(W.shape)}; they must be (T, K) and (K, N)."
        )
    (T, K), N = X.shape, W.shape[1]
    nothing = float("nan")
    inputs = torch.full((K, N), nothing, dtype=X.dtype)
    sums = torch.full((K, N), nothing, dtype=X.dtype)
    Y = torch.full((T, N), nothing, dtype=X.dtype)
    done = [0] * N  # how many rows have left each column
    cycles: list[Cycle] = []
    while min(done) < T:
        now = len(cycles)
        entering = torch.full((K, 1), nothing, dtype=X.dtype)
        for i in range(K):
            if 0 <= now - i < T:
                entering[i] = X[now - i, i]
        inputs = torch.cat([entering, inputs[:, :-1]], 1)  # each to the right
        above = torch.cat([torch.zeros(1, N, dtype=X.dtype), sums[:-1]])  # each down
        sums = above + inputs * W
        left = []
        for j in range(N):
            if not sums[-1, j].isnan():
                Y[done[j], j] = sums[-1, j]
                left.append((done[j], j, sums[-1, j].item()))
                done[j] += 1
        cycles.append(Cycle(inputs, sums, left))
    return Y, cycles


def cycles_needed(T: int, K: int, N: int) -> int:
    """T + K + N − 2: until the last of T rows has left a grid of K × N cells.

    Taught in {ref}`sec-tpu`.
    """
    return T + K + N - 2


def utilization(T: int, K: int, N: int) -> float:
    """T / (T + K + N − 2): the share of all cells and cycles in which a product is made.

    Taught in {ref}`sec-tpu`.
    """
    return T / cycles_needed(T, K, N)
