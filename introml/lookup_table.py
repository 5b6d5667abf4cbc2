"""Logic from look-up tables: the cells of an FPGA, and an adder that is built of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class LookUpTable:
    """A function of a few bits, stored as its answers: entry i is that for the inputs of number i.

    The first input is the highest bit of i, so the inputs 1, 0 of two are entry 2. `answers` must
    be 2, 4, 8, … bits, 0 or 1; otherwise `ValueError` is raised.
    Taught in {ref}`sec-fpga`.
    """

    answers: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.answers) < 2 or len(self.answers) & (len(self.answers) - 1):
            raise ValueError(f"a table of {len(self.answers)} answers; it must have 2, 4, 8, 16, …")
        if any(answer not in (0, 1) for answer in self.answers):
            raise ValueError(f"the answers are {self.answers}; each must be 0 or 1.")

    @property
    def inputs(self) -> int:
        """How many bits come in."""
        return len(self.answers).bit_length() - 1

    def __call__(self, *bits: int) -> int:
        """The answer for these bits. Raises `ValueError` for another number of them."""
        if len(bits) != self.inputs:
            raise ValueError(f"{len(bits)} bits for a table of {self.inputs} inputs.")
        number = 0
        for bit in bits:
            number = 2 * number + bit
        return self.answers[number]


def table_of(function: Callable[..., int], inputs: int) -> LookUpTable:
    """The table of any function of so many bits: it is asked for every combination once.

    Taught in {ref}`sec-fpga`.
    """
    rows = range(2**inputs)
    bits = [[row >> (inputs - 1 - i) & 1 for i in range(inputs)] for row in rows]
    return LookUpTable(tuple(int(function(*row)) for row in bits))


#: Of three bits: whether an odd number of them is 1, and whether at least two are.
SUM = table_of(lambda a, b, carry: a ^ b ^ carry, 3)
CARRY = table_of(lambda a, b, carry: a + b + carry >= 2, 3)


def add(a: int, b: int, width: int) -> int:
    """a + b of `width` bits each, by 2 · `width` look-ups; what does not fit is cut off.

    Raises `ValueError` unless 0 ≤ a, b < 2^width.
    Taught in {ref}`sec-fpga`.
    """
    if not (0 <= a < 2**width and 0 <= b < 2**width):
        raise ValueError(f"{a} and {b} must be from 0 to {2**width - 1} to fit {width} bits.")
    total, carry = 0, 0
    for place in range(width):
        bits = (a >> place & 1, b >> place & 1, carry)
        total |= SUM(*bits) << place
        carry = CARRY(*bits)
    return total
