"""3-D tensor parallelism: q³ ranks in a cube, and each multiplies one block of X by one of W.

Letters: X (m, k), W (k, n), Y = XW (m, n); rank (i, j, l) multiplies block X_il by W_lj. Of each
block it holds a q-th of the rows: part j of X_il, part i of W_lj, and afterwards part l of Y_ij.
"""

import torch
import torch.distributed as dist
from torch import Tensor

from introml.parallel.collectives import Communicator
from introml.parallel.tensor_1d import gather_rows, scatter_sum_rows
from introml.parallel.tensor_2d import block


class Cube:
    """q × q × q ranks, seen by the one at (i, j, l); `along_i` has those that differ in i alone.

    Raises `ValueError` when the number of ranks is no cube.
    Taught in {ref}`sec-tensor-parallel`.
    """

    def __init__(self) -> None:
        count = dist.get_world_size()
        self.q = q = round(count ** (1 / 3))
        if q**3 != count:
            raise ValueError(f"{count} ranks make no cube; take 1, 8, 27, …")
        ranks = torch.arange(count).view(q, q, q)
        rest, self.l = divmod(dist.get_rank(), q)
        self.i, self.j = divmod(rest, q)
        self.along_i = Communicator(ranks[:, self.j, self.l].tolist())
        self.along_j = Communicator(ranks[self.i, :, self.l].tolist())
        self.along_l = Communicator(ranks[self.i, self.j].tolist())

    @property
    def bytes_sent(self) -> int:
        """What this rank sent in the three directions."""
        return sum(comm.bytes_sent for comm in (self.along_i, self.along_j, self.along_l))

    def turned(self) -> "Cube":
        """The same ranks with j and l exchanged: the next layer's, whose input is this one's Y."""
        other = object.__new__(Cube)
        other.q, other.i, other.j, other.l = self.q, self.i, self.l, self.j
        other.along_i, other.along_j, other.along_l = self.along_i, self.along_l, self.along_j
        return other

    def part_of_input(self, X: Tensor) -> Tensor:
        """Rows j of block (i, l): (m, k) -> (m/q², k/q). Raises `ValueError` unless they divide."""
        return block(X, self.q**2, self.i * self.q + self.j, self.q, self.l)

    def part_of_weight(self, W: Tensor) -> Tensor:
        """Rows i of block (l, j): (k, n) -> (k/q², n/q). Raises `ValueError` unless they divide."""
        return block(W, self.q**2, self.l * self.q + self.i, self.q, self.j)

    def part_of_output(self, Y: Tensor) -> Tensor:
        """Rows l of block (i, j): (m, n) -> (m/q², n/q). Raises `ValueError` unless they divide."""
        return block(Y, self.q**2, self.i * self.q + self.l, self.q, self.j)


def product_3d(X: Tensor, W: Tensor, cube: Cube) -> Tensor:
    """This rank's part of Y = XW: X (m/q², k/q), W (k/q², n/q) -> (m/q², n/q).

    The blocks are gathered, X along j and W along i, multiplied once, and the products summed
    along l, where each rank keeps a part. Backward the same three directions are gone again, and
    the gathered blocks are kept for it.
    Source: Bian et al., Maximizing Parallelism (2021); Agarwal et al., A three-dimensional
    approach (1995).
    Taught in {ref}`sec-tensor-parallel`.
    """
    X_il = gather_rows(X, cube.along_j)  # (m/q, k/q)
    W_lj = gather_rows(W, cube.along_i)  # (k/q, n/q)
    return scatter_sum_rows(X_il @ W_lj, cube.along_l)


def product_3d_bytes(m: int, k: int, n: int, q: int, size: int = 8) -> int:
    """What q³ ranks together send, forward and backward: 2(q−1)(mk + kn + mn) numbers.

    Each of the three matrices, and its gradient, goes once along the q − 1 links of a direction.
    Taught in {ref}`sec-tensor-parallel`.
    """
    return 2 * (q - 1) * (m * k + k * n + m * n) * size
