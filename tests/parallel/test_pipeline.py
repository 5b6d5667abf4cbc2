"""introml.parallel.pipeline on real ranks: equal to one process and to PyTorch's own schedules."""

import pytest
import torch
import torch.distributed.pipelining as pipelining  # before any fork: it takes seconds
import torch.nn.functional as F
from torch import nn

from introml.parallel.pipeline import Mail, Sleeper, cut, pipeline_step
from introml.parallel.ranks import RankFailed, run_ranks
from introml.parallel.schedules import (
    Operation,
    Schedule,
    gpipe,
    interleaved,
    one_f_one_b,
    simulate,
    zero_bubble,
)  # fmt: skip

WIDTH = 6
SCHEDULES = {
    "gpipe": gpipe,
    "1f1b": one_f_one_b,
    "interleaved": lambda p, m: interleaved(p, m, 2),
    "zero bubble": zero_bubble,
}


def layers(count=8):
    torch.manual_seed(0)
    made = [nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()) for _ in range(count - 1)]
    return [block.double() for block in [*made, nn.Linear(WIDTH, 3)]]


def batch(size):
    generator = torch.Generator().manual_seed(1)
    X = torch.randn(size, WIDTH, generator=generator, dtype=torch.float64)
    return X, torch.randint(3, (size,), generator=generator)


def alone(size):
    """(the loss, the gradients of each layer) in one process."""
    X, y = batch(size)
    every = layers()
    loss = F.cross_entropy(nn.Sequential(*every)(X), y)
    loss.backward()
    return loss.detach(), [[p.grad for p in layer.parameters()] for layer in every]


def step(rank, schedule, size):
    every, (X, y), comm = layers(), batch(size), Mail()
    chunks = cut(every, schedule, rank)
    done = pipeline_step(schedule, chunks, X, y, F.cross_entropy, WIDTH, comm)
    gradients = [[p.grad for p in layer.parameters()] for layer in every]
    order = [span.operation for span in done.spans]
    return done.loss, gradients, comm.bytes_sent, comm.messages, done.peak, order


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(
    ("p", "m", "size"), [(1, 2, 4), (2, 4, 8), (2, 6, 13), (4, 4, 9), (4, 8, 16)]
)
def test_loss_gradients_bytes_and_peak(name, p, m, size):
    schedule = SCHEDULES[name](p, m)
    ranks = run_ranks(step, p, schedule, size)
    loss, expected = alone(size)
    torch.testing.assert_close(ranks[-1][0], loss)
    for layer, own in enumerate(expected):
        [found] = [grads[layer] for _, grads, *_ in ranks if grads[layer][0] is not None]
        torch.testing.assert_close(found, own)
    borders = schedule.stages - 1 if p > 1 else 0
    assert sum(sent for _, _, sent, *_ in ranks) == 2 * borders * size * WIDTH * 8
    assert sum(messages for _, _, _, messages, *_ in ranks) == 2 * borders * m
    assert [peak for *_, peak, _ in ranks] == schedule.peaks()
    assert [order for *_, order in ranks] == schedule.orders


def by_torch(rank, kind, p, m, v):
    every, (X, y) = layers(), batch(4 * m)
    chunks = cut(every, interleaved(p, m, v), rank)
    stages = [
        pipelining.PipelineStage(chunk, c * p + rank, p * v, torch.device("cpu"))
        for c, chunk in enumerate(chunks)
    ]
    theirs = getattr(pipelining, kind)(stages if v > 1 else stages[0], m, loss_fn=F.cross_entropy)
    theirs.step(*([X] if rank == 0 else []), **({"target": y} if rank == p - 1 else {}))
    return [[p.grad for p in layer.parameters()] for layer in every]


@pytest.mark.parametrize(
    ("kind", "v"), [("ScheduleGPipe", 1), ("Schedule1F1B", 1), ("ScheduleInterleaved1F1B", 2)]
)
@pytest.mark.parametrize("p", [2, 4])
def test_torchs_own_schedules_find_the_same_gradients(kind, v, p):
    ours = {"ScheduleGPipe": gpipe, "Schedule1F1B": one_f_one_b}.get(
        kind, lambda p, m: interleaved(p, m, v)
    )(p, 4)
    mine = run_ranks(step, p, ours, 16)
    for (_, gradients, *_), theirs in zip(mine, run_ranks(by_torch, p, kind, p, 4, v), strict=True):
        torch.testing.assert_close(gradients, theirs)


def sleeps(rank, schedule, unit):
    chunks = [nn.Sequential(Sleeper(unit, 2 * unit))]
    X, y = batch(schedule.microbatches)
    done = pipeline_step(schedule, chunks, X, y, lambda out, _: out.mean(), WIDTH, Mail())
    return [(span.start, span.end) for span in done.spans]


@pytest.mark.parametrize("make", [gpipe, one_f_one_b])
def test_no_operation_starts_on_ranks_before_the_simulators_dependencies_end(make):
    """The order in time, which no machine's speed changes: F and B wait for their neighbours."""
    schedule = make(2, 3)
    found = run_ranks(sleeps, 2, schedule, 0.01)
    at = {
        (rank, span.operation): times
        for rank, row in enumerate(simulate(schedule).spans)
        for span, times in zip(row, found[rank], strict=True)
    }
    for i in range(3):
        assert at[1, Operation("F", i)][0] >= at[0, Operation("F", i)][0] + 0.01
        assert at[0, Operation("B", i)][0] >= at[1, Operation("B", i)][0] + 0.02
        for rank in (0, 1):
            assert at[rank, Operation("B", i)][0] >= at[rank, Operation("F", i)][1]


def test_an_order_that_the_simulator_refuses_hangs_on_ranks():
    F0, B0 = Operation("F", 0), Operation("B", 0)
    F1, B1 = Operation("F", 1), Operation("B", 1)
    locked = Schedule([[F0, B0, F1, B1], [F0, F1, B0, B1]], 2)
    with pytest.raises(RankFailed, match=r"(?s)rank 0 had not ended.*take.*rank 1 had not ended"):
        run_ranks(step, 2, locked, 4, timeout=1)
    with pytest.raises(ValueError, match="rank 0 waits before B0, rank 1 waits before F1"):
        simulate(locked)


@pytest.mark.parametrize(
    ("schedule", "size", "words"),
    [
        (gpipe(2, 5), 4, "4 examples can't be 5 microbatches"),
        (gpipe(3, 2), 4, "for 3 ranks with 1 chunks each; here are 2 ranks"),
        (gpipe(9, 2), 4, "8 layers can't be cut into 9 stages"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(schedule, size, words):
    with pytest.raises(RankFailed, match=words):
        run_ranks(step, 2, schedule, size)


def test_beyond_the_ends_of_the_pipeline_there_is_nobody():
    def alone_at_the_ends(rank):
        comm, x = Mail(), torch.tensor([float(rank)])
        comm.post(x, 2 * rank + rank - 1, 0)  # to −1 and to 2
        return comm.take(x, 3 * rank - 1, 0).item(), comm.messages, comm.bytes_sent

    assert run_ranks(alone_at_the_ends, 2) == [(0.0, 0, 0), (1.0, 0, 0)]
