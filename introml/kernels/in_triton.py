"""The three kernels in Triton, for a GPU. With TRITON_INTERPRET=1 they run on a CPU as well.

Triton is not among the book's packages, since it is large and useless without a GPU:
`pip install triton==3.7.1` beside PyTorch 2.13. TRITON_INTERPRET must be set before it is imported.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from introml.kernels.simulated import blocks

try:
    import triton
    import triton.language as tl
except ImportError:  # the launchers say so when they are called
    triton = None

MISSING = "Triton is not installed; `pip install triton==3.7.1` (see introml/kernels/in_triton.py)."


def add_kernel(x, y, out, n, BLOCK: tl.constexpr):
    """Lanes program · BLOCK … of x + y.

    Taught in {ref}`sec-programming-gpus`.
    """
    cell = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = cell < n
    total = tl.load(x + cell, inside) + tl.load(y + cell, inside)
    tl.store(out + cell, total, inside)


def matmul_kernel(A, B, C, m, k, n, TILE: tl.constexpr):
    """Tile (i, j) of C = A B.

    Taught in {ref}`sec-programming-gpus`.
    """
    lane = tl.arange(0, TILE)
    row = (tl.program_id(0) * TILE + lane)[:, None]
    column = (tl.program_id(1) * TILE + lane)[None, :]
    total = tl.zeros((TILE, TILE), dtype=tl.float32)
    for step in range(0, k, TILE):
        down, across = (step + lane)[:, None], (step + lane)[None, :]
        a = tl.load(A + row * k + across, (row < m) & (across < k), other=0.0)
        b = tl.load(B + down * n + column, (down < k) & (column < n), other=0.0)
        total += tl.dot(a, b, input_precision="ieee")
    tl.store(C + row * n + column, total, (row < m) & (column < n))


def naive_matmul_kernel(A, B, C, m, k, n, BLOCK: tl.constexpr):
    """`BLOCK` results of C = A B, row by row in memory, each by a walk of its own along k.

    Taught in {ref}`sec-programming-gpus`.
    """
    cell = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = cell < m * n
    row, column = cell // n, cell % n
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for step in range(0, k):
        a = tl.load(A + row * k + step, inside, other=0.0)
        total += a * tl.load(B + step * n + column, inside, other=0.0)
    tl.store(C + cell, total, inside)


def softmax_kernel(x, out, n, BLOCK: tl.constexpr):
    """One row of the softmax.

    Taught in {ref}`sec-programming-gpus`.
    """
    lane = tl.arange(0, BLOCK)
    inside = lane < n
    cell = tl.program_id(0) * n + lane
    scores = tl.load(x + cell, inside, other=float("-inf"))
    e = tl.exp(scores - tl.max(scores, 0))
    tl.store(out + cell, e / tl.sum(e, 0), inside)


def add(x: Tensor, y: Tensor, out: Tensor | None = None, block: int = 1024) -> Tensor:
    """x + y of two float32 vectors on a GPU (or interpreted): (n,), (n,) -> (n,).

    Raises `ImportError` without Triton, and `ValueError` for what pointers would misread.
    Taught in {ref}`sec-programming-gpus`.
    """
    out = torch.empty_like(x) if out is None else out
    n = x.numel()
    _check({"x": x, "y": y, "out": out}, {"x": (n,), "y": (n,), "out": (n,)})
    grid = (blocks(n, block),)
    _compiled(add_kernel)[grid](x, y, out, n, BLOCK=block)
    return out


def matmul(A: Tensor, B: Tensor, out: Tensor | None = None, tile: int = 32) -> Tensor:
    """A B in float32: (m, k), (k, n) -> (m, n). `tile` is a power of 2 from 16 on.

    Raises `ImportError` without Triton, and `ValueError` for what pointers would misread.
    Taught in {ref}`sec-programming-gpus`.
    """
    m, k, n, out = _product(A, B, out)
    grid = (blocks(m, tile), blocks(n, tile))
    _compiled(matmul_kernel)[grid](A, B, out, m, k, n, TILE=tile)
    return out


def naive_matmul(A: Tensor, B: Tensor, out: Tensor | None = None, block: int = 256) -> Tensor:
    """A B in float32, one lane for each result: (m, k), (k, n) -> (m, n).

    Raises as `matmul` does.
    Taught in {ref}`sec-programming-gpus`.
    """
    m, k, n, out = _product(A, B, out)
    _compiled(naive_matmul_kernel)[(blocks(m * n, block),)](A, B, out, m, k, n, BLOCK=block)
    return out


def softmax(x: Tensor, out: Tensor | None = None) -> Tensor:
    """The softmax of each row in float32: (m, n) -> (m, n).

    Raises `ImportError` without Triton, and `ValueError` for what pointers would misread.
    Taught in {ref}`sec-programming-gpus`.
    """
    m, n = x.shape
    out = torch.empty_like(x) if out is None else out
    _check({"x": x, "out": out}, {"x": (m, n), "out": (m, n)})
    _compiled(softmax_kernel)[(m,)](x, out, n, BLOCK=1 << (n - 1).bit_length())
    return out


def _product(A: Tensor, B: Tensor, out: Tensor | None) -> tuple[int, int, int, Tensor]:
    (m, k), n = A.shape, B.shape[1]
    C = A.new_empty(m, n) if out is None else out
    _check({"A": A, "B": B, "out": C}, {"A": (m, k), "B": (k, n), "out": (m, n)})
    return m, k, n, C


def _check(tensors: dict[str, Tensor], shapes: dict[str, tuple[int, ...]]) -> None:
    """A kernel gets pointers alone: what it would misread silently is refused here."""
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != shapes[name]:
            raise ValueError(f"{name} has the shape {tuple(tensor.shape)}; {shapes[name]} fits.")
        if tensor.dtype != torch.float32 or not tensor.is_contiguous():
            raise ValueError(
                f"{name} is {tensor.dtype} with strides {tensor.stride()}; it must be float32 and "
                "contiguous: call .float() or .contiguous()."
            )


@cache
def _compiled(kernel: Any) -> Any:
    if triton is None:
        raise ImportError(MISSING)
    return triton.jit(kernel)
