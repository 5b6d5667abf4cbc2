"""The ring that RingAllReduce ships, against a simulation of messages and against real ranks."""

import numpy as np
import pytest
import torch

from introml.parallel.collectives import Communicator, ring_all_reduce
from introml.parallel.ranks import run_ranks
from introml.widgets.ring_all_reduce import RingAllReduce


def by_messages(values, done):
    """(what each rank has, the messages of the last step): follows each part on its way.

    Part p sets out from rank p + 1. After n − 1 hops it is on rank p, complete, and goes on.
    """
    n = len(values)
    held = {(rank, part): values[rank][part] for rank in range(n) for part in range(n)}
    messages = set()
    carried = dict.fromkeys(range(n))
    for hop in range(done):
        messages = set()
        for part in range(n):
            at, to = (part + 1 + hop) % n, (part + 2 + hop) % n
            if hop == 0:
                carried[part] = values[at][part]
            messages.add((at, to, part, carried[part]))
            if hop < n - 1:
                carried[part] += values[to][part]
            held[to, part] = carried[part]
    return held, messages


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    sizes = [int(n) for n in rng.integers(2, 9, 1200)]
    return [
        (rng.integers(-99, 100, (n, n)).tolist(), int(rng.integers(0, 2 * n - 1))) for n in sizes
    ]


def test_every_state_and_message_is_that_of_the_simulation(run_model, cases):
    for (values, done), found in zip(cases, run_model("RingAllReduce", "run", cases), strict=True):
        held, messages = by_messages(values, done)
        n = len(values)
        assert all(found["held"][rank][part] == value for (rank, part), value in held.items())
        moves = {(m["from"], m["to"], m["part"], m["value"]) for m in found["moves"]}
        assert moves == messages
        totals = np.sum(values, axis=0)
        complete = np.array(found["terms"]) == n
        assert np.all(np.array(found["held"])[complete] == np.tile(totals, (n, 1))[complete])
        finished = [max(0, done - n + 2)] * n
        assert complete.sum(axis=1).tolist() == finished


@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_messages_and_bytes_are_those_of_real_ranks(run_model, n):
    [values] = run_model("RingAllReduce", "draw", [(7, n)])

    def reduces(rank):
        class Watched(Communicator):
            def exchange(self, sent=None, to=None, into=None, source=None):
                said.append((to, sent.item()))
                super().exchange(sent, to, into, source)

        said = []
        comm = Watched()
        x = torch.tensor(values[rank], dtype=torch.float64)
        ring_all_reduce(x, comm)
        return x.tolist(), said, comm.bytes_sent

    ranks = run_ranks(reduces, n)
    [total] = run_model("RingAllReduce", "steps", [(n,)])
    states = run_model("RingAllReduce", "run", [(values, step) for step in range(total + 1)])
    assert [x for x, _, _ in ranks] == states[-1]["held"]
    for rank, (_, said, sent) in enumerate(ranks):
        moves = [move for state in states for move in state["moves"] if move["from"] == rank]
        assert [(move["to"], move["value"]) for move in moves] == said
        assert run_model("RingAllReduce", "sent", [(n, 8 * n, total)]) == [sent]
    naive_bytes = sum(sent for *_, sent in ranks)
    assert run_model("RingAllReduce", "naive", [(n, 8 * n)]) == [naive_bytes]


def test_bytes_after_every_step(run_model):
    rng = np.random.default_rng(1)
    asked = [(n, int(rng.integers(1, 10**5)), k) for n in range(2, 9) for k in range(20)]
    for (n, size, k), found in zip(asked, run_model("RingAllReduce", "sent", asked), strict=True):
        assert found == pytest.approx(size * min(k, 2 * n - 2) / n, rel=1e-12)


def test_the_numbers_are_whole_and_small(run_model):
    for values in run_model("RingAllReduce", "draw", [(seed, 8) for seed in range(20)]):
        assert np.shape(values) == (8, 8)
        assert set(np.ravel(values)) <= set(range(1, 10))


@pytest.mark.parametrize("bad", [{"ranks": 1}, {"ranks": 9}, {"step": 15}, {"size": 0}])
def test_a_ring_that_cannot_be_drawn_is_refused(bad):
    with pytest.raises(ValueError, match="RingAllReduce"):
        RingAllReduce(**bad)
