"""What ranks tell each other: messages between two, and the collectives that are built of them.

Every byte goes through `Communicator.exchange`, so what is counted is what was sent.
Letters: n ranks in the communicator, M bytes of the tensor that all of them have.
"""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor


class Communicator:
    """Some of the ranks, in an order of their own: `rank` is this one's place among them.

    `ranks` are numbers in the whole group, this process's among them; all of them if None.
    `bytes_sent` and `messages` count what this rank sent through it.
    Raises `ValueError` if this process is not one of them, or one is named twice.
    Taught in {ref}`sec-data-parallel`.
    """

    def __init__(self, ranks: Sequence[int] | None = None) -> None:
        self.ranks = list(range(dist.get_world_size())) if ranks is None else list(ranks)
        me = dist.get_rank()
        if self.ranks.count(me) != 1 or len(set(self.ranks)) != len(self.ranks):
            raise ValueError(
                f"The ranks are {self.ranks}; each stands there once, rank {me} among them."
            )
        self.rank = self.ranks.index(me)
        self.size = len(self.ranks)
        self.bytes_sent = 0
        self.messages = 0

    def exchange(
        self,
        sent: Tensor | None = None,
        to: int | None = None,
        into: Tensor | None = None,
        source: int | None = None,
    ) -> None:
        """Send a tensor to one rank while another one's is received: no order of calls can lock.

        `to` and `source` are places in this communicator, `into` is contiguous and gets what comes.
        Nothing is sent without `sent` and `to`, nothing received without `into` and `source`; an
        empty tensor is not sent at all.
        """
        work = []
        if sent is not None and to is not None and sent.numel():
            sent = sent.detach().contiguous()
            self.bytes_sent += sent.numel() * sent.element_size()
            self.messages += 1
            work.append(dist.isend(sent, self.ranks[to]))
        if into is not None and source is not None and into.numel():
            work.append(dist.irecv(into, self.ranks[source]))
        for one in work:
            if one is not None:
                one.wait()


def parts_of(x: Tensor, count: int) -> list[Tensor]:
    """Views of `x`, read as one row, in `count` parts as equal as can be, the first the longer."""
    return list(x.view(-1).tensor_split(count))


def ring_reduce_scatter(x: Tensor, comm: Communicator) -> Tensor:
    """The sum over all ranks of the part of `x` that is this rank's: part `rank` of n, in a row.

    `x`, contiguous and of one shape on all ranks, is used up: afterwards it holds partial sums.
    Each rank sends n − 1 parts to the next, (n−1)/n · M bytes if n divides the tensor.
    Taught in {ref}`sec-data-parallel`.
    """
    n, me = comm.size, comm.rank
    parts = parts_of(x, n)
    for step in range(n - 1):
        sent, grown = (me - step - 1) % n, (me - step - 2) % n
        arrived = torch.empty_like(parts[grown])
        comm.exchange(parts[sent], (me + 1) % n, arrived, (me - 1) % n)
        parts[grown] += arrived
    return parts[me]


def ring_all_gather(x: Tensor, comm: Communicator) -> None:
    """Fill `x` on every rank with the parts of all, of which each rank brings part `rank` in place.

    Each rank sends n − 1 parts to the next, (n−1)/n · M bytes if n divides the tensor.
    Taught in {ref}`sec-data-parallel`.
    """
    n, me = comm.size, comm.rank
    parts = parts_of(x, n)
    for step in range(n - 1):
        sent, filled = (me - step) % n, (me - step - 1) % n
        arrived = torch.empty_like(parts[filled])
        comm.exchange(parts[sent], (me + 1) % n, arrived, (me - 1) % n)
        parts[filled].copy_(arrived)


def ring_all_reduce(x: Tensor, comm: Communicator) -> Tensor:
    """The sum of `x` over all ranks, in its place: reduce-scatter, then all-gather.

    Each rank sends 2(n−1)/n · M bytes if n divides the tensor.
    Source: Patarasuk and Yuan, Bandwidth optimal all-reduce algorithms (2009).
    Taught in {ref}`sec-data-parallel`.
    """
    ring_reduce_scatter(x, comm)
    ring_all_gather(x, comm)
    return x


def nodes_of(size: int) -> tuple[Communicator, Communicator]:
    """This rank's communicators inside its node and between nodes, if each node has `size` ranks.

    Ranks 0 … size − 1 are the first node. Between nodes, ranks of one place in theirs talk.
    Raises `ValueError` unless `size` divides the number of ranks.
    Taught in {ref}`sec-data-parallel`.
    """
    world, me = dist.get_world_size(), dist.get_rank()
    if size < 1 or world % size:
        raise ValueError(f"Nodes of {size} ranks don't make up {world} ranks; take a divisor.")
    first = me - me % size
    return Communicator(range(first, first + size)), Communicator(range(me % size, world, size))


def hierarchical_all_reduce(x: Tensor, inside: Communicator, between: Communicator) -> Tensor:
    """The sum of `x` over the ranks of all nodes, in its place, with little sent between nodes.

    Reduce-scatter inside the node, a ring all-reduce of this rank's part between nodes, all-gather
    inside. With G ranks in each of N nodes, each rank sends (G−1)/G · M bytes inside in the first
    phase and as many in the last, and 2(N−1)/N · M/G between nodes, if G · N divides the tensor.
    Each communicator counts its own. Taught in {ref}`sec-data-parallel`.
    """
    part = ring_reduce_scatter(x, inside)
    ring_all_reduce(part, between)
    ring_all_gather(x, inside)
    return x


def broadcast(x: Tensor, comm: Communicator, root: int = 0) -> Tensor:
    """The root's `x` on every rank, in its place, along a binary tree of messages.

    n − 1 messages in ⌈log₂ n⌉ rounds, each of M bytes, all ranks together.
    Taught in {ref}`sec-tensor-parallel`.
    """
    place = (comm.rank - root) % comm.size
    reach = 1
    while reach < comm.size:
        if place < reach and place + reach < comm.size:
            comm.exchange(x, to=(comm.rank + reach) % comm.size)
        elif reach <= place < 2 * reach:
            comm.exchange(into=x, source=(comm.rank - reach) % comm.size)
        reach *= 2
    return x


def reduce(x: Tensor, comm: Communicator, root: int = 0) -> Tensor:
    """The sum of `x` over all ranks at the root, in its place; elsewhere `x` holds partial sums.

    n − 1 messages in ⌈log₂ n⌉ rounds, each of M bytes, all ranks together.
    Taught in {ref}`sec-tensor-parallel`.
    """
    place = (comm.rank - root) % comm.size
    reach = 1
    while reach < comm.size:
        reach *= 2
    while reach > 1:
        reach //= 2
        if place < reach and place + reach < comm.size:
            arrived = torch.empty_like(x)
            comm.exchange(into=arrived, source=(comm.rank + reach) % comm.size)
            x += arrived
        elif reach <= place < 2 * reach:
            comm.exchange(x, to=(comm.rank - reach) % comm.size)
    return x
