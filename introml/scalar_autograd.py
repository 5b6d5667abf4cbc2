"""Reverse-mode differentiation of numbers: each remembers what it was made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar


class Box(Protocol):
    """Anything that was made of others like it: pairs of one of them and what it does to it."""

    @property
    def inputs(self) -> Sequence[tuple[Any, object]]: ...


B = TypeVar("B", bound=Box)


def topological_order(result: B) -> list[B]:
    """All boxes behind `result`, inputs first; `result` is last.

    Boxes wait on a list and not in calls of a function, so a chain of a million is no trouble.
    Taught in {ref}`sec-backpropagation`.
    """
    order: list[B] = []
    seen, waiting = set(), [(result, False)]
    while waiting:
        box, inputs_are_done = waiting.pop()
        if inputs_are_done:
            order.append(box)
        elif box not in seen:
            seen.add(box)
            waiting.append((box, True))  # again, after its inputs
            waiting += [(one, False) for one, _ in box.inputs]
    return order


class Value:
    """A number, and for each input of it: the input and the slope.

    Its operators are + − · / exp, log, tanh, sigmoid and relu. What Python refuses of a `float`,
    such as the logarithm of −1, is refused here too, with Python's error.
    Taught in {ref}`sec-backpropagation`.
    """

    def __init__(self, data: float, *inputs: tuple[Value, float]) -> None:
        self.data, self.inputs, self.grad = data, inputs, 0.0

    def __add__(self, b: Value) -> Value:
        """a + b."""
        return Value(self.data + b.data, (self, 1.0), (b, 1.0))

    def __sub__(self, b: Value) -> Value:
        """a − b."""
        return Value(self.data - b.data, (self, 1.0), (b, -1.0))

    def __mul__(self, b: Value) -> Value:
        """a · b: each input's slope is the other one."""
        return Value(self.data * b.data, (self, b.data), (b, self.data))

    def __truediv__(self, b: Value) -> Value:
        """a / b."""
        v = self.data / b.data
        return Value(v, (self, 1 / b.data), (b, -v / b.data))

    def exp(self) -> Value:
        """eᵃ."""
        v = math.exp(self.data)
        return Value(v, (self, v))

    def log(self) -> Value:
        """The natural logarithm."""
        return Value(math.log(self.data), (self, 1 / self.data))

    def tanh(self) -> Value:
        """The hyperbolic tangent."""
        v = math.tanh(self.data)
        return Value(v, (self, 1 - v * v))

    def sigmoid(self) -> Value:
        """1 / (1 + e⁻ᵃ)."""
        small = math.exp(-abs(self.data))  # of the positive number it would overflow
        v = (1 if self.data >= 0 else small) / (1 + small)
        return Value(v, (self, v * (1 - v)))

    def relu(self) -> Value:
        """max(a, 0), with the slope 0 at 0, as in PyTorch."""
        return Value(max(self.data, 0.0), (self, float(self.data > 0)))

    def backward(self) -> None:
        """Add to each leaf's grad the derivative of this number."""
        upstream = {self: 1.0}
        for box in reversed(topological_order(self)):
            for one, slope in box.inputs:
                share = upstream[box] * slope
                upstream[one] = upstream.get(one, 0.0) + share
            if not box.inputs:
                box.grad += upstream[box]
