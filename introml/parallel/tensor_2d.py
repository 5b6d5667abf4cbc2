"""2-D tensor parallelism: q² ranks in a square, and every matrix cut into q × q blocks (SUMMA).

Letters: A (m, k), B (k, n), C = AB (m, n); rank (i, j) of the square has the blocks A_ij, B_ij and
C_ij, and nothing is held twice.
"""

from dataclasses import dataclass
from math import isqrt
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from introml.parallel.collectives import Communicator, broadcast, reduce


@dataclass(frozen=True)
class Grid:
    """A square of q × q ranks, seen by the one in `row` and `column`.

    `along_row` has the ranks of its row, ordered by column; `along_column` those of its column.
    Taught in {ref}`sec-tensor-parallel`.
    """

    row: int
    column: int
    along_row: Communicator
    along_column: Communicator

    @property
    def q(self) -> int:
        """Ranks along one side."""
        return self.along_row.size

    @property
    def bytes_sent(self) -> int:
        """What this rank sent along its row and its column."""
        return self.along_row.bytes_sent + self.along_column.bytes_sent


def square_grid(first: int = 0, count: int | None = None) -> Grid:
    """The square of ranks `first` … `first + count − 1`, row by row; all ranks if `count` is None.

    Raises `ValueError` when their number is not a square.
    Taught in {ref}`sec-tensor-parallel`.
    """
    count = dist.get_world_size() if count is None else count
    q = isqrt(count)
    if q * q != count:
        raise ValueError(f"{count} ranks make no square; take 1, 4, 9, …")
    row, column = divmod(dist.get_rank() - first, q)
    ranks = torch.arange(first, first + count).view(q, q)
    return Grid(
        row, column, Communicator(ranks[row].tolist()), Communicator(ranks[:, column].tolist())
    )


def block(X: Tensor, rows: int, row: int, columns: int, column: int) -> Tensor:
    """Block (row, column) of `rows` × `columns` equal ones: X (m, k) -> (m/rows, k/columns).

    Raises `ValueError` when they do not divide its sides: a rank must know what size it receives.
    Taught in {ref}`sec-tensor-parallel`.
    """
    m, k = X.shape
    if m % rows or k % columns:
        raise ValueError(
            f"A matrix {m} x {k} has no {rows} x {columns} equal blocks; pad it with zeros."
        )
    m, k = m // rows, k // columns
    return X[row * m : (row + 1) * m, column * k : (column + 1) * k].contiguous()


class _Summa(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor, grid: Grid) -> Tensor:
        ctx.save_for_backward(A, B)
        ctx.grid = grid
        C = A.new_zeros(A.shape[0], B.shape[1])
        for step in range(grid.q):
            C += _from_column(A, step, grid) @ _from_row(B, step, grid)
        return C

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (dC,), (A, B), grid = grads, ctx.saved_tensors, ctx.grid
        dA, dB = torch.empty_like(A), torch.empty_like(B)
        for step in range(grid.q):
            part = reduce(dC @ _from_row(B, step, grid).T, grid.along_row, step)
            if grid.column == step:
                dA = part
            part = reduce(_from_column(A, step, grid).T @ dC, grid.along_column, step)
            if grid.row == step:
                dB = part
        return dA, dB, None


def _from_column(X: Tensor, column: int, grid: Grid) -> Tensor:
    """The block that the rank in this row and that column has."""
    return broadcast(X.detach().clone(), grid.along_row, column)


def _from_row(X: Tensor, row: int, grid: Grid) -> Tensor:
    """The block that the rank in this column and that row has."""
    return broadcast(X.detach().clone(), grid.along_column, row)


def summa(A: Tensor, B: Tensor, grid: Grid) -> Tensor:
    """This rank's block of C = AB: A (m/q, k/q), B (k/q, n/q) -> (m/q, n/q), all blocks (i, j).

    In step l the ranks of column l send their A along the rows and those of row l their B along
    the columns, and each adds A_il B_lj. Backward, dA = dC Bᵀ and dB = Aᵀ dC: one factor is sent
    as before, and the products are summed at their owners.
    Source: van de Geijn and Watts, SUMMA (1997); Xu et al., An Efficient 2D Method (2021).
    Taught in {ref}`sec-tensor-parallel`.
    """
    C: Tensor = _Summa.apply(A, B, grid)
    return C


def summa_bytes(m: int, k: int, n: int, q: int, size: int = 8) -> int:
    """What q² ranks together send for a product, forward and backward: 3(q−1)(mk + kn) numbers.

    Each of C, dA and dB moves every number of one matrix or its gradient along q − 1 links of a
    row, and of the other along those of a column.
    Taught in {ref}`sec-tensor-parallel`.
    """
    return 3 * (q - 1) * (m * k + k * n) * size
