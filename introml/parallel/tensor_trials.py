"""One MLP without biases, cut in each way, on real ranks: what they send and keep, and formulas.

Letters: X (m, h), W₁ (h, 4h), W₂ (4h, h), p ranks; q ranks along a side, d squares.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from introml.parallel.collectives import Communicator
from introml.parallel.ranks import run_ranks
from introml.parallel.tensor_1d import (
    columns_of,
    mlp_1d_bytes,
    parallel_mlp,
    rows_of,
    sequence_parallel_mlp,
)
from introml.parallel.tensor_2_5d import Layers, product_2_5d, product_2_5d_bytes
from introml.parallel.tensor_2d import block, square_grid, summa, summa_bytes
from introml.parallel.tensor_3d import Cube, product_3d, product_3d_bytes

WAYS = ("1-D", "1-D, tokens cut", "2-D", "2.5-D", "3-D")
SQUARES = 2
"""d of the 2.5-D way."""


@dataclass(frozen=True)
class Trial:
    """Bytes for one forward and one backward: `sent` by all ranks together, `kept` by each.

    Kept are the input, the weights and the output, and what waits for the backward pass; gradients
    and passing buffers are not counted. `error` is the largest one of a rank's output, and of
    its gradients, against one process. Taught in {ref}`sec-tensor-parallel`.
    """

    sent: int
    kept: int
    error: float


def full_size(m: int, h: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """X, W₁, W₂ and the gradient dY of the output, in float64."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (m, h), (h, 4 * h), (4 * h, h), (m, h)
    X, W1, W2, dY = (
        torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes
    )
    return X, W1 / h**0.5, W2 / (2 * h**0.5), dY


def run_mlp(way: str, p: int, m: int, h: int, seed: int = 0) -> Trial:
    """The MLP on p real ranks, cut in one of `WAYS`, in float64.

    Raises `ValueError` for another way, and `RankFailed`, with the reason, for sizes or numbers of
    ranks that it can't cut into.
    Taught in {ref}`sec-tensor-parallel`.
    """
    if way not in WAYS:
        raise ValueError(f"way is {way!r}; take one of {', '.join(WAYS)}.")
    whole = full_size(m, h, seed)
    *leaves, dY = whole
    leaves = [leaf.requires_grad_() for leaf in leaves]
    Y = F.gelu(leaves[0] @ leaves[1]) @ leaves[2]
    Y.backward(dY)
    expected = [Y.detach(), *(_gradient(leaf) for leaf in leaves)]
    found = run_ranks(_on_rank, p, way, [x.detach() for x in whole], expected)
    return Trial(
        sum(sent for sent, _, _ in found),
        max(kept for _, kept, _ in found),
        max(error for _, _, error in found),
    )


def _on_rank(rank: int, way: str, whole: list[Tensor], expected: list[Tensor]) -> tuple[Any, ...]:
    cuts, mlp, sent = _cut(way)
    *shards, dY = (cut(x).clone() for cut, x in zip(cuts, whole, strict=True))
    for shard in shards:
        shard.requires_grad_()
    with _kept() as kept:
        Y = mlp(*shards)
    kept.extend([*shards, Y])
    Y.backward(dY)
    results = [Y.detach(), *(_gradient(shard) for shard in shards)]
    order = [cuts[3], *cuts[:3]]
    error = max(
        (result - cut(right)).abs().max().item()
        for result, cut, right in zip(results, order, expected, strict=True)
    )
    storages = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in kept}
    return sent(), sum(storages.values()), error


def _gradient(x: Tensor) -> Tensor:
    assert x.grad is not None
    return x.grad


@contextmanager
def _kept() -> Iterator[list[Tensor]]:
    """What autograd saves for the backward pass of what is computed inside."""
    kept: list[Tensor] = []

    def pack(x: Tensor) -> Tensor:
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        yield kept


Cut = Callable[[Tensor], Tensor]


def _cut(way: str) -> tuple[list[Cut], Callable[..., Tensor], Callable[[], int]]:
    """How this rank cuts X, W₁, W₂ and Y, its MLP, and how many bytes it has sent."""
    if way == "2-D":
        grid = square_grid()

        def own(x: Tensor) -> Tensor:
            return block(x, grid.q, grid.row, grid.q, grid.column)

        def mlp_2d(X: Tensor, W1: Tensor, W2: Tensor) -> Tensor:
            return summa(F.gelu(summa(X, W1, grid)), W2, grid)

        return [own] * 4, mlp_2d, lambda: grid.bytes_sent
    if way == "2.5-D":
        layers = Layers(SQUARES)
        x, w = layers.block_of_input, layers.block_of_weight

        def mlp_2_5d(X: Tensor, W1: Tensor, W2: Tensor) -> Tensor:
            return product_2_5d(F.gelu(product_2_5d(X, W1, layers)), W2, layers)

        return [x, w, w, x], mlp_2_5d, lambda: layers.bytes_sent
    if way == "3-D":
        cube = Cube()
        turned = cube.turned()

        def mlp_3d(X: Tensor, W1: Tensor, W2: Tensor) -> Tensor:
            return product_3d(F.gelu(product_3d(X, W1, cube)), W2, turned)

        cuts = [cube.part_of_input, cube.part_of_weight]
        return (
            [*cuts, turned.part_of_weight, turned.part_of_output],
            mlp_3d,
            lambda: cube.bytes_sent,
        )
    comm = Communicator()
    mlp = parallel_mlp if way == "1-D" else sequence_parallel_mlp

    def ends(x: Tensor) -> Tensor:
        return x if way == "1-D" else block(x, comm.size, comm.rank, 1, 0)

    def mlp_1d(X: Tensor, W1: Tensor, W2: Tensor) -> Tensor:
        return mlp(X, W1, None, W2, None, comm)

    return (
        [ends, lambda W: columns_of(W, comm), lambda W: rows_of(W, comm), ends],
        mlp_1d,
        lambda: comm.bytes_sent,
    )


def sent_bytes(way: str, p: int, m: int, h: int, size: int = 8) -> int:
    """What p ranks together send for the MLP, forward and backward, by the formulas of each way.

    Taught in {ref}`sec-tensor-parallel`.
    """
    products = (m, h, 4 * h), (m, 4 * h, h)
    q = _side(way, p)
    if way == "2-D":
        return sum(summa_bytes(*product, q, size) for product in products)
    if way == "2.5-D":
        return sum(product_2_5d_bytes(*product, q, SQUARES, size) for product in products)
    if way == "3-D":
        return sum(product_3d_bytes(*product, q, size) for product in products)
    return mlp_1d_bytes(m, h, p, size)


def kept_bytes(way: str, p: int, m: int, h: int, size: int = 8) -> float:
    """What each of p ranks keeps between forward and backward, by the formula of each way.

    X, Y and the hidden layer twice, before and after its GELU, are 10mh numbers, and the weights
    8h². What is not cut, or is gathered and kept, comes on top; the 3-D way keeps what it gathers
    of the hidden layer after its GELU, and not the part itself.
    Taught in {ref}`sec-tensor-parallel`.
    """
    q = _side(way, p)
    ends, hidden, weights = 2 * m * h, 8 * m * h, 8 * h * h
    numbers = {
        "1-D": ends + (hidden + weights) / p,
        "1-D, tokens cut": m * h + (ends + hidden + weights) / p,
        "2-D": (ends + hidden + weights) / p,
        "2.5-D": (ends + hidden) / p + weights / q**2,
        "3-D": (ends + hidden / 2 + weights) / p + (5 * m * h + weights) / q**2,
    }
    return numbers[way] * size


def _side(way: str, p: int) -> int:
    if way == "2-D":
        return isqrt(p)
    if way == "2.5-D":
        return isqrt(p // SQUARES)
    return round(p ** (1 / 3)) if way == "3-D" else p
