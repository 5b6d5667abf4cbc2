"""1-D tensor parallelism: a layer's weights are cut by columns or by rows, one piece a rank.

Letters: m rows (tokens), k columns of the input, n of the output, p ranks, H heads, D columns of
a head. Matrices multiply from the right, so W is (k, n); `nn.Linear` stores the transpose.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from introml.multi_head_attention import multi_head_attention
from introml.parallel.collectives import (
    Communicator,
    ring_all_gather,
    ring_all_reduce,
    ring_reduce_scatter,
)


class _Copy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, comm: Communicator) -> Tensor:
        ctx.comm = comm
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _summed(grads[0], ctx.comm), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, comm: Communicator) -> Tensor:
        return _summed(x, comm)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, comm: Communicator) -> Tensor:
        ctx.comm = comm
        return _gathered(x, comm)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _scattered(grads[0], ctx.comm), None


class _ScatterSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, comm: Communicator) -> Tensor:
        ctx.comm = comm
        return _scattered(x, comm)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _gathered(grads[0], ctx.comm), None


def _summed(x: Tensor, comm: Communicator) -> Tensor:
    return ring_all_reduce(x.clone(memory_format=torch.contiguous_format), comm)


def _gathered(x: Tensor, comm: Communicator) -> Tensor:
    whole = x.new_empty(comm.size * len(x), *x.shape[1:])
    whole[comm.rank * len(x) : (comm.rank + 1) * len(x)] = x
    ring_all_gather(whole, comm)
    return whole


def _scattered(x: Tensor, comm: Communicator) -> Tensor:
    mine = ring_reduce_scatter(x.clone(memory_format=torch.contiguous_format), comm)
    return mine.clone().view(len(x) // comm.size, *x.shape[1:])


def copy_to_ranks(x: Tensor, comm: Communicator) -> Tensor:
    """f: y = x going forward, and dx = Σ dy over all ranks going backward; any shape.

    What all ranks hold and each uses differently passes through it: every rank's gradient is
    only its share.
    Source: Shoeybi et al., Megatron-LM (2019), section 3.
    Taught in {ref}`sec-tensor-parallel`.
    """
    out: Tensor = _Copy.apply(x, comm)
    return out


def sum_over_ranks(x: Tensor, comm: Communicator) -> Tensor:
    """g: y = Σ x over all ranks going forward, and dx = dy going backward; any shape.

    Source: Shoeybi et al., Megatron-LM (2019), section 3.
    Taught in {ref}`sec-tensor-parallel`.
    """
    out: Tensor = _Sum.apply(x, comm)
    return out


def gather_rows(x: Tensor, comm: Communicator) -> Tensor:
    """All ranks' rows, one below the other: (m/p, …) -> (m, …); backward is `scatter_sum_rows`.

    Each rank brings as many rows.
    Source: Korthikanti et al., Reducing Activation Recomputation (2022), section 4.2.2.
    Taught in {ref}`sec-tensor-parallel`.
    """
    out: Tensor = _Gather.apply(x, comm)
    return out


def scatter_sum_rows(x: Tensor, comm: Communicator) -> Tensor:
    """This rank's rows of Σ x over all ranks: (m, …) -> (m/p, …); backward is `gather_rows`.

    Raises `ValueError` when p does not divide the m rows.
    Source: Korthikanti et al., Reducing Activation Recomputation (2022), section 4.2.2.
    Taught in {ref}`sec-tensor-parallel`.
    """
    if len(x) % comm.size:
        raise ValueError(
            f"{len(x)} rows do not divide among {comm.size} ranks; pad them to a multiple."
        )
    out: Tensor = _ScatterSum.apply(x, comm)
    return out


def columns_of(W: Tensor, comm: Communicator) -> Tensor:
    """This rank's columns of W, or numbers of a bias: (…, n) -> (…, about n/p), the first larger.

    Taught in {ref}`sec-tensor-parallel`.
    """
    return W.tensor_split(comm.size, -1)[comm.rank]


def rows_of(W: Tensor, comm: Communicator) -> Tensor:
    """This rank's rows of W: (k, n) -> (about k/p, n), the first ranks' one longer.

    Taught in {ref}`sec-tensor-parallel`.
    """
    return W.tensor_split(comm.size)[comm.rank]


def column_parallel(x: Tensor, W: Tensor, b: Tensor | None, comm: Communicator) -> Tensor:
    """This rank's columns of xW + b: x (…, k), whole; W (k, n/p), b (n/p,) -> (…, n/p).

    Forward nothing is sent; backward the gradient of x is summed over the ranks.
    Source: Shoeybi et al., Megatron-LM (2019), section 3.
    Taught in {ref}`sec-tensor-parallel`.
    """
    y = copy_to_ranks(x, comm) @ W
    return y if b is None else y + b


def row_parallel(x: Tensor, W: Tensor, b: Tensor | None, comm: Communicator) -> Tensor:
    """xW + b, whole on all ranks: x (…, k/p), its columns; W (k/p, n), its rows; b (n,) -> (…, n).

    Forward the partial products are summed over the ranks, and b is added once, after the sum;
    backward nothing is sent.
    Source: Shoeybi et al., Megatron-LM (2019), section 3.
    Taught in {ref}`sec-tensor-parallel`.
    """
    y = sum_over_ranks(x @ W, comm)
    return y if b is None else y + b


def parallel_mlp(
    x: Tensor,
    W1: Tensor,
    b1: Tensor | None,
    W2: Tensor,
    b2: Tensor | None,
    comm: Communicator,
) -> Tensor:
    """GELU(x W₁ + b₁) W₂ + b₂ with one all-reduce forward and one backward: (…, k) -> (…, k).

    W1 (k, n/p) and b1 (n/p,) are this rank's columns, W2 (n/p, k) its rows, b2 (k,) is whole.
    Source: Shoeybi et al., Megatron-LM (2019), section 3.
    Taught in {ref}`sec-tensor-parallel`.
    """
    hidden = F.gelu(column_parallel(x, W1, b1, comm))
    return row_parallel(hidden, W2, b2, comm)


def sequence_parallel_mlp(
    x: Tensor,
    W1: Tensor,
    b1: Tensor | None,
    W2: Tensor,
    b2: Tensor | None,
    comm: Communicator,
) -> Tensor:
    """`parallel_mlp` for x that is cut by rows, as its output is: (m/p, k) -> (m/p, k).

    An all-gather before and a reduce-scatter after send what the one all-reduce did. b2 is used
    for this rank's rows alone, so `copy_to_ranks` sums its gradient.
    Source: Korthikanti et al., Reducing Activation Recomputation (2022), section 4.2.2.
    Taught in {ref}`sec-tensor-parallel`.
    """
    hidden = gather_rows(x, comm) @ W1
    hidden = F.gelu(hidden if b1 is None else hidden + b1)
    y = scatter_sum_rows(hidden @ W2, comm)
    return y if b2 is None else y + copy_to_ranks(b2, comm)


def parallel_attention(
    x: Tensor,
    matrices: Sequence[Tensor],
    num_heads: int,
    comm: Communicator,
    is_causal: bool = False,
) -> Tensor:
    """Self-attention with H/p heads on each rank: x (B, T, C) -> (B, T, C), whole on all.

    `matrices` are this rank's columns of W^Q, W^K and W^V (C, C/p) and its rows of W^O (C/p, C).
    One all-reduce forward, one backward.
    Raises `ValueError` when p does not divide the heads: a head is not cut.
    Source: Shoeybi et al., Megatron-LM (2019), section 3.
    Taught in {ref}`sec-tensor-parallel`.
    """
    if num_heads < 1 or num_heads % comm.size:
        raise ValueError(
            f"{num_heads} heads do not divide among {comm.size} ranks; a head stays on one rank."
        )
    x = copy_to_ranks(x, comm)
    heads = num_heads // comm.size
    own, _ = multi_head_attention(x, x, x, matrices, heads, is_causal=is_causal)
    return sum_over_ranks(own, comm)


def mlp_1d_bytes(m: int, k: int, p: int, size: int = 8) -> int:
    """What p ranks together send in one forward and one backward of an MLP: 4(p−1)·mk numbers.

    Two all-reduces of an (m, k) tensor, of 2(p−1)·mk each; attention sends as much. `size` is the
    number of bytes of one number. With sequence parallelism it is the same, and 2(p−1)·k for the
    gradient of its last bias.
    Taught in {ref}`sec-tensor-parallel`.
    """
    return 4 * (p - 1) * m * k * size
