"""The syntax of an answer with its text: where a node stands, and edits of it."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

#: Modules by the names that labs give them: `torch.exp(x)` has no receiver that is a value.
_MODULES = {"torch", "nn", "F", "math", "np", "numpy", "plt"}
_ATOMS = (
    ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.Tuple, ast.List, ast.Dict,
    ast.ListComp, ast.Set,
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """Another text for a node; or, `before` it, a statement on a line of its own.

    `told` is how it is told where that is not by the node's lines: what was there, what is there.
    """

    node: ast.expr | ast.stmt
    text: str
    before: str = ""
    told: tuple[str, str] | None = None


class Place:
    """Where a node stands: the texts, parents and functions of its cell."""

    def __init__(self, source: str, devices: bool) -> None:
        self.tree = ast.parse(source)
        self.devices = devices
        self.source = source
        # The columns of a syntax tree count bytes.
        self._data = source.encode()
        lengths = (len(line) + 1 for line in self._data.split(b"\n"))
        self._starts = list(accumulate(lengths, initial=0))
        self._parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._parents.get(node)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where the node's text begins and ends, in the bytes of the cell."""
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0),
        )

    def text(self, node: ast.expr | ast.stmt, atom: bool = False) -> str:
        """The node's own text; in parentheses where an `atom` is wanted and it is none."""
        start, end = self.span(node)
        text = self._data[start:end].decode()
        return f"({text})" if atom and not isinstance(node, _ATOMS) else text

    def function(self, node: ast.AST) -> ast.FunctionDef | None:
        """The innermost function around the node."""
        above = self.parent(node)
        while above is not None and not isinstance(above, ast.FunctionDef):
            above = self.parent(above)
        return above

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The innermost statement around the node, or the node where it is one."""
        above: ast.AST | None = node
        while above is not None and not isinstance(above, ast.stmt):
            above = self.parent(above)
        return above

    def changed(self, node: ast.stmt, changes: Sequence[tuple[ast.expr, str]]) -> str:
        """The node's text with other texts for some of the expressions in it."""
        start, end = self.span(node)
        data = self._data[start:end]
        for one, text in sorted(changes, key=lambda change: self.span(change[0]), reverse=True):
            first, last = self.span(one)
            data = data[: first - start] + text.encode() + data[last - start :]
        return data.decode()

    def edited(self, edit: Edit) -> str:
        """The cell with the edit made."""
        start, end = self.span(edit.node)
        text = edit.text
        if edit.before:
            text, end = f"{edit.before}\n{' ' * edit.node.col_offset}", start
        return (self._data[:start] + text.encode() + self._data[end:]).decode()

    def instead(self, node: ast.expr, other: ast.expr) -> Edit:
        """An edit that puts a part of the node into its place."""
        bare = isinstance(self.parent(node), ast.stmt | ast.keyword | ast.Tuple)
        one_line = other.lineno == other.end_lineno
        return Edit(node, self.text(other, atom=not (bare and one_line)))


def name_of(node: ast.AST) -> str:
    """The bare name of what a call calls; "" for what is no call."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def receiver(node: ast.AST) -> ast.expr | None:
    """The value whose method is called; None for functions of a module or of the class itself."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    value = root = node.func.value
    while isinstance(root, ast.Attribute):
        root = root.value
    of_module = isinstance(root, ast.Name) and root.id in _MODULES
    of_class = isinstance(value, ast.Name) and value.id == "self"
    return None if of_module or of_class or name_of(value) == "super" else value


def called(node: ast.Call, place: Place, without: ast.AST | None = None, function: str = "") -> str:
    """The call's text, without one of its arguments, or with another function."""
    arguments = [place.text(one) for one in node.args if one is not without]
    for one in node.keywords:
        if one is not without:
            arguments.append((f"{one.arg}=" if one.arg else "**") + place.text(one.value))
    return f"{function or place.text(node.func)}({', '.join(arguments)})"


def number(node: ast.expr) -> float | int | None:
    """The value of a number, with a sign or without; None for what is none."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if good else None
