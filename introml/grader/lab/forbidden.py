"""The names by which readers know what a lab asks them to write themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from introml.grader.families import FAMILIES


@dataclass(frozen=True)
class Forbidden:
    """A library's function, class, method or module that a lab asks the student to write.

    `name` is its full dotted name: "torch.nn.functional.softmax". The same last part elsewhere in
    the package (`torch.softmax`) counts as the same answer.
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"{self.name!r} must be a text such as 'torch.nn.MSELoss'")
        parts = self.name.split(".")
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):
            raise ValueError(f"{self.name!r} must be a full dotted name such as 'torch.nn.MSELoss'")

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def attribute(self) -> str:
        return self.name.rpartition(".")[2]


def known_ways(families: Iterable[str]) -> tuple[Forbidden, ...]:
    """The names of the families' best-known members; a family that is unknown here has none."""
    ways = [way for name in families if name in FAMILIES for way in FAMILIES[name].ways]
    return tuple(Forbidden(way) for way in dict.fromkeys(ways))
