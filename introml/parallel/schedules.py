"""Pipeline schedules: in which order each rank computes, and when, by what waits for what.

Letters: p ranks, m microbatches, v chunks of layers on each rank. Stage s of the p · v stages is
chunk s // p on rank s % p. Operations as in torch.distributed.pipelining: F forward, B the whole
backward, or in its place I (the gradient of the input) and W (that of the weights).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

Duration = float | Sequence[float]


class Operation(NamedTuple):
    """One thing that a rank does: F, B, I or W of a microbatch, with one of the rank's chunks."""

    kind: str
    microbatch: int
    chunk: int = 0

    def __str__(self) -> str:
        chunk = f" of chunk {self.chunk}" if self.chunk else ""
        return f"{self.kind}{self.microbatch}{chunk}"


@dataclass(frozen=True)
class Schedule:
    """What each of the ranks does, in its order.

    Taught in {ref}`sec-pipeline-parallel`.
    """

    orders: list[list[Operation]]
    microbatches: int
    chunks: int = 1

    @property
    def ranks(self) -> int:
        """p, how many ranks it is for."""
        return len(self.orders)

    @property
    def stages(self) -> int:
        """p · v, how many stages the network is cut into."""
        return self.ranks * self.chunks

    def peaks(self) -> list[int]:
        """For each rank, the most activations of a chunk that it holds at once.

        One is held from its F to its B, or to its W if the backward is split.
        """
        found = []
        for order in self.orders:
            held = peak = 0
            for operation in order:
                held += {"F": 1, "B": -1, "W": -1, "I": 0}[operation.kind]
                peak = max(peak, held)
            found.append(peak)
        return found


def gpipe(p: int, m: int) -> Schedule:
    """All forwards, then all backwards, from the last microbatch to the first.

    Source: Huang et al., GPipe (2019), section 2.3.
    Taught in {ref}`sec-pipeline-parallel`.
    """
    _check(p, m)
    forwards = [Operation("F", i) for i in range(m)]
    backwards = [Operation("B", i) for i in reversed(range(m))]
    return Schedule([forwards + backwards for _ in range(p)], m)


def one_f_one_b(p: int, m: int) -> Schedule:
    """Rank r does p − 1 − r forwards, then one forward and one backward in turn, then the rest.

    No rank r holds more than p − r activations.
    Source: Narayanan et al., PipeDream (2019), section 3.2; with a flush after each batch.
    Taught in {ref}`sec-pipeline-parallel`.
    """
    _check(p, m)
    return Schedule([_in_turn(min(p - 1 - r, m), m, 1, 1) for r in range(p)], m)


def interleaved(p: int, m: int, v: int) -> Schedule:
    """1F1B in which each rank has v chunks of layers, so that the pipeline fills v times as fast.

    Raises `ValueError` if p does not divide m: microbatches go through the chunks in groups of p.
    Source: Narayanan et al., Efficient large-scale language model training (2021), section 2.2.2.
    Taught in {ref}`sec-pipeline-parallel`.
    """
    _check(p, m)
    if v < 1:
        raise ValueError(f"v is {v}; each rank has at least one chunk of layers.")
    if v == 1:
        return one_f_one_b(p, m)
    if m % p:
        raise ValueError(
            f"m is {m}, with p = {p} ranks; the interleaved schedule takes microbatches in groups "
            f"of p, so m must be a multiple of it, such as {p * -(-m // p)}."
        )
    warm = [min(2 * (p - 1 - r) + (v - 1) * p, m * v) for r in range(p)]
    return Schedule([_in_turn(each, m, p, v) for each in warm], m, v)


def zero_bubble(p: int, m: int) -> Schedule:
    """ZB-H1: 1F1B whose backward is split; the gradients of weights fill what would be idle.

    Rank r leaves r of the W for later, so that no rank holds more than p activations.
    Source: Qi et al., Zero bubble pipeline parallelism (2023), section 2.1.
    Taught in {ref}`sec-pipeline-parallel`.
    """
    _check(p, m)
    orders = []
    for r in range(p):
        order: list[Operation] = []
        done = 0
        for operation in one_f_one_b(p, m).orders[r]:
            if operation.kind == "F":
                order.append(operation)
                continue
            order.append(Operation("I", operation.microbatch))
            if operation.microbatch >= r:
                order.append(Operation("W", done))
                done += 1
        orders.append(order + [Operation("W", i) for i in range(done, m)])
    return Schedule(orders, m)


def _in_turn(warm: int, m: int, group: int, v: int) -> list[Operation]:
    """So many forwards first, then one forward and one backward in turn, then what is left."""

    def nth(kind: str, n: int) -> Operation:
        round_, place = divmod(n, group * v)
        chunk = place // group
        return Operation(
            kind, round_ * group + place % group, chunk if kind == "F" else v - 1 - chunk
        )

    order = [nth("F", n) for n in range(warm)]
    for n in range(m * v - warm):
        order += [nth("F", warm + n), nth("B", n)]
    return order + [nth("B", n) for n in range(m * v - warm, m * v)]


def _check(p: int, m: int) -> None:
    if p < 1 or m < 1:
        raise ValueError(f"p is {p} and m is {m}; there must be at least one rank and microbatch.")


class Deadlock(ValueError):
    """Every rank that is not finished waits for another one; the message says who for what."""


class Span(NamedTuple):
    """An operation with when it started and ended."""

    operation: Operation
    start: float
    end: float


@dataclass(frozen=True)
class Timeline:
    """When each rank does what.

    Taught in {ref}`sec-pipeline-parallel`.
    """

    spans: list[list[Span]]

    @property
    def step(self) -> float:
        """When the last operation ends."""
        return max(span.end for row in self.spans for span in row)

    @property
    def ideal(self) -> float:
        """The work of all ranks over their number: how long the step would take if none waited."""
        work = sum(span.end - span.start for row in self.spans for span in row)
        return work / len(self.spans)

    @property
    def bubble_fraction(self) -> float:
        """The share of the step in which ranks are idle, (p−1)/(m+p−1) for GPipe and 1F1B."""
        return 1 - self.ideal / self.step

    @property
    def bubble_ratio(self) -> float:
        """Idle time over the ideal time, (p−1)/m for GPipe and 1F1B; not a share of the step."""
        return self.step / self.ideal - 1


def simulate(
    schedule: Schedule,
    forward: Duration = 1,
    backward: Duration = 1,
    weight: Duration = 1,
    message: float = 0,
) -> Timeline:
    """Start each operation as soon as its rank is free and what it needs is there.

    F needs the stage before, I and B the stage after, W its I. A number is the time of all chunks
    of a rank together, a sequence has the time of each stage; B takes `backward` + `weight`.
    `message` is the time between ranks, during which both can compute.
    Raises `Deadlock` if the orders can't be carried out, `ValueError` if operations are missing,
    done twice, or unknown, or if times are negative.
    Taught in {ref}`sec-pipeline-parallel`.
    """
    _check_complete(schedule)
    f, b, w = (_by_stage(time, schedule) for time in (forward, backward, weight))
    if message < 0:
        raise ValueError(f"message is {message}; a time can't be negative.")
    p, last = schedule.ranks, schedule.stages - 1
    cost = {"F": f, "I": b, "W": w, "B": [x + y for x, y in zip(b, w, strict=True)]}
    ends: dict[tuple[str, int, int], float] = {}
    spans: list[list[Span]] = [[] for _ in range(p)]
    clock = [0.0] * p
    moved = True
    while moved:
        moved = False
        for rank, order in enumerate(schedule.orders):
            while len(spans[rank]) < len(order):
                operation = order[len(spans[rank])]
                stage = operation.chunk * p + rank
                needed = _needs(operation, stage, last)
                if any(key not in ends for key in needed):
                    break
                arrived = [ends[key] + (message if key[1] % p != rank else 0) for key in needed]
                start = max([clock[rank], *arrived])
                clock[rank] = start + cost[operation.kind][stage]
                result = "I" if operation.kind == "B" else operation.kind
                ends[result, stage, operation.microbatch] = clock[rank]
                spans[rank].append(Span(operation, start, clock[rank]))
                moved = True
    stuck = [
        f"rank {rank} waits before {order[len(done)]}"
        for rank, (order, done) in enumerate(zip(schedule.orders, spans, strict=True))
        if len(done) < len(order)
    ]
    if stuck:
        raise Deadlock(f"No rank can go on: {', '.join(stuck)}.")
    return Timeline(spans)


def _needs(operation: Operation, stage: int, last: int) -> list[tuple[str, int, int]]:
    kind, i, _ = operation
    if kind == "F":
        return [("F", stage - 1, i)] if stage else []
    if kind == "W":
        return [("I", stage, i)]
    return [("F", stage, i)] + ([("I", stage + 1, i)] if stage < last else [])


def _by_stage(time: Duration, schedule: Schedule) -> list[float]:
    if isinstance(time, Sequence):
        times = [float(each) for each in time]
    else:
        times = [time / schedule.chunks] * schedule.stages
    if len(times) != schedule.stages:
        raise ValueError(f"There are {len(times)} times for {schedule.stages} stages.")
    if min(times) < 0:
        raise ValueError(f"A time is {min(times)}; it can't be negative.")
    return times


def _check_complete(schedule: Schedule) -> None:
    m, v = schedule.microbatches, schedule.chunks
    for rank, order in enumerate(schedule.orders):
        split = any(operation.kind in ("I", "W") for operation in order)
        kinds = "FIW" if split else "FB"
        due = sorted(Operation(k, i, c) for k in kinds for i in range(m) for c in range(v))
        if sorted(order) != due:
            wrong = sorted(set(order) ^ set(due))
            named = ", ".join(map(str, wrong)) or "something twice"
            raise ValueError(
                f"Rank {rank} must do each of {', '.join(kinds)} once for {m} microbatches and "
                f"{v} chunks; missing or too many: {named}."
            )
