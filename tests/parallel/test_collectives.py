"""introml.parallel.collectives: equal to torch.distributed's, and every byte counted."""

import math

import pytest
import torch
import torch.distributed as dist

from introml.parallel.collectives import (
    Communicator,
    broadcast,
    hierarchical_all_reduce,
    nodes_of,
    parts_of,
    reduce,
    ring_all_gather,
    ring_all_reduce,
    ring_reduce_scatter,
)
from introml.parallel.ranks import RankFailed, run_ranks

SIZES = [(8,), (7,), (1,), (3, 5), (2, 4, 6)]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.int64]


def numbers(rank, shape, dtype):
    generator = torch.Generator().manual_seed(rank)
    return torch.randint(-9, 10, shape, generator=generator).to(dtype)  # sums of them are exact


def test_hand_worked_all_reduce():
    """Ranks 0, 1 and 2 hold 1, 10 and 100 times (1, 2, 3)."""
    found = run_ranks(
        lambda rank: ring_all_reduce(torch.tensor([1.0, 2, 3]) * 10**rank, Communicator()), 3
    )
    assert all(x.tolist() == [111, 222, 333] for x in found)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_all_reduce_equals_torchs_for_every_shape_and_dtype(n):
    def both(rank):
        found = []
        for shape in SIZES:
            for dtype in DTYPES:
                x = numbers(rank, shape, dtype)
                theirs = x.clone()
                dist.all_reduce(theirs)
                found.append((ring_all_reduce(x, Communicator()), theirs))
        return found

    for found in run_ranks(both, n):
        for ours, theirs in found:
            assert ours.dtype == theirs.dtype
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_bytes_of_an_all_reduce_are_those_of_the_formula(n):
    def sent(rank):
        comm = Communicator()
        ring_all_reduce(torch.ones(12, 5), comm)
        return comm.bytes_sent, comm.messages

    assert run_ranks(sent, n) == [(2 * (n - 1) * 60 * 4 // n, 2 * (n - 1))] * n


def test_bytes_of_parts_that_are_not_equal_add_up():
    """Ten numbers on four ranks: parts of 3, 3, 2 and 2. All together send 2(n−1)M."""

    def sent(rank):
        comm = Communicator()
        ring_all_reduce(torch.ones(10), comm)
        return comm.bytes_sent

    found = run_ranks(sent, 4)
    assert sum(found) == 2 * 3 * 10 * 4
    assert [size // 4 for size in found] == [
        2 * 10 - a - b for a, b in [(3, 3), (2, 3), (2, 2), (3, 2)]
    ]


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("shape", SIZES)
def test_reduce_scatter_gives_each_rank_its_part_of_the_sum(n, shape):
    def scattered(rank):
        return ring_reduce_scatter(numbers(rank, shape, torch.float64), Communicator())

    total = sum(numbers(rank, shape, torch.float64) for rank in range(n))
    for found, expected in zip(run_ranks(scattered, n), parts_of(total, n), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_all_gather_brings_every_part_to_every_rank(n):
    def gathered(rank):
        x = torch.zeros(3, 5)
        parts_of(x, n)[rank].fill_(rank + 1)
        ring_all_gather(x, Communicator())
        return x

    expected = torch.zeros(3, 5)
    for rank, part in enumerate(parts_of(expected, n)):
        part.fill_(rank + 1)
    assert all(torch.equal(found, expected) for found in run_ranks(gathered, n))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_broadcast_and_reduce_from_and_to_every_root(n):
    def both(rank):
        comm = Communicator()
        found = []
        for root in range(n):
            x = broadcast(numbers(rank, (5,), torch.float64), comm, root)
            summed = reduce(numbers(rank, (5,), torch.float64), comm, root)
            found.append((x, summed if rank == root else None))
        return found, comm.bytes_sent

    results = run_ranks(both, n)
    total = sum(numbers(rank, (5,), torch.float64) for rank in range(n))
    for rank, (found, _) in enumerate(results):
        for root, (x, summed) in enumerate(found):
            assert torch.equal(x, numbers(root, (5,), torch.float64))
            assert summed is None if rank != root else torch.equal(summed, total)
    assert sum(sent for _, sent in results) == 2 * n * (n - 1) * 5 * 8


def test_some_of_the_ranks_talk_among_themselves():
    """Two rows of a 2 × 2 grid, the second in reversed order."""

    def of_row(rank):
        comm = Communicator([0, 1] if rank < 2 else [3, 2])
        x = torch.tensor([10.0**rank])
        return ring_all_reduce(x, comm).item(), comm.rank

    assert run_ranks(of_row, 4) == [(11, 0), (11, 1), (1100, 1), (1100, 0)]


@pytest.mark.parametrize("ranks", [[0], [1, 1], [0, 1, 0]])
def test_a_communicator_has_each_rank_once_and_this_one_among_them(ranks):
    with pytest.raises(RankFailed, match="each stands there once"):
        run_ranks(lambda rank: Communicator(ranks) and None, 2)


def test_an_average_of_rounded_numbers_is_near_that_of_torch():
    def both(rank):
        x = torch.randn(1000, generator=torch.Generator().manual_seed(rank))
        theirs = x.clone()
        dist.all_reduce(theirs)
        return (ring_all_reduce(x, Communicator()) - theirs).abs().max().item()

    assert max(run_ranks(both, 4)) < 4 * math.ulp(8.0) * 2**29  # a few units in the last place


@pytest.mark.parametrize(("nodes", "size"), [(2, 2), (1, 3), (3, 1), (2, 3)])
@pytest.mark.parametrize("shape", [(12,), (7,), (2, 3, 4)])
def test_hierarchical_all_reduce_equals_torchs_with_its_bytes_apart(nodes, size, shape):
    """Inside, all ranks together send 2(G−1)M in each node; between nodes, 2(N−1)M in all."""

    def both(rank):
        x = numbers(rank, shape, torch.float64)
        theirs = x.clone()
        dist.all_reduce(theirs)
        inside, between = nodes_of(size)
        hierarchical_all_reduce(x, inside, between)
        return x, theirs, inside.bytes_sent, between.bytes_sent

    found = run_ranks(both, nodes * size)
    M = 8 * math.prod(shape)
    for ours, theirs, inside, between in found:
        assert torch.equal(ours, theirs)
        if math.prod(shape) % (nodes * size) == 0:
            assert inside * size == 2 * (size - 1) * M
            assert between * nodes * size == 2 * (nodes - 1) * M
    assert sum(inside for *_, inside, _ in found) == 2 * nodes * (size - 1) * M
    assert sum(between for *_, between in found) == 2 * (nodes - 1) * M


def test_the_last_phase_inside_a_node_of_eight_sends_seven_eighths():
    def sent(rank):
        x, (inside, between) = torch.ones(64), nodes_of(8)
        ring_reduce_scatter(x, inside)
        before = inside.bytes_sent
        ring_all_gather(x, inside)
        return before, inside.bytes_sent - before, between.bytes_sent

    assert run_ranks(sent, 8) == [(0.875 * 256, 0.875 * 256, 0)] * 8


@pytest.mark.parametrize("size", [0, 3, 8])
def test_nodes_that_do_not_make_up_the_ranks_are_refused(size):
    with pytest.raises(RankFailed, match="take a divisor"):
        run_ranks(lambda rank: nodes_of(size) and None, 4)
