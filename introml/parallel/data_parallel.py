"""Data parallelism: each rank has the whole model and its shard of the batch; gradients are added.

Gradients travel in buckets while backward still runs.
Letters: n ranks, B examples in the batch, M bytes of the gradient.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from introml.parallel.collectives import Communicator, broadcast, ring_all_reduce

BUCKET = 25 * 2**20
"""Bytes of a bucket, as many as DistributedDataParallel takes unless it is told otherwise."""


def shard(x: Tensor, rank: int, count: int) -> Tensor:
    """Rank's rows of a batch: x (B, …) -> (B/n, …), the first B mod n ranks with one row more.

    Raises `ValueError` if there are fewer rows than ranks: the mean of no rows is not a number.
    Taught in {ref}`sec-data-parallel`.
    """
    if len(x) < count:
        raise ValueError(
            f"The batch has {len(x)} rows for {count} ranks; each needs at least one. "
            "Take a larger batch or fewer ranks."
        )
    return x.tensor_split(count)[rank]


def buckets(parameters: Sequence[nn.Parameter], limit: int = BUCKET) -> list[list[nn.Parameter]]:
    """Parameters from the last to the first, in groups of one dtype and at most `limit` bytes.

    Backward reaches the last layer first, so the first group is complete first. A parameter that
    is larger than `limit` is a group by itself. What needs no gradient is left out.
    Raises `ValueError` if `limit` is not positive.
    Taught in {ref}`sec-data-parallel`.
    """
    if limit <= 0:
        raise ValueError(f"limit is {limit}; a bucket has at least one byte.")
    found: list[list[nn.Parameter]] = []
    for p in reversed(parameters):
        if not p.requires_grad:
            continue
        last = found[-1] if found else []
        fits = sum(q.nbytes for q in last) + p.nbytes <= limit
        if last and fits and last[0].dtype == p.dtype:
            last.append(p)
        else:
            found.append([p])
    return found


def same_start(model: nn.Module, comm: Communicator) -> None:
    """Give all ranks the parameters and buffers that rank 0 of `comm` has.

    Taught in {ref}`sec-data-parallel`.
    """
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            same = tensor.detach().contiguous()
            tensor.copy_(broadcast(same, comm))


class DataParallel:
    """A model whose gradients are those of the whole batch, though each rank sees its shard.

    It gives all ranks the weights of rank 0. Then `backward(loss, share)` takes the mean loss of
    this rank's shard and the shard's part of the batch, s/B, and leaves in each `.grad` the sum
    over ranks of (s/B) · gradient, the gradient of the batch's mean loss. As soon as a bucket is
    complete, a second thread sends it around the ring; backward goes on meanwhile. All ranks
    reduce their buckets in one order. `pending` has one future for each bucket that was started.
    Each rank sends 2(n−1)/n · M bytes a step if n divides each bucket.
    Raises `RuntimeError` from `backward` if a parameter gets no gradient.
    Source: Li et al., PyTorch Distributed (2020), section 3.2. Taught in {ref}`sec-data-parallel`.
    """

    def __init__(self, model: nn.Module, comm: Communicator, limit: int = BUCKET) -> None:
        self.model, self.comm = model, comm
        same_start(model, comm)
        self.buckets = buckets(list(model.parameters()), limit)
        self.pending: list[Future[None]] = []
        self._missing = [len(bucket) for bucket in self.buckets]
        # A thread has its own number of OpenMP threads, and a forked child has no team of them.
        self._sender = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))
        for at, bucket in enumerate(self.buckets):
            for p in bucket:
                p.register_post_accumulate_grad_hook(lambda _, at=at: self._arrived(at))

    def backward(self, loss: Tensor, share: float) -> None:
        """Fill each `.grad` with the whole batch's gradient; what it held before is dropped."""
        self.model.zero_grad()
        self.pending.clear()
        self._missing = [len(bucket) for bucket in self.buckets]
        (loss * share).backward()
        for future in self.pending:
            future.result()
        if any(self._missing):
            names = [name for name, p in self.model.named_parameters() if p.grad is None]
            raise RuntimeError(
                f"No gradient reached {', '.join(names)}, so a bucket was never complete. "
                "Use each parameter in the loss, or set its requires_grad to False."
            )

    def _arrived(self, at: int) -> None:
        self._missing[at] -= 1
        # In order, so that no rank reduces bucket 1 while another one reduces bucket 0.
        while len(self.pending) < len(self.buckets) and not self._missing[len(self.pending)]:
            bucket = self.buckets[len(self.pending)]
            self.pending.append(self._sender.submit(self._reduce, bucket))

    def _reduce(self, bucket: list[nn.Parameter]) -> None:
        gradients = [p.grad for p in bucket if p.grad is not None]
        row = torch.cat([gradient.reshape(-1) for gradient in gradients])
        ring_all_reduce(row, self.comm)
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, part in zip(gradients, row.split(sizes), strict=True):
            gradient.copy_(part.view_as(gradient))


@dataclass(frozen=True)
class Overlap:
    """When each layer's backward and each bucket's reduction begin and end, in one unit of time.

    `total` is when the last of them ends.
    """

    backward: list[tuple[float, float]]
    reduced: list[tuple[float, float]]

    @property
    def total(self) -> float:
        return max(end for _, end in (*self.backward, *self.reduced))


def overlap(
    work: Sequence[float], transfer: Sequence[float], groups: Sequence[Sequence[int]]
) -> Overlap:
    """The schedule of a backward pass of layers, of which `groups` share a bucket each.

    `work` is each layer's time of backward and `transfer` that of its gradient on the link, both in
    the order of backward; one layer is computed at a time, and one bucket is on the link. A bucket
    starts when its layers are done and the one before it is through.
    Raises `ValueError` if the groups are not the layers, each once and in order.
    Taught in {ref}`sec-data-parallel`.
    """
    if [layer for group in groups for layer in group] != list(range(len(work))) or not work:
        raise ValueError(f"groups are {groups}; they must hold 0 to {len(work) - 1} in this order.")
    now, free = 0.0, 0.0
    backward, reduced = [], []
    for time in work:
        backward.append((now, now + time))
        now += time
    for group in groups:
        start = max(free, backward[group[-1]][1])
        free = start + sum(transfer[layer] for layer in group)
        reduced.append((start, free))
    return Overlap(backward, reduced)
