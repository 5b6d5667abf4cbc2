"""Speed against a reference, on the checker's own clock, so that only work done in time counts.

Both run in boxes of their own, in turn, on inputs that neither can know before the clock starts:
each call's input is mixed from two placed ones by an angle that comes with the request, and its
columns are put in an order that comes with it too, in the same memory each time. (Without the
order, products of mixed inputs would be sums of a few products that can be made beforehand.) In
the reply, before the clock stops, is a random projection of every output.
The projections must agree with the reference's, so each output was computed, to its precision,
between start and stop. Batches of 0, N and 2N calls alternate; what empty ones cost is taken off.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from introml.grader.checks.checks import CheckFailed, assert_close
from introml.grader.wire import Submission, beside, end_process, run_beside_answers

#: What runs in both boxes beside the function that is timed.
_INSIDE = '''
def _introml_place(bases):
    global _introml_bases
    _introml_bases = bases

def _introml_prepare():
    """Push inputs out of the caches, and leave no old answers in freed memory."""
    import torch
    torch.set_num_threads(1)
    like = next((x for x in _introml_bases[0] if isinstance(x, torch.Tensor)), torch.empty(0))
    torch.full((8_000_000,), float("nan"), device=like.device)
    if like.is_cuda:
        torch.cuda.synchronize()

def _introml_batch(function, calls, seed, shuffle):
    import torch
    global _introml_outputs
    _introml_outputs, projections, directions, memory = [], [], {}, {}
    orders = torch.Generator().manual_seed(seed + 1000)
    for first, second, a, b in calls:
        mixed = []
        for place, (x, y) in enumerate(zip(_introml_bases[first], _introml_bases[second])):
            if isinstance(x, torch.Tensor) and x.is_floating_point():
                if (place, x.shape) not in memory:
                    memory[place, x.shape] = torch.empty_like(x), torch.empty_like(x)
                room, other = memory[place, x.shape]
                x = torch.mul(x, a, out=room).add_(y, alpha=b)
                if shuffle and x.ndim:
                    order = torch.randperm(x.shape[-1], generator=orders).to(x.device)
                    x = torch.index_select(x, -1, order, out=other)
            mixed.append(x)
        output = globals()[function](*mixed)
        several = isinstance(output, (tuple, list))
        parts = [part.detach().clone() for part in (output if several else [output])]
        _introml_outputs.append(type(output)(parts) if several else parts[0])
        for place, part in enumerate(parts):
            key = (place, tuple(part.shape))
            if key not in directions:
                generator = torch.Generator().manual_seed(seed + place)
                directions[key] = torch.randn(part.numel(), generator=generator).to(part.device)
            flat = part.reshape(-1).float()
            projections.append(torch.stack([flat @ directions[key], flat.norm()]))
    return torch.stack(projections).cpu() if projections else torch.empty(0, 2)

def _introml_output(number):
    return _introml_outputs[number]
'''
_BASES = 6
_PICKED = 2
_RESAMPLES = 2000


@dataclass(frozen=True)
class Speed:
    """How a function compares: `ratio` is its time over the reference's, with a 95% interval."""

    ratio: float
    low: float
    high: float
    seconds: float

    def score(self, *, full: float, nothing: float) -> float:
        """1 for a ratio up to `full`, 0 from `nothing` on, and between by its logarithm.

        The interval's lower end is taken: noise never costs a student points.
        """
        if not 0 < full < nothing:
            raise ValueError(f"full={full}, nothing={nothing}: 0 < full < nothing is needed")
        part = math.log(nothing / max(self.low, 1e-9)) / math.log(nothing / full)
        return min(max(part, 0.0), 1.0)


def roofline_floor(flops: float, size: float, peak: float, bandwidth: float) -> float:
    """Seconds that no code can beat: `flops` at `peak` per second, or `size` bytes at `bandwidth`.

    Source: Williams, Waterman and Patterson, Roofline (2009).
    """
    return max(flops / peak, size / bandwidth)


def compare_speed(
    submission: Submission,
    target: str,
    reference: str,
    make_inputs: Callable[[np.random.Generator], Sequence[Any]],
    rng: np.random.Generator,
    *,
    hint: str,
    floor_s: float = 0.0,
    calls: int = 4,
    rounds: int = 11,
    shortest_s: float = 0.01,
    precision: float = 1e-4,
    rtol: float | None = None,
    atol: float | None = None,
    shuffle: bool = True,
) -> Speed:
    """Time the student's `target` against `reference`, the source that defines the same name.

    `make_inputs(rng)` draws the arguments of one call; floating tensors must stay valid when two
    draws are mixed as a·x + b·y with a² + b² = 1, and when their last dimension is put in another
    order (`shuffle=False` leaves it: then a product of two arguments can be made beforehand). Other
    arguments must not matter to the work.
    Fails with `hint` when an output is wrong (projections off by more than `precision` of the
    output's norm, or two outputs picked at random not close), or when a call takes less than
    `floor_s`, which no machine can do. `calls` is doubled until a batch takes `shortest_s`.
    """
    bases = [list(make_inputs(rng)) for _ in range(_BASES)]
    with beside(submission, reference) as other:
        sides = (_Side(submission, target, bases, shuffle), _Side(other, target, bases, shuffle))
        while _shortest(sides[1], _mixes(rng, calls)) < shortest_s and calls < 4096:
            calls *= 2
        sizes = (0, calls, 2 * calls)
        times = _Times()
        for _ in range(rounds):
            for size in rng.permutation(sizes):
                mixes, seed = _mixes(rng, size), int(rng.integers(1 << 40))
                batches: dict[int, _Batch] = {}
                for side in rng.permutation(2):
                    batches[side] = sides[side].timed(mixes, seed)
                    times.add(side, size, batches[side].seconds)
                _same_projections(batches[0], batches[1], precision, hint)
                if size == sizes[-1]:
                    _same_outputs(sides, size, rng, hint, rtol, atol)
        if end_process(submission):
            # Once more without the student's processes, which may have slowed the reference down.
            for size in sizes * (rounds // 2):
                times.add(1, size, sides[1].timed(_mixes(rng, size), 0).seconds)
    speed = times.compared(calls, rng)
    if speed.seconds < floor_s:
        raise CheckFailed(
            hint, f"A call took {speed.seconds:.2g} s; the hardware needs {floor_s:.2g} s at least."
        )
    return speed


@dataclass(frozen=True)
class _Batch:
    seconds: float
    projections: Tensor


class _Side:
    """One box, with the functions of `_INSIDE` in it."""

    def __init__(
        self, submission: Submission, target: str, bases: list[list[Any]], shuffle: bool
    ) -> None:
        self._submission = submission
        self._target = target
        self._shuffle = shuffle
        run_beside_answers(submission, "speed", _INSIDE)
        self._call("_introml_place", bases)

    def _call(self, name: str, *args: Any) -> Any:
        return self._submission.call(name, *args)

    def timed(self, mixes: list[tuple], seed: int) -> _Batch:
        self._call("_introml_prepare")
        began = time.perf_counter()
        projections = self._call("_introml_batch", self._target, mixes, seed, self._shuffle)
        return _Batch(time.perf_counter() - began, projections)

    def output(self, number: int) -> Any:
        return self._call("_introml_output", number)


def _shortest(side: _Side, mixes: list[tuple]) -> float:
    """Seconds of the quickest of three equal batches: one pause of the machine does not count."""
    return min(side.timed(mixes, 0).seconds for _ in range(3))


def _mixes(rng: np.random.Generator, calls: int) -> list[tuple[int, int, float, float]]:
    """For each call: which two inputs are mixed, and cosine and sine of how."""
    mixes = []
    for angle in rng.uniform(0.2, 1.3, size=calls):
        first, second = (int(one) for one in rng.choice(_BASES, size=2, replace=False))
        mixes.append((first, second, math.cos(angle), math.sin(angle)))
    return mixes


def _same_projections(own: _Batch, reference: _Batch, precision: float, hint: str) -> None:
    got, wanted = own.projections, reference.projections
    if type(got) is not Tensor or got.shape != wanted.shape or got.dtype != wanted.dtype:
        raise CheckFailed(hint, "The outputs of timed calls have another form than they should.")
    norms = wanted[:, 1].clamp_min(1e-30)
    if not ((got - wanted).abs() <= precision * norms[:, None]).all():
        raise CheckFailed(hint, "The outputs of timed calls are not right.")


def _same_outputs(
    sides: tuple[_Side, _Side],
    calls: int,
    rng: np.random.Generator,
    hint: str,
    rtol: float | None,
    atol: float | None,
) -> None:
    for number in rng.choice(calls, size=min(_PICKED, calls), replace=False):
        own, reference = (side.output(int(number)) for side in sides)
        assert_close(own, reference, rtol=rtol, atol=atol, hint=hint)


class _Times:
    """Seconds of all batches, by side (0 the student's, 1 the reference) and number of calls."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, int], list[float]] = {}

    def add(self, side: int, calls: int, seconds: float) -> None:
        self._seconds.setdefault((side, calls), []).append(seconds)

    def compared(self, calls: int, rng: np.random.Generator) -> Speed:
        """The ratio, and a bootstrap interval over the rounds.

        Of equal batches the shortest time counts: whatever else the machine does only adds. What a
        request costs beside the calls, the reference's empty batches tell: a student's code that
        idles in small batches would make its own slope flat.
        """
        best = self._per_call(calls, np.min)
        if best[1] <= 0:
            raise ValueError("the reference is too quick to time; make the inputs larger")

        def resampled(times: list[float]) -> np.ndarray:
            picks = rng.integers(0, len(times), size=(_RESAMPLES, len(times)))
            return np.array(times)[picks].min(axis=1)

        drawn = self._per_call(calls, resampled)
        usable = drawn[1] > 0
        low, high = np.quantile(drawn[0][usable] / drawn[1][usable], [0.025, 0.975])
        ratio = float(best[0] / best[1])
        ends = min(float(low), ratio), max(float(high), ratio)
        return Speed(ratio, *ends, float(best[0]))

    def _per_call(self, calls: int, shortest: Callable[[list[float]], Any]) -> list[Any]:
        """Seconds a call of the student's and of the reference."""
        besides = shortest(self._seconds[1, 0])
        return [
            np.minimum(
                *(
                    np.maximum(shortest(self._seconds[side, size]) - besides, 0.0) / size
                    for size in (calls, 2 * calls)
                )
            )
            for side in (0, 1)
        ]
