"""Fixed-point numbers, whole numbers with a scale, and a unit that multiplies and adds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FixedPoint:
    """A sign, `integer` bits before the point and `fraction` bits behind it, as two's complement.

    The numbers are the multiples of 2^−fraction from −2^integer to 2^integer − 2^−fraction.
    Raises `ValueError` unless both are at least 0, and one of them at least 1.
    Taught in {ref}`sec-fpga`.
    """

    integer: int
    fraction: int

    def __post_init__(self) -> None:
        if min(self.integer, self.fraction) < 0 or self.bits < 2:
            raise ValueError(
                f"{self.integer} bits before the point and {self.fraction} behind it; neither may "
                "be negative, and one must be at least 1."
            )

    @property
    def bits(self) -> int:
        """All bits, with the sign."""
        return 1 + self.integer + self.fraction

    @property
    def step(self) -> float:
        """The distance of neighbouring numbers."""
        return 2.0**-self.fraction

    def encode(self, value: float) -> int:
        """The whole number that stands for the nearest of its numbers; the ends for what is beyond.

        Halfway, the even one is taken.
        """
        most = 2 ** (self.bits - 1)
        return max(-most, min(most - 1, round(value / self.step)))

    def decode(self, whole: int) -> float:
        """The number that a whole number stands for."""
        return whole * self.step

    def nearest(self, value: float) -> float:
        """The nearest of its numbers."""
        return self.decode(self.encode(value))


def wrapped(whole: int, bits: int) -> int:
    """What is left of a whole number in so many bits of two's complement.

    Taught in {ref}`sec-fpga`.
    """
    half = 2 ** (bits - 1)
    return (whole + half) % (2 * half) - half


def multiply_accumulate(
    xs: Sequence[float], ws: Sequence[float], form: FixedPoint, accumulator: int = 32
) -> float:
    """Σ xᵢwᵢ of fixed-point numbers, in an accumulator of so many bits that wraps around.

    A product of two numbers with f bits behind the point has 2f, and none is dropped before the
    end: the only error is that of the inputs, unless the accumulator overflows.
    Raises `ValueError` for lists of different lengths.
    Taught in {ref}`sec-fpga`.
    """
    total = 0
    for x, w in zip(xs, ws, strict=True):
        total = wrapped(total + form.encode(x) * form.encode(w), accumulator)
    return total * form.step**2


@dataclass(frozen=True)
class Registers:
    """What a pipeline of three stages holds after a cycle; None where nothing is yet.

    Taught in {ref}`sec-fpga`.
    """

    fetched: tuple[int, int] | None
    product: int | None
    total: int


def pipeline(xs: Sequence[int], ws: Sequence[int]) -> list[Registers]:
    """Σ xᵢwᵢ in stages that work at once: fetch a pair, multiply the last, add the one before.

    n pairs take n + 2 cycles, where one after the other they would take 3n.
    Raises `ValueError` for lists of different lengths.
    Taught in {ref}`sec-fpga`.
    """
    pairs = list(zip(xs, ws, strict=True))
    state = Registers(None, None, 0)
    cycles = []
    for cycle in range(len(pairs) + 2):
        state = Registers(
            fetched=pairs[cycle] if cycle < len(pairs) else None,
            product=state.fetched[0] * state.fetched[1] if state.fetched else None,
            total=state.total + (state.product or 0),
        )
        cycles.append(state)
    return cycles
