"""introml.parallel.tensor_1d: equal to one process, gradients too, and every byte counted."""

import pytest
import torch
import torch._dynamo  # lest each rank import it for itself
import torch.nn.functional as F
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)

from introml.multi_head_attention import multi_head_attention
from introml.parallel.collectives import Communicator
from introml.parallel.ranks import RankFailed, run_ranks
from introml.parallel.tensor_1d import (
    column_parallel,
    columns_of,
    copy_to_ranks,
    gather_rows,
    mlp_1d_bytes,
    parallel_attention,
    parallel_mlp,
    row_parallel,
    rows_of,
    scatter_sum_rows,
    sequence_parallel_mlp,
    sum_over_ranks,
)


def random(*shapes, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator, dtype=dtype) for shape in shapes]


def leaf(x):
    return x.detach().clone().requires_grad_()


def mlp(x, W1, b1, W2, b2):
    return F.gelu(x @ W1 + b1) @ W2 + b2


def run_whole(function, inputs, dy):
    """The output of one process, and the gradients of its inputs."""
    leaves = [leaf(x) for x in inputs]
    y = function(*leaves)
    y.backward(dy)
    return y.detach(), [x.grad for x in leaves]


def run_cut(p, function, inputs, cuts, dy, dy_cut=None):
    """Each rank's output and gradients; `cuts` are None, columns_of or rows_of, one an input."""

    def on_rank(rank):
        comm = Communicator()
        shards = [leaf(cut(x, comm) if cut else x) for x, cut in zip(inputs, cuts, strict=True)]
        y = function(*shards, comm)
        y.backward(dy_cut(dy, comm) if dy_cut else dy)
        return y.detach(), [x.grad for x in shards], comm.bytes_sent

    return run_ranks(on_rank, p)


def part(x, cut, rank, p):
    """The rank's piece, by slicing, and not by the module's own functions."""
    if cut is None:
        return x
    dim = -1 if cut is columns_of else 0
    return torch.tensor_split(x, p, dim)[rank]


def assert_equal_to_whole(found, whole, cuts, p, y_cut=None):
    y, gradients = whole
    for rank, (own, own_gradients, _) in enumerate(found):
        close(own, part(y, y_cut, rank, p))
        for gradient, expected, cut in zip(own_gradients, gradients, cuts, strict=True):
            close(gradient, part(expected, cut, rank, p))


def close(a, b):
    tolerance = 1e-12 if b.dtype == torch.float64 else 1e-4
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_hand_worked_row_by_columns_and_by_rows():
    """(1, 2) times [[1, 2], [3, 4]] is (7, 10); by rows rank 0 has (1, 2) and rank 1 (6, 8)."""
    x, W = torch.tensor([[1.0, 2]]), torch.tensor([[1.0, 2], [3, 4]])

    def both(rank):
        comm = Communicator()
        by_columns = column_parallel(x, columns_of(W, comm), None, comm)
        partial = columns_of(x, comm) @ rows_of(W, comm)
        summed = row_parallel(columns_of(x, comm), rows_of(W, comm), None, comm)
        return by_columns.tolist(), partial.tolist(), summed.tolist()

    assert run_ranks(both, 2) == [
        ([[7]], [[1, 2]], [[7, 10]]),
        ([[10]], [[6, 8]], [[7, 10]]),
    ]


@pytest.mark.parametrize("p", [1, 2, 4])
@pytest.mark.parametrize(("m", "k", "n"), [(4, 6, 8), (3, 5, 7), (1, 2, 9)])
def test_column_and_row_parallel_equal_one_product_in_every_size(p, m, k, n):
    x, W, b, dy = random((m, k), (k, n), (n,), (m, n))
    whole = run_whole(lambda x, W, b: x @ W + b, (x, W, b), dy)

    cuts = [None, columns_of, columns_of]
    found = run_cut(p, column_parallel, (x, W, b), cuts, dy, columns_of)
    assert_equal_to_whole(found, whole, cuts, p, columns_of)
    assert sum(sent for *_, sent in found) == 2 * (p - 1) * m * k * 8  # backward alone

    cuts = [columns_of, rows_of, None]
    found = run_cut(p, row_parallel, (x, W, b), cuts, dy)
    assert_equal_to_whole(found, whole, cuts, p)
    assert sum(sent for *_, sent in found) == 2 * (p - 1) * m * n * 8  # forward alone


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("p", [1, 2, 4])
@pytest.mark.parametrize(("m", "k", "n"), [(8, 4, 16), (5, 3, 11), (2, 6, 3)])
def test_mlp_equals_one_process_and_sends_what_the_formula_says(p, m, k, n, dtype):
    *inputs, dy = random((m, k), (k, n), (n,), (n, k), (k,), (m, k), dtype=dtype)
    cuts = [None, columns_of, columns_of, rows_of, None]
    found = run_cut(p, parallel_mlp, inputs, cuts, dy)
    assert_equal_to_whole(found, run_whole(mlp, inputs, dy), cuts, p)
    assert sum(sent for *_, sent in found) == mlp_1d_bytes(m, k, p, dy.element_size())


@pytest.mark.parametrize("p", [1, 2, 4])
def test_sequence_parallel_mlp_equals_one_process_and_sends_the_same(p):
    m, k, n = 8, 3, 10
    *inputs, dy = random((m, k), (k, n), (n,), (n, k), (k,), (m, k))
    cuts = [rows_of, columns_of, columns_of, rows_of, None]
    found = run_cut(p, sequence_parallel_mlp, inputs, cuts, dy, rows_of)
    assert_equal_to_whole(found, run_whole(mlp, inputs, dy), cuts, p, rows_of)
    bias = 2 * (p - 1) * k * 8
    assert sum(sent for *_, sent in found) == mlp_1d_bytes(m, k, p) + bias


def test_both_mlps_without_biases():
    *inputs, dy = random((4, 3), (3, 6), (6, 3), (4, 3))
    whole = run_whole(lambda x, W1, W2: F.gelu(x @ W1) @ W2, inputs, dy)
    for function, cut in ((parallel_mlp, None), (sequence_parallel_mlp, rows_of)):

        def without(x, W1, W2, comm, function=function):
            return function(x, W1, None, W2, None, comm)

        cuts = [cut, columns_of, rows_of]
        found = run_cut(2, without, inputs, cuts, dy, cut)
        assert_equal_to_whole(found, whole, cuts, 2, cut)
        assert sum(sent for *_, sent in found) == mlp_1d_bytes(4, 3, 2)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(("p", "heads"), [(1, 3), (2, 2), (2, 6), (4, 4)])
def test_attention_cut_by_heads_equals_one_process(p, heads, is_causal):
    B, T, D = 2, 5, 3
    C = heads * D
    *inputs, dy = random((B, T, C), (C, C), (C, C), (C, C), (C, C), (B, T, C))

    def whole(x, *matrices):
        return multi_head_attention(x, x, x, matrices, heads, is_causal=is_causal)[0]

    def cut(x, W_q, W_k, W_v, W_o, comm):
        return parallel_attention(x, (W_q, W_k, W_v, W_o), heads, comm, is_causal)

    cuts = [None, columns_of, columns_of, columns_of, rows_of]
    found = run_cut(p, cut, inputs, cuts, dy)
    assert_equal_to_whole(found, run_whole(whole, inputs, dy), cuts, p)
    assert sum(sent for *_, sent in found) == mlp_1d_bytes(B * T, C, p)


@pytest.mark.parametrize("p", [2, 4])
def test_the_four_operators_are_conjugate_in_pairs(p):
    """⟨y, forward(x)⟩ over all ranks is ⟨backward(y), x⟩, where copies count once."""
    x, y = random((p, 8, 3), (p, 8, 3))

    def on_rank(rank):
        comm = Communicator()
        found = []
        for operator, size in (
            (copy_to_ranks, 8),
            (sum_over_ranks, 8),
            (gather_rows, 8 // p),
            (scatter_sum_rows, 8),
        ):
            own = leaf(x[0 if operator is copy_to_ranks else rank][:size])
            out = operator(own, comm)
            out.backward(y[0 if operator is sum_over_ranks else rank][: len(out)])
            found.append((out.detach(), own.grad))
        return found

    for rank, (copied, summed, gathered, scattered) in enumerate(run_ranks(on_rank, p)):
        rows = slice(rank * 8 // p, (rank + 1) * 8 // p)
        close(copied[0], x[0])
        close(copied[1], y.sum(0))
        close(summed[0], x.sum(0))
        close(summed[1], y[0])
        close(gathered[0], x[:, : 8 // p].flatten(0, 1))
        close(gathered[1], y.sum(0)[rows])
        close(scattered[0], x.sum(0)[rows])
        close(scattered[1], y[:, : 8 // p].flatten(0, 1))


def test_what_does_not_divide_is_refused_with_a_reason():
    def three_heads(rank):
        comm = Communicator()
        x, *matrices = random((1, 4, 6), (6, 3), (6, 3), (6, 3), (3, 6))
        parallel_attention(x, matrices, 3, comm)

    with pytest.raises(RankFailed, match="3 heads do not divide among 2 ranks"):
        run_ranks(three_heads, 2)
    with pytest.raises(RankFailed, match="5 rows do not divide among 2 ranks"):
        run_ranks(lambda rank: scatter_sum_rows(torch.ones(5, 2), Communicator()), 2)


@pytest.mark.parametrize("p", [2, 4])
def test_pytorchs_own_gives_the_same(p):
    *inputs, dy = random((6, 4), (4, 8), (8,), (8, 4), (4,), (6, 4))
    cuts = [None, columns_of, columns_of, rows_of, None]
    ours = run_cut(p, parallel_mlp, inputs, cuts, dy)

    def theirs(rank):
        x, W1, b1, W2, b2 = inputs
        net = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4)).double()
        with torch.no_grad():
            for parameter, value in zip(net.parameters(), (W1.T, b1, W2.T, b2), strict=True):
                parameter.copy_(value)
        mesh = init_device_mesh("cpu", (p,))
        parallelize_module(net, mesh, {"0": ColwiseParallel(), "2": RowwiseParallel()})
        x = leaf(x)
        y = net(x)
        y.backward(dy)
        gradients = [parameter.grad.to_local() for parameter in net.parameters()]
        return y.detach(), [x.grad, gradients[0].T, gradients[1], gradients[2].T, gradients[3]]

    for (y, gradients, _), (their_y, their_gradients) in zip(
        ours, run_ranks(theirs, p), strict=True
    ):
        close(y, their_y)
        for own, their in zip(gradients, their_gradients, strict=True):
            close(own, their)
