"""The softmax of each row: by one program a row, and by five kernels one after another."""

from collections.abc import Callable

import torch
from torch import Tensor

from introml.kernels.simulated import DeviceArray, launch

UNFUSED_STEPS = 5
"""Largest, difference, exp, sum, quotient: one FLOP each for every cell."""


def softmax_program(
    row: int,
    x: DeviceArray,
    out: DeviceArray,
    n: int,
    BLOCK: int,
) -> None:
    """One row of the softmax of x (m, n); BLOCK ≥ n.

    The row is loaded once and stored once. Lanes beyond it hold −∞, which changes neither the
    largest nor the sum.
    Taught in {ref}`sec-programming-gpus`.
    """
    lane = torch.arange(BLOCK)
    inside = lane < n
    cell = row * n + lane
    scores = x.load(cell, inside, other=float("-inf"))
    e = (scores - scores.max()).exp()
    out.store(cell, e / e.sum(), inside)


def fused_softmax(x: Tensor) -> tuple[Tensor, int]:
    """The softmax of each row, and how many cells crossed the memory's border: 2mn.

    Taught in {ref}`sec-programming-gpus`.
    """
    m, n = x.shape
    given, out = DeviceArray(x), DeviceArray(torch.empty_like(x))
    block = 1 << (n - 1).bit_length()  # a power of two, as Triton wants it
    launch(softmax_program, (m,), given, out, n, block)
    return out.tensor(), given.loads + out.stores


def unfused_softmax(x: Tensor) -> tuple[Tensor, int]:
    """The same by five kernels: largest, difference, exp, sum, quotient. It moves 8mn + 4m cells.

    Taught in {ref}`sec-programming-gpus`.
    """
    m = len(x)
    arrays = [DeviceArray(x)]
    column, whole = x.new_empty(m), torch.empty_like(x)

    def kernel(row_of: Callable[..., Tensor], result: Tensor, *given: DeviceArray) -> DeviceArray:
        out = DeviceArray(result)
        launch(_rowwise, (m,), row_of, out, given)
        arrays.append(out)
        return out

    scores = arrays[0]
    largest = kernel(lambda a: a.max()[None], column, scores)
    shifted = kernel(lambda a, b: a - b, whole, scores, largest)
    e = kernel(lambda a: a.exp(), whole, shifted)
    total = kernel(lambda a: a.sum()[None], column, e)
    softmax = kernel(lambda a, b: a / b, whole, e, total)
    return softmax.tensor(), sum(one.loads + one.stores for one in arrays)


def _rowwise(
    row: int, row_of: Callable[..., Tensor], out: DeviceArray, given: tuple[DeviceArray, ...]
) -> None:
    """One row of each array comes in, one row goes out."""
    rows = [one.load(row * _width(one) + torch.arange(_width(one))) for one in given]
    result = row_of(*rows)
    out.store(row * len(result) + torch.arange(len(result)), result)


def _width(array: DeviceArray) -> int:
    return array.shape[1] if len(array.shape) == 2 else 1
