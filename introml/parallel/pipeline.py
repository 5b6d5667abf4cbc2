"""A network cut into stages on real ranks, which carry out the orders of a pipeline schedule."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from introml.parallel.collectives import Communicator
from introml.parallel.schedules import Operation, Schedule, Span

Loss = Callable[[Tensor, Tensor], Tensor]


class Mail(Communicator):
    """A communicator whose messages leave while the sender goes on computing.

    Before the first rank and after the last there is nobody: nothing is sent there, nothing comes.

    Taught in {ref}`sec-pipeline-parallel`.
    """

    def __init__(self, ranks: Sequence[int] | None = None) -> None:
        super().__init__(ranks)
        self._leaving: list[tuple[Any, Tensor]] = []

    def post(self, sent: Tensor, to: int, tag: int) -> None:
        """Send a tensor to the rank `to` without waiting until it is taken."""
        if not 0 <= to < self.size:
            return
        sent = sent.detach().contiguous()
        self.bytes_sent += sent.numel() * sent.element_size()
        self.messages += 1
        self._leaving.append((dist.isend(sent, self.ranks[to], tag=tag), sent))

    def take(self, into: Tensor, source: int, tag: int) -> Tensor:
        """Wait for the tensor that the rank `source` posted with this tag, and return it."""
        if 0 <= source < self.size:
            dist.recv(into, self.ranks[source], tag=tag)
        return into

    def settle(self) -> None:
        """Wait until all that was posted has been taken."""
        for work, _ in self._leaving:
            work.wait()
        self._leaving.clear()


@dataclass
class Result:
    """What a rank knows after a step: its part of the loss (0 but on the last), and what it did."""

    loss: Tensor
    peak: int = 0
    spans: list[Span] = field(default_factory=list)


@dataclass
class _Held:
    """What a microbatch leaves on a stage until its backward is done."""

    given: Tensor
    result: Tensor
    gradient: Tensor | None = None


def cut(layers: Sequence[nn.Module], schedule: Schedule, rank: int) -> list[nn.Module]:
    """The chunks of `rank`: stage chunk · p + rank for each, all of about as many layers.

    Raises `ValueError` if there are fewer layers than stages.
    Taught in {ref}`sec-pipeline-parallel`.
    """
    stages = schedule.stages
    if len(layers) < stages:
        raise ValueError(f"{len(layers)} layers can't be cut into {stages} stages; use fewer.")
    ends = [len(layers) * s // stages for s in range(stages + 1)]
    parts = [nn.Sequential(*layers[a:b]) for a, b in pairwise(ends)]
    return list(parts[rank :: schedule.ranks])


def pipeline_step(
    schedule: Schedule,
    chunks: Sequence[nn.Module],
    X: Tensor,
    y: Tensor,
    loss: Loss,
    width: int,
    comm: Mail,
) -> Result:
    """Forward and backward of a batch: adds to `.grad` of this rank's chunks, mean over the batch.

    `X` (B, …) is read by the first stage, `y` (B, …) by the last; `width` is how many numbers go
    from a stage to the next for each example, of X's dtype. `loss` is a mean over examples. Each
    microbatch counts by its share of the batch, so they need not be of one size. Each border
    between ranks is crossed by B · width numbers forward and as many back.
    Raises `ValueError` if there are fewer examples than microbatches, or the numbers of ranks or
    chunks are not the schedule's.
    Taught in {ref}`sec-pipeline-parallel`.
    """
    m, p, last = schedule.microbatches, schedule.ranks, schedule.stages - 1
    if len(X) < m:
        raise ValueError(f"{len(X)} examples can't be {m} microbatches; none may be empty.")
    if comm.size != p or len(chunks) != schedule.chunks:
        raise ValueError(
            f"The schedule is for {p} ranks with {schedule.chunks} chunks each; here are "
            f"{comm.size} ranks and {len(chunks)} chunks."
        )
    inputs, targets = X.tensor_split(m), y.tensor_split(m)
    held: dict[tuple[int, int], _Held] = {}
    local: dict[tuple[bool, int, int], Tensor] = {}  # from one chunk to another of a single rank
    found = Result(X.new_zeros(()))

    def pass_on(tensor: Tensor, to: int, i: int, back: bool) -> None:
        if to % p == comm.rank:
            local[back, to, i] = tensor.detach()
        else:
            comm.post(tensor, to % p, 2 * (to * m + i) + back)

    def await_from(source: int, to: int, i: int, back: bool) -> Tensor:
        if source % p == comm.rank:
            return local.pop((back, to, i))
        empty = X.new_empty(len(inputs[i]), width)
        return comm.take(empty, source % p, 2 * (to * m + i) + back)

    def forward(operation: Operation, stage: int) -> Callable[[], None]:
        i = operation.microbatch
        given = await_from(stage - 1, stage, i, False).requires_grad_() if stage else inputs[i]

        def compute() -> None:
            result = chunks[operation.chunk](given)
            if stage == last:
                result = loss(result, targets[i]) * (len(given) / len(X))
                found.loss += result.detach()
            else:
                pass_on(result, stage + 1, i, False)
            held[stage, i] = _Held(given, result)
            found.peak = max(found.peak, len(held))

        return compute

    def backward(operation: Operation, stage: int) -> Callable[[], None]:
        kind, i, chunk = operation
        each = held[stage, i]
        weights = list(chunks[chunk].parameters())
        if kind != "W" and stage < last:
            each.gradient = await_from(stage + 1, stage, i, True)

        def compute() -> None:
            wanted = ([each.given] if stage and kind != "W" else []) + (
                weights if kind != "I" else []
            )
            gradients = (
                torch.autograd.grad(each.result, wanted, each.gradient, retain_graph=kind == "I")
                if wanted
                else ()
            )
            if stage and kind != "W":
                pass_on(gradients[0], stage - 1, i, True)
                gradients = gradients[1:]
            if kind != "I":
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight.grad = gradient if weight.grad is None else weight.grad + gradient
                del held[stage, i]

        return compute

    for operation in schedule.orders[comm.rank]:
        stage = operation.chunk * p + comm.rank
        compute = (forward if operation.kind == "F" else backward)(operation, stage)
        start = time.perf_counter()
        compute()
        found.spans.append(Span(operation, start, time.perf_counter()))
    comm.settle()
    return found


class Sleeper(nn.Module):
    """A stage that hands on what it gets, and takes a fixed time: `forward` and `backward` seconds.

    Taught in {ref}`sec-pipeline-parallel`.
    """

    def __init__(self, forward: float, backward: float) -> None:
        super().__init__()
        self.times = forward, backward
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """`x` times one, after a while."""
        slept: Tensor = _Sleep.apply(x * self.factor, *self.times)
        return slept


class _Sleep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, forward: float, backward: float) -> Tensor:
        time.sleep(forward)
        ctx.seconds = backward
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        time.sleep(ctx.seconds)
        return gradients[0], None, None
