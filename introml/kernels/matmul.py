"""A product of matrices in tiles: each program computes one square of the result."""

import torch
from torch import Tensor

from introml.kernels.simulated import DeviceArray, blocks, launch


def matmul_program(
    program: tuple[int, int],
    A: DeviceArray,
    B: DeviceArray,
    C: DeviceArray,
    sizes: tuple[int, int, int],
    TILE: int,
) -> None:
    """Tile (i, j) of C = A B, for A (m, k), B (k, n) and `sizes` (m, k, n).

    It walks along a row of A's tiles and a column of B's, and adds up their products.
    Taught in {ref}`sec-programming-gpus`.
    """
    m, k, n = sizes
    lane = torch.arange(TILE)
    row = (program[0] * TILE + lane)[:, None]
    column = (program[1] * TILE + lane)[None, :]
    total = torch.zeros(TILE, TILE, dtype=A.tensor().dtype)
    for step in range(0, k, TILE):
        down, across = (step + lane)[:, None], (step + lane)[None, :]
        a = A.load(row * k + across, (row < m) & (across < k))
        b = B.load(down * n + column, (down < k) & (column < n))
        total += a @ b
    C.store(row * n + column, total, (row < m) & (column < n))


def matmul(A: Tensor, B: Tensor, tile: int = 4) -> tuple[Tensor, int]:
    """A B and the number of cells that were loaded: (m, k), (k, n) -> (m, n), int.

    If the tile divides all sizes, it loads 2mkn / tile cells.
    Taught in {ref}`sec-programming-gpus`.
    """
    (m, k), n = A.shape, B.shape[1]
    a, b, c = DeviceArray(A), DeviceArray(B), DeviceArray(A.new_empty(m, n))
    grid = (blocks(m, tile), blocks(n, tile))
    launch(matmul_program, grid, a, b, c, (m, k, n), tile)
    return c.tensor(), a.loads + b.loads
