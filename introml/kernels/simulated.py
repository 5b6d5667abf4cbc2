"""A GPU's way to run a program: many copies that differ in their number alone, here one by one.

Memory is a row of cells with guard cells on both sides, so that what a real GPU does silently is
seen: each cell that is read or written where no array lies is noted.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

GUARD = 64
"""How many cells on either side belong to nobody and are watched."""


class DeviceArray:
    """A tensor in a GPU's memory, reached by the numbers of its cells, 0 … size − 1, row by row.

    `loads` and `stores` count the cells that were read and written; `strays` are the numbers of
    those outside of it that a program touched, in order.
    Taught in {ref}`sec-programming-gpus`.
    """

    def __init__(self, values: Tensor) -> None:
        self.shape = values.shape
        self.size = values.numel()
        self._cells = values.new_full((self.size + 2 * GUARD,), float("nan"))
        self._cells[GUARD : GUARD + self.size] = values.reshape(-1)
        self.loads = 0
        self.stores = 0
        self.strays: list[int] = []

    def load(self, cells: Tensor, mask: Tensor | None = None, other: float = 0.0) -> Tensor:
        """What the cells hold; `other` where the mask is False. The shape is that of `cells`.

        Raises `IndexError` for cells beyond the guard cells, as a GPU would stop the program.
        """
        wanted = self._lanes(cells, mask)
        values = self._cells.new_full(cells.shape, other)
        values[wanted] = self._cells[cells[wanted] + GUARD]
        self.loads += int(wanted.sum())
        return values

    def store(self, cells: Tensor, values: Tensor, mask: Tensor | None = None) -> None:
        """Write one value into each cell; nothing where the mask is False. Errors as in `load`."""
        wanted = self._lanes(cells, mask)
        self._cells[cells[wanted] + GUARD] = values.expand(cells.shape)[wanted]
        self.stores += int(wanted.sum())

    def tensor(self) -> Tensor:
        """What the array holds now, in its shape."""
        return self._cells[GUARD : GUARD + self.size].reshape(self.shape).clone()

    def _lanes(self, cells: Tensor, mask: Tensor | None) -> Tensor:
        wanted = torch.ones_like(cells, dtype=torch.bool)
        if mask is not None:
            wanted = mask.expand(cells.shape)
        reached = cells[wanted]
        outside = reached[(reached < 0) | (reached >= self.size)]
        if outside.numel() and not -GUARD <= outside.min() <= outside.max() < self.size + GUARD:
            raise IndexError(
                f"a program reached for cell {outside.abs().max()} of an array of {self.size}; "
                "mask the lanes whose cells don't exist."
            )
        self.strays += outside.tolist()
        return wanted


def launch(program: Callable[..., None], grid: tuple[int, ...], *arguments: object) -> None:
    """Run `program(number, *arguments)` once for every number of the grid.

    For a grid of one axis the number is an int, else a tuple. A GPU runs them in any order, and
    many at once; whoever writes programs must not care.
    Taught in {ref}`sec-programming-gpus`.
    """
    for number in itertools.product(*(range(size) for size in grid)):
        program(number[0] if len(grid) == 1 else number, *arguments)


def blocks(size: int, block: int) -> int:
    """How many blocks of `block` elements cover `size`: ⌈size / block⌉.

    Raises `ValueError` unless the block has at least one element.
    Taught in {ref}`sec-programming-gpus`.
    """
    if block < 1:
        raise ValueError(f"block is {block}; a block has at least one element.")
    return -(-size // block)
