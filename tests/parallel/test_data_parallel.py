"""introml.parallel.data_parallel: gradients of one process, and of DistributedDataParallel."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from introml.parallel.collectives import Communicator, parts_of
from introml.parallel.data_parallel import DataParallel, buckets, overlap, same_start, shard
from introml.parallel.ranks import RankFailed, run_ranks


def network(seed, dtype=torch.float64):
    torch.manual_seed(seed)
    layers = nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4), nn.Tanh(), nn.Linear(4, 3)
    return nn.Sequential(*layers).to(dtype)


def batch(size, dtype=torch.float64):
    generator = torch.Generator().manual_seed(size)
    X = torch.randn(size, 5, generator=generator, dtype=dtype)
    return X, torch.randint(0, 3, (size,), generator=generator)


def alone(size, steps, dtype=torch.float64):
    """(gradients, weights) after some steps of one process on the whole batch."""
    model, (X, y) = network(0, dtype), batch(size, dtype)
    for _ in range(steps):
        model.zero_grad()
        F.cross_entropy(model(X), y).backward()
        descend(model)
    return [p.grad for p in model.parameters()], [p.detach() for p in model.parameters()]


def descend(model):
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.5 * p.grad


def test_hand_worked_step():
    """Gradients −2, 4, 6, 0 of four samples: shards' means 1 and 3, the batch's 2."""
    x, y = torch.tensor([[1.0, 2, 1, 2], [3, 0, -5, 2]])

    def step(rank):
        model = nn.Linear(1, 1, bias=False)
        nn.init.ones_(model.weight)
        X, target = shard(x[:, None], rank, 2), shard(y[:, None], rank, 2)
        both = DataParallel(model, Communicator())
        both.backward(((model(X) - target) ** 2 / 2).mean(), 1 / 2)
        return model.weight.grad.item()

    assert run_ranks(step, 2) == [2, 2]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [4, 12, 13])
@pytest.mark.parametrize("limit", [1, 300, 10**6])
def test_three_steps_equal_those_of_one_process(n, size, limit):
    def train(rank):
        model = network(rank)  # DataParallel brings all to rank 0's weights
        X, y = (shard(each, rank, n) for each in batch(size))
        parallel = DataParallel(model, Communicator(), limit)
        for _ in range(3):
            parallel.backward(F.cross_entropy(model(X), y), len(X) / size)
            descend(model)
        return [p.grad for p in model.parameters()], [p.detach() for p in model.parameters()]

    expected = alone(size, 3)
    for found in run_ranks(train, n):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)], ids=str
)
def test_other_dtypes(dtype, close):
    def train(rank):
        model = network(0, dtype)
        X, y = (shard(each, rank, 2) for each in batch(6, dtype))
        DataParallel(model, Communicator()).backward(F.cross_entropy(model(X), y), 1 / 2)
        return [p.grad for p in model.parameters()]

    expected, _ = alone(6, 1, dtype)
    for found in run_ranks(train, 2):
        torch.testing.assert_close(found, expected, rtol=close, atol=close)
        assert found[0].dtype == dtype


@pytest.mark.parametrize("n", [2, 3, 4])
def test_gradients_equal_those_of_distributed_data_parallel(n):
    def both(rank):
        ours, theirs = network(rank), DistributedDataParallel(network(rank))
        X, y = (shard(each, rank, n) for each in batch(4 * n))
        parallel = DataParallel(ours, Communicator(), 100)
        parallel.backward(F.cross_entropy(ours(X), y), 1 / n)
        F.cross_entropy(theirs(X), y).backward()
        return [[p.grad for p in model.parameters()] for model in (ours, theirs)]

    for ours, theirs in run_ranks(both, n):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("limit", [1, 300, 10**6])
def test_bytes_of_a_step_are_those_of_the_formula(n, limit):
    """12 and 24 divide by 2, 3 and 4: exactly 2(n−1)/n · M; else the ranks' sum is 2(n−1)M."""

    def sent(rank):
        found = []
        even = nn.Sequential(nn.Linear(12, 2, bias=False), nn.Linear(2, 12, bias=False))
        for model, X in ((even, torch.ones(1, 12)), (network(0), torch.ones(1, 5).double())):
            comm = Communicator()
            parallel = DataParallel(model, comm, limit)
            before = comm.bytes_sent
            parallel.backward(model(X).sum(), 1.0)
            found.append((comm.bytes_sent - before, sum(p.nbytes for p in model.parameters())))
        return found

    results = run_ranks(sent, n)
    assert [even for even, _ in results] == [(2 * (n - 1) * 48 * 4 // n, 48 * 4)] * n
    assert sum(odd for _, (odd, _) in results) == 2 * (n - 1) * results[0][1][1]


def test_the_last_layers_are_reduced_while_backward_still_runs():
    """The first layer's gradient waits until the last layer's bucket is through."""

    def waits(rank):
        model = network(0)
        parallel = DataParallel(model, Communicator(), 1)
        seen = []

        def hold(_):
            parallel.pending[0].result(timeout=15)
            seen.append(parallel.pending[0].done())

        model[0].weight.register_post_accumulate_grad_hook(hold)
        X, y = (shard(each, rank, 2) for each in batch(6))
        parallel.backward(F.cross_entropy(model(X), y), 1 / 2)
        return seen, len(parallel.pending)

    assert run_ranks(waits, 2, timeout=30) == [([True], 6)] * 2


def test_buckets_go_from_the_last_parameter_to_the_first_within_the_limit():
    sizes = [10, 1, 2, 3, 4]
    parameters = [nn.Parameter(torch.zeros(size)) for size in sizes]
    parameters[2].requires_grad_(False)
    found = [[len(p) for p in bucket] for bucket in buckets(parameters, 4 * 7)]
    assert found == [[4, 3], [1], [10]]
    mixed = [nn.Parameter(torch.zeros(1, dtype=d)) for d in (torch.float32, torch.float64)]
    assert [len(bucket) for bucket in buckets(mixed)] == [1, 1]
    assert buckets([]) == []


@pytest.mark.parametrize("limit", [0, -1])
def test_a_bucket_without_room_is_refused(limit):
    with pytest.raises(ValueError, match="at least one byte"):
        buckets([], limit)


def test_shards_are_the_rows_in_their_order_and_an_empty_one_is_refused():
    x = torch.arange(10).view(5, 2)
    parts = [shard(x, rank, 3) for rank in range(3)]
    assert [len(part) for part in parts] == [2, 2, 1]
    assert torch.equal(torch.cat(parts), x)
    with pytest.raises(ValueError, match="5 rows for 6 ranks"):
        shard(x, 0, 6)


def test_same_start_copies_parameters_and_buffers_of_rank_0():
    def started(rank):
        model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        with torch.no_grad():
            for tensor in model.state_dict().values():
                tensor.fill_(rank + 1)
        same_start(model, Communicator())
        return {float(x) for tensor in model.state_dict().values() for x in tensor.view(-1)}

    assert run_ranks(started, 3) == [{1.0}] * 3


def test_a_parameter_without_a_gradient_is_named():
    def unused(rank):
        model = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1, bias=False)])
        parallel = DataParallel(model, Communicator(), 1)
        parallel.backward(model[0](torch.ones(1, 1)).sum(), 1.0)

    with pytest.raises(RankFailed, match=r"No gradient reached 1\.weight"):
        run_ranks(unused, 2)


def ticks(work, transfer, groups):
    """The same schedule by a clock that counts whole units."""
    done, computing, left = [0] * len(work), 0, [sum(transfer[i] for i in g) for g in groups]
    sending, now = 0, 0
    while computing < len(work) or sending < len(groups):
        ready = sending < len(groups) and groups[sending][-1] < computing
        if computing < len(work):
            done[computing] += 1
        if ready:
            left[sending] -= 1
        if computing < len(work) and done[computing] == work[computing]:
            computing += 1
        if ready and left[sending] == 0:
            sending += 1
        now += 1
    return now


def test_overlap_is_that_of_a_clock():
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        count = int(torch.randint(1, 7, (), generator=generator))
        work, transfer = torch.randint(1, 9, (2, count), generator=generator).tolist()
        cut = int(torch.randint(1, count + 1, (), generator=generator))
        groups = [group.tolist() for group in parts_of(torch.arange(count), cut)]
        found = overlap(work, transfer, groups)
        assert found.total == ticks(work, transfer, groups)
        assert len(found.backward) == count
        assert len(found.reduced) == cut


@pytest.mark.parametrize("groups", [[[1], [0]], [[0]], [[0], [0, 1]]])
def test_groups_that_are_not_the_layers_are_refused(groups):
    with pytest.raises(ValueError, match="0 to 1 in this order"):
        overlap([1, 1], [1, 1], groups)
