"""introml.parallel.zero: equal to one process and to torch's own; bytes as the formulas say."""

import copy
import math
import random
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer

from introml.optimizers import Adam
from introml.parallel.collectives import Communicator
from introml.parallel.ranks import run_ranks
from introml.parallel.zero import (
    KINDS,
    STAGES,
    FlatLayer,
    Zero3,
    held_bytes,
    norm_over_ranks,
    part_sizes,
    sent_elements,
)

RANKS = (1, 2, 3, 4)
ROWS = 12  # which 1, 2, 3 and 4 ranks share


def net(seed=0, dtype=torch.float64):
    """Layers of 28, 42 and 14 parameters; 3 and 4 don't divide all of them."""
    generator = torch.Generator().manual_seed(seed)
    layers = [
        nn.Sequential(nn.Linear(3, 7), nn.Tanh()),
        nn.Sequential(nn.Linear(7, 5), nn.Tanh()),
        nn.Linear(5, 2),
    ]
    for layer in layers:
        for p in layer.parameters():
            p.data = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(dtype)
    return layers


def batches(steps, dtype=torch.float64, width=3, outputs=2):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        X = torch.randn(ROWS, width, generator=generator, dtype=torch.float64)
        y = torch.randn(ROWS, outputs, generator=generator, dtype=torch.float64)
        yield X.to(dtype), y.to(dtype)


def alone(layers, steps, dtype=torch.float64):
    """torch's Adam in one process on all rows: parameters and means, a row a layer, and losses."""
    model = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for X, y in batches(steps, dtype):
        optimizer.zero_grad()
        loss = F.mse_loss(model(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    rows = [nn.utils.parameters_to_vector(layer.parameters()).detach() for layer in layers]
    means = [
        torch.cat([optimizer.state[p]["exp_avg"].reshape(-1) for p in layer.parameters()])
        for layer in layers
    ]
    return rows, losses, means


def train(rank, stage, steps, layers, dtype=torch.float64):
    comm = Communicator()
    trainer = STAGES[stage](layers, F.mse_loss, comm, lambda: Adam(lr=0.01))
    mine = slice(rank * ROWS // comm.size, (rank + 1) * ROWS // comm.size)
    losses = [
        trainer.step(X[mine], y[mine]).item()
        for X, y in batches(steps, dtype, width=_width(layers), outputs=_outputs(layers))
    ]
    sent = comm.bytes_sent
    X, y = next(batches(1, dtype, _width(layers), _outputs(layers)))
    rest = trainer.held()
    trainer.backward(X[mine], y[mine])
    between = trainer.held()
    means = [state.adam.v for state in trainer.states]
    return trainer.full_parameters(), losses, sent, rest, between, trainer.peak, means


def _linears(layers):
    return [m for layer in layers for m in layer.modules() if isinstance(m, nn.Linear)]


def _width(layers):
    return _linears(layers)[0].in_features


def _outputs(layers):
    return _linears(layers)[-1].out_features


@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("n", RANKS)
def test_ranks_train_as_torchs_adam_does_in_one_process(stage, n):
    rows, losses, averages = alone(net(), 12)
    found = run_ranks(train, n, stage, 12, net())
    for rank, (full, *_, own) in enumerate(found):
        for ours, theirs in zip(full, rows, strict=True):
            torch.testing.assert_close(ours, theirs)
        # Adam's step hides a gradient that is too long by a factor; its mean doesn't.
        for ours, theirs in zip(own, averages, strict=True):
            part = theirs.tensor_split(n)[rank] if stage else theirs
            torch.testing.assert_close(ours, part)
    means = [sum(each) / n for each in zip(*(own for _, own, *_ in found), strict=True)]
    assert means == pytest.approx(losses)


def shapes(rng):
    """The layers of a random net, and how many parameters each has."""
    widths = [rng.randint(1, 9) for _ in range(rng.randint(2, 5))]
    layers = [nn.Linear(a, b, bias=rng.random() < 0.5) for a, b in pairwise(widths)]
    return layers, [sum(p.numel() for p in layer.parameters()) for layer in layers]


@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bytes_sent_and_held_are_those_of_the_formulas(stage, dtype):
    """Twelve random nets; what is held is the storages' bytes, what is sent what went through."""
    rng = random.Random(stage)
    size = torch.empty((), dtype=dtype).element_size()
    for _ in range(12):
        layers, counts = shapes(rng)
        layers = [layer.to(dtype) for layer in layers]
        n = rng.randint(1, 4)
        found = run_ranks(train, n, stage, 2, layers, dtype)
        for rank, (_, _, sent, rest, between, peak, _) in enumerate(found):
            assert sent == 2 * size * sent_elements(counts, n, rank, stage)
            formula = held_bytes(counts, n, rank, stage, size)
            assert between == formula
            assert rest == formula | {"gradients": 0}
            assert peak == sum(rest.values()) + highest(counts, n, rank, stage, size)


def highest(counts, n, rank, stage, size):
    """Bytes above rest in the worst moment of a backward pass, played through layer by layer."""
    own = [part_sizes(count, n)[rank] for count in counts]
    most = kept = 0
    for count, part in zip(reversed(counts), reversed(own), strict=True):
        gathered = count if stage == 3 else 0
        kept_after = kept + (part if stage >= 2 else count)
        most = max(most, kept + count + gathered)
        if stage >= 2:
            most = max(most, kept_after + count)
        kept = kept_after
        most = max(most, kept)
    return size * most


@pytest.mark.parametrize("n", RANKS)
def test_traffic_is_two_or_three_times_the_share_of_the_others(n):
    counts = [12 * k for k in (1, 5, 9)]
    for rank in range(n):
        sent = [sent_elements(counts, n, rank, stage) for stage in range(4)]
        assert sent == [round(k * (n - 1) / n * sum(counts)) for k in (2, 2, 2, 3)]


def test_hand_worked_two_ranks_and_four_parameters():
    """Gradients (1, 2, 3, 4), (3, 0, 1, 0), mean (2, 1, 2, 2); Adam's first step is lr · sign."""
    X = [torch.tensor([[1.0, 2, 3, 4]]), torch.tensor([[3.0, 0, 1, 0]])]

    def work(rank):
        layer = nn.Linear(4, 1, bias=False)
        layer.weight.data.fill_(1)
        comm = Communicator()
        zero = STAGES[1]([layer], lambda out, y: (out * y).sum(), comm, lambda: Adam(lr=0.5))
        zero.step(X[rank], torch.ones(1, 1))
        state = zero.states[0].adam
        return zero.full_parameters()[0].tolist(), state.v.tolist(), comm.bytes_sent

    (first, v0, sent0), (second, v1, sent1) = run_ranks(work, 2)
    assert first == second == pytest.approx([0.5] * 4)
    assert v0 == pytest.approx([0.2, 0.1])
    assert v1 == pytest.approx([0.2, 0.2])
    assert sent0 == sent1 == 16  # two gradients, two parameters, of 4 bytes


@pytest.mark.parametrize("n", [2, 3])
def test_stage_1_equals_zero_redundancy_optimizer(n):
    layers = net()

    def theirs(rank):
        model = nn.parallel.DistributedDataParallel(nn.Sequential(*layers))
        optimizer = ZeroRedundancyOptimizer(model.parameters(), torch.optim.Adam, lr=0.01)
        for X, y in batches(10):
            mine = slice(rank * ROWS // n, (rank + 1) * ROWS // n)
            optimizer.zero_grad()
            F.mse_loss(model(X[mine]), y[mine]).backward()
            optimizer.step()
        return [nn.utils.parameters_to_vector(x.parameters()).detach() for x in layers]

    torchs = run_ranks(theirs, n)[0]
    ours = run_ranks(train, n, 1, 10, net())[0][0]
    torch.testing.assert_close(ours, torchs)


@pytest.mark.parametrize("n", [2, 3])
def test_stage_3_equals_fully_shard(n):
    layers = net()

    def theirs(rank):
        mesh = torch.distributed.init_device_mesh("cpu", (n,))
        model = nn.Sequential(*layers)
        for layer in layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for X, y in batches(10):
            mine = slice(rank * ROWS // n, (rank + 1) * ROWS // n)
            optimizer.zero_grad()
            F.mse_loss(model(X[mine]), y[mine]).backward()
            optimizer.step()
        full = [[p.full_tensor().detach() for p in layer.parameters()] for layer in layers]
        return [torch.cat([p.reshape(-1) for p in row]) for row in full]

    torchs = run_ranks(theirs, n)[0]
    ours = run_ranks(train, n, 3, 10, net())[0][0]
    torch.testing.assert_close(ours, torchs)


def test_bf16_trains_as_one_process_with_a_copy_in_fp32():
    """Stage 3 on one rank against torch's Adam on the fp32 copy, from the same bf16 gradients."""
    full, *_ = run_ranks(train, 1, 3, 10, net(dtype=torch.bfloat16), torch.bfloat16)[0]
    low = nn.Sequential(*net(dtype=torch.bfloat16))
    high = copy.deepcopy(low).float()
    optimizer = torch.optim.Adam(high.parameters(), lr=0.01)
    for X, y in batches(10, torch.bfloat16):
        low.zero_grad()
        F.mse_loss(low(X), y).backward()
        for fine, coarse in zip(high.parameters(), low.parameters(), strict=True):
            fine.grad = coarse.grad.float()
        optimizer.step()
        for fine, coarse in zip(high.parameters(), low.parameters(), strict=True):
            coarse.data.copy_(fine.data)
    theirs = nn.utils.parameters_to_vector(low.parameters()).detach()
    torch.testing.assert_close(torch.cat(full), theirs)


@pytest.mark.parametrize("n", RANKS)
def test_norm_over_ranks_is_that_of_the_whole_vector(n):
    whole = torch.randn(7, generator=torch.Generator().manual_seed(2))
    found = run_ranks(
        lambda rank: norm_over_ranks([whole.tensor_split(n)[rank]], Communicator()), n
    )
    for norm in found:
        torch.testing.assert_close(norm, whole.norm())


def test_part_sizes_are_those_of_tensor_split():
    for count in range(1, 30):
        for n in range(1, 9):
            sizes = part_sizes(count, n)
            assert sizes == [len(part) for part in torch.empty(count).tensor_split(n)]
            assert max(sizes) == math.ceil(count / n)


def test_what_is_freed_is_freed():
    def work(rank):
        zero = Zero3(net(), F.mse_loss, Communicator(), lambda: Adam(lr=0.01))
        return [layer.flat.untyped_storage().nbytes() for layer in zero.layers]

    assert run_ranks(work, 2) == [[0, 0, 0]] * 2


def test_layers_that_cant_be_flat_are_refused():
    with pytest.raises(ValueError, match="0 dtypes"):
        FlatLayer(nn.Tanh())
    with pytest.raises(ValueError, match="2 dtypes"):
        FlatLayer(nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1).double()))
    with pytest.raises(RuntimeError, match="no forward"):
        FlatLayer(nn.Linear(1, 1)).backward(torch.ones(1))


def test_kinds_are_those_of_the_formula():
    assert tuple(held_bytes([3], 2, 0, 1)) == KINDS
