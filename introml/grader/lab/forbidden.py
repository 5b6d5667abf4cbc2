"""What a lab asks the student to write, and so may not be taken from a library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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

    def covers(self, path: Sequence[str]) -> bool:
        """Whether the dotted name `path` is this, something inside it, or its double elsewhere."""
        own = self.name.split(".")
        return list(path[: len(own)]) == own or (
            len(path) > 1 and path[0] == self.package and path[-1] == self.attribute
        )
