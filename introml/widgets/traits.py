"""Widget traits that refuse bad values in words, and leave the old value in place.

A refused value raises `BadValue`, which is a `TraitError` (so traitlets rolls the trait back) and
a `ValueError` (so it is caught as what it is).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import traitlets


class BadValue(traitlets.TraitError, ValueError):
    """A trait was given a value that it cannot hold; the message says what is allowed."""


def _name(trait: traitlets.TraitType, obj: Any) -> str:
    return f"{type(obj).__name__}.{trait.name}"


class Real(traitlets.TraitType):
    """A finite real number from `low` to `high`, both included."""

    default_value = 0.0

    def __init__(self, default: float, low: float, high: float, **kwargs: Any):
        self.low, self.high = low, high
        super().__init__(default, **kwargs)

    def validate(self, obj: Any, value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not self.low <= value <= self.high:
            raise BadValue(
                f"{_name(self, obj)} must be a finite number from {self.low:g} to {self.high:g}; "
                f"it was given {value!r}"
            )
        return float(value)


class Whole(traitlets.TraitType):
    """A whole number from `low` to `high`, both included."""

    default_value = 0

    def __init__(self, default: int, low: int, high: int, **kwargs: Any):
        self.low, self.high = low, high
        super().__init__(default, **kwargs)

    def validate(self, obj: Any, value: Any) -> int:
        whole = isinstance(value, int | float) and not isinstance(value, bool)
        if not whole or value != value or not self.low <= value <= self.high or value != int(value):
            raise BadValue(
                f"{_name(self, obj)} must be a whole number from {self.low} to {self.high}; "
                f"it was given {value!r}"
            )
        return int(value)


class Choice(traitlets.TraitType):
    """One of a few values."""

    def __init__(self, default: Any, options: Sequence[Any], **kwargs: Any):
        self.options = tuple(options)
        super().__init__(default, **kwargs)

    def validate(self, obj: Any, value: Any) -> Any:
        for option in self.options:
            if type(option) is type(value) and option == value:
                return value
        allowed = ", ".join(repr(option) for option in self.options)
        raise BadValue(f"{_name(self, obj)} must be one of {allowed}; it was given {value!r}")


class Switch(Choice):
    """True or False."""

    def __init__(self, default: bool, **kwargs: Any):
        super().__init__(default, (True, False), **kwargs)


class Numbers(traitlets.TraitType):
    """A list of numbers (`dims=1`) or a rectangle of them (`dims=2`), each from `low` to `high`.

    `least` and `most` bound the count along every dimension. Arrays and tensors are taken too.
    """

    default_value = ()

    def __init__(
        self,
        default: Sequence[Any],
        dims: int = 1,
        low: float = -1e6,
        high: float = 1e6,
        least: int = 1,
        most: int = 1000,
        **kwargs: Any,
    ):
        self.dims, self.low, self.high, self.least, self.most = dims, low, high, least, most
        super().__init__(default, **kwargs)

    def validate(self, obj: Any, value: Any) -> list:
        given = value.tolist() if hasattr(value, "tolist") else value
        try:
            return self._checked(given, self.dims)
        except (TypeError, ValueError) as problem:
            form = "a list of numbers" if self.dims == 1 else "a rectangle (list of equal rows)"
            raise BadValue(
                f"{_name(self, obj)} must be {form}, {self.least} to {self.most} along each "
                f"direction, each number finite and from {self.low:g} to {self.high:g}: {problem}"
            ) from None

    def _checked(self, value: Any, dims: int) -> list:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r} is not a list")
        if not self.least <= len(value) <= self.most:
            raise ValueError(f"it has {len(value)} entries")
        if dims > 1:
            rows = [self._checked(row, dims - 1) for row in value]
            if len({len(row) for row in rows}) > 1:
                raise ValueError("its rows differ in length")
            return rows
        for number in value:
            plain = isinstance(number, int | float) and not isinstance(number, bool)
            if not plain or not math.isfinite(number) or not self.low <= number <= self.high:
                raise ValueError(f"{number!r} is not allowed")
        return [float(number) for number in value]
