"""2.5-D tensor parallelism: d squares of q × q ranks, one above the other, which share the rows.

Letters: X (m, k), W (k, n); rank (l, i, j) is at (i, j) of square l. Square l has the l-th m/d rows
of X, cut into q × q blocks, and a copy of the blocks of W.
"""

import torch
import torch.distributed as dist
from torch import Tensor

from introml.parallel.collectives import Communicator
from introml.parallel.tensor_1d import copy_to_ranks
from introml.parallel.tensor_2d import Grid, block, square_grid, summa


class Layers:
    """d squares of q × q ranks: `layer` is this rank's square, `grid` its place in it.

    `across` has the ranks at this place in all squares.
    Raises `ValueError` unless there are d·q² ranks.
    Taught in {ref}`sec-tensor-parallel`.
    """

    def __init__(self, depth: int) -> None:
        count = dist.get_world_size()
        if depth < 1 or count % depth:
            raise ValueError(f"{count} ranks do not make {depth} layers; take d·q² of them.")
        square = count // depth
        self.depth = depth
        self.layer, place = divmod(dist.get_rank(), square)
        self.grid: Grid = square_grid(self.layer * square, square)
        self.across = Communicator(torch.arange(count).view(depth, square)[:, place].tolist())

    @property
    def bytes_sent(self) -> int:
        """What this rank sent, in its square and to the others."""
        return self.grid.bytes_sent + self.across.bytes_sent

    def block_of_input(self, X: Tensor) -> Tensor:
        """This rank's block of what is cut by rows among the squares: (m, k) -> (m/dq, k/q).

        Raises `ValueError` when d·q and q do not divide the sides.
        """
        grid = self.grid
        row = self.layer * grid.q + grid.row
        return block(X, self.depth * grid.q, row, grid.q, grid.column)

    def block_of_weight(self, W: Tensor) -> Tensor:
        """This rank's block of what all squares have: (k, n) -> (k/q, n/q).

        Raises `ValueError` when q does not divide the sides.
        """
        return block(W, self.grid.q, self.grid.row, self.grid.q, self.grid.column)


def product_2_5d(X: Tensor, W: Tensor, layers: Layers) -> Tensor:
    """This rank's block of XW: X (m/dq, k/q), W (k/q, n/q) -> (m/dq, n/q).

    SUMMA in each square, for its own rows. Backward the squares add up their gradients of W.
    Source: Wang et al., Tesseract (2021); Solomonik and Demmel, 2.5D matrix multiplication (2011).
    Taught in {ref}`sec-tensor-parallel`.
    """
    return summa(X, copy_to_ranks(W, layers.across), layers.grid)


def product_2_5d_bytes(m: int, k: int, n: int, q: int, d: int, size: int = 8) -> int:
    """What d·q² ranks together send, forward and backward: 3(q−1)(mk + d·kn) + 2(d−1)kn numbers.

    Each square moves its rows and a copy of W; the last term is the all-reduce of dW.
    Taught in {ref}`sec-tensor-parallel`.
    """
    return (3 * (q - 1) * (m * k + d * k * n) + 2 * (d - 1) * k * n) * size
