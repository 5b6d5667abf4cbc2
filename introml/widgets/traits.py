"""Widget traits that refuse bad values in words, and leave the old value in place.

A refused value raises `BadValue`, which is a `TraitError` (so traitlets rolls the trait back) and
a `ValueError` (so it is caught as what it is). A trait's `form()` says what it takes as plain data;
the browser code has its bounds from there (`kit/forms.js`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import traitlets


class BadValue(traitlets.TraitError, ValueError):
    """A trait was given a value that it cannot hold; the message says what is allowed."""


def _plain(value: Any) -> Any:
    """NumPy's scalars, and arrays and tensors without dimensions, as Python's own numbers."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _is_real(value: Any, low: float, high: float) -> bool:
    # The range first: a whole number too large for a float cannot be asked whether it is finite.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and low <= value <= high and math.isfinite(value)


def _name(trait: traitlets.TraitType, obj: Any) -> str:
    return f"{type(obj).__name__}.{trait.name}"


class Real(traitlets.TraitType):
    """A finite real number from `low` to `high`, both included."""

    default_value = 0.0

    def __init__(self, default: float, low: float, high: float, **kwargs: Any):
        self.low, self.high = low, high
        super().__init__(default, **kwargs)

    def form(self) -> dict[str, Any]:
        return {"kind": "real", "low": self.low, "high": self.high}

    def validate(self, obj: Any, value: Any) -> float:
        number = _plain(value)
        if not _is_real(number, self.low, self.high):
            raise BadValue(
                f"{_name(self, obj)} must be a finite number from {self.low:g} to {self.high:g}; "
                f"it was given {value!r:.80}"
            )
        return float(number)


class Whole(traitlets.TraitType):
    """A whole number from `low` to `high`, both included."""

    default_value = 0

    def __init__(self, default: int, low: int, high: int, **kwargs: Any):
        self.low, self.high = low, high
        super().__init__(default, **kwargs)

    def form(self) -> dict[str, Any]:
        return {"kind": "whole", "low": self.low, "high": self.high}

    def validate(self, obj: Any, value: Any) -> int:
        number = _plain(value)
        if not _is_real(number, self.low, self.high) or number != int(number):
            raise BadValue(
                f"{_name(self, obj)} must be a whole number from {self.low} to {self.high}; "
                f"it was given {value!r:.80}"
            )
        return int(number)


class Choice(traitlets.TraitType):
    """One of a few values."""

    def __init__(self, default: Any, options: Sequence[Any], **kwargs: Any):
        self.options = tuple(options)
        super().__init__(default, **kwargs)

    def form(self) -> dict[str, Any]:
        return {"kind": "choice", "options": list(self.options)}

    def validate(self, obj: Any, value: Any) -> Any:
        given = _plain(value)
        for option in self.options:
            if type(option) is type(given) and option == given:
                return option
        allowed = ", ".join(repr(option) for option in self.options)
        raise BadValue(f"{_name(self, obj)} must be one of {allowed}; it was given {value!r:.80}")


class Switch(Choice):
    """True or False."""

    def __init__(self, default: bool, **kwargs: Any):
        super().__init__(default, (True, False), **kwargs)


class Text(traitlets.TraitType):
    """Text of at most `most` characters, without space at its ends."""

    default_value = ""

    def __init__(self, default: str, most: int, **kwargs: Any):
        self.most = most
        super().__init__(default, **kwargs)

    def form(self) -> dict[str, Any]:
        return {"kind": "text", "most": self.most}

    def validate(self, obj: Any, value: Any) -> str:
        if not isinstance(value, str) or len(value) > self.most:
            raise BadValue(
                f"{_name(self, obj)} must be text of at most {self.most} characters; "
                f"it was given {value!r:.80}"
            )
        return value.strip()


class OneLine(Text):
    """Text in which every character can be seen: no line breaks, no control characters."""

    def validate(self, obj: Any, value: Any) -> str:
        text = super().validate(obj, value)
        if not text.isprintable():
            raise BadValue(
                f"{_name(self, obj)} must be one line of printable text; it was given {value!r:.80}"
            )
        return text


class Numbers(traitlets.TraitType):
    """A list of numbers (`dims=1`) or a rectangle of them (`dims=2`), each from `low` to `high`.

    `least` and `most` bound the count along every dimension; `whole` takes whole numbers alone.
    Arrays and tensors are taken too.
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
        whole: bool = False,
        **kwargs: Any,
    ):
        self.dims, self.low, self.high, self.least, self.most = dims, low, high, least, most
        self.whole = whole
        super().__init__(default, **kwargs)

    def form(self) -> dict[str, Any]:
        bounds = ("dims", "low", "high", "least", "most", "whole")
        return {"kind": "numbers"} | {name: getattr(self, name) for name in bounds}

    def validate(self, obj: Any, value: Any) -> list:
        try:
            return self._checked(value, self.dims)
        except (TypeError, ValueError) as problem:
            form = "a list of numbers" if self.dims == 1 else "a rectangle (list of equal rows)"
            raise BadValue(
                f"{_name(self, obj)} must be {form}, {self.least} to {self.most} along each "
                f"direction, each number {'whole' if self.whole else 'finite'} and from "
                f"{self.low:g} to {self.high:g}: {problem}"
            ) from None

    def _checked(self, value: Any, dims: int) -> list:
        value = value.tolist() if hasattr(value, "tolist") else value
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r:.80} is not a list")
        if not self.least <= len(value) <= self.most:
            raise ValueError(f"it has {len(value)} entries")
        if dims > 1:
            rows = [self._checked(row, dims - 1) for row in value]
            if len({len(row) for row in rows}) > 1:
                raise ValueError("its rows differ in length")
            return rows
        numbers = [_plain(number) for number in value]
        for number in numbers:
            if not _is_real(number, self.low, self.high) or (self.whole and number != int(number)):
                raise ValueError(f"{number!r:.80} is not allowed")
        return [int(number) if self.whole else float(number) for number in numbers]


class Records(traitlets.TraitType):
    """A list of dictionaries, each with a `name` and positive numbers under the other `fields`."""

    def __init__(self, fields: tuple[str, ...], **kwargs: Any):
        self.fields = fields
        super().__init__(**kwargs)

    def form(self) -> dict[str, Any]:
        return {"kind": "record", "fields": list(self.fields), "many": True}

    def validate(self, obj: Any, value: Any) -> list[dict[str, Any]]:
        if isinstance(value, list | tuple) and value and all(map(self._is_record, value)):
            return [{field: record[field] for field in self.fields} for record in value]
        raise BadValue(
            f"{_name(self, obj)} must be a list of dictionaries, each with "
            f"{', '.join(self.fields)}: the name a short text, the others positive numbers; it was "
            f"given {value!r:.80}"
        )

    def _is_record(self, value: Any) -> bool:
        if not isinstance(value, dict) or not set(self.fields) <= value.keys():
            return False
        name, *numbers = (value[field] for field in self.fields)
        are_numbers = all(type(number) in (int, float) for number in numbers)
        return isinstance(name, str) and are_numbers and all(0 < n < 1e40 for n in numbers)
