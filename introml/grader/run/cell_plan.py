"""What of each cell is run, after a cell has cost its box: all, only what it defines, or nothing.

A cell that never ends, or ends the process, takes the box with it. The others are run again in a
fresh box; of that one, what it defines and imports is kept, since an endless line at the end of an
answer does not make the function above it wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from introml.grader.lab import parse
from introml.grader.notebook import without_magics

_KEPT = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_PLAIN = (
    ast.Constant | ast.Tuple | ast.List | ast.Dict | ast.UnaryOp | ast.expr_context | ast.unaryop
)


class CellPlan:
    """The sources of a submission's cells, some of them cut."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources: list[str | None] = list(sources)
        self._cut: set[int] = set()

    def source(self, place: int) -> str | None:
        """What is to run of the cell at this place; None for nothing."""
        return self._sources[place]

    def is_whole(self, place: int) -> bool:
        """Whether the cell has not cost a box yet."""
        return place not in self._cut

    def give_up(self, place: int) -> None:
        """Run less of the cell, which has cost a box: what it defines, and after that nothing."""
        source = self._sources[place]
        defined = definitions(source) if source and self.is_whole(place) else ""
        self._sources[place] = defined if defined.strip() and defined != source else None
        self._cut.add(place)


def definitions(source: str) -> str:
    """The imports, functions, classes and plain constants of a cell, each in its line."""
    tree = parse(source) or parse(source := without_magics(source)[0])
    lines = source.split("\n")
    kept: set[int] = set()
    for node in tree.body if tree is not None else ():
        plain = isinstance(node, ast.Assign) and _is_plain(node.value)
        if isinstance(node, _KEPT) or plain:
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(one.lineno for one in decorators)])
            kept |= set(range(first, (node.end_lineno or node.lineno) + 1))
    return "\n".join(
        line if number in kept else "" for number, line in enumerate(lines, start=1)
    ).rstrip("\n")


def _is_plain(value: ast.expr) -> bool:
    return all(isinstance(node, _PLAIN) for node in ast.walk(value))
