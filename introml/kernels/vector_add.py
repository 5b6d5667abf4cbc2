"""The sum of two vectors, as one program of `BLOCK` lanes."""

import torch
from torch import Tensor

from introml.kernels.simulated import DeviceArray, blocks, launch


def add_program(
    program: int,
    x: DeviceArray,
    y: DeviceArray,
    out: DeviceArray,
    n: int,
    BLOCK: int,
) -> None:
    """BLOCK cells of x + y; lanes from cell n on are masked off.

    Taught in {ref}`sec-programming-gpus`.
    """
    cell = program * BLOCK + torch.arange(BLOCK)
    inside = cell < n
    total = x.load(cell, inside) + y.load(cell, inside)
    out.store(cell, total, inside)


def add(x: Tensor, y: Tensor, block: int = 4) -> Tensor:
    """x + y (n,) by ⌈n / block⌉ simulated programs.

    Taught in {ref}`sec-programming-gpus`.
    """
    a, b, out = DeviceArray(x), DeviceArray(y), DeviceArray(torch.empty_like(x))
    launch(add_program, (blocks(len(x), block),), a, b, out, len(x), block)
    return out.tensor()
