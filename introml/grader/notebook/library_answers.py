"""Answers taken from a library: a lab names what may not be used, and this finds where it is.

It reads the code and runs nothing. A use that the text alone proves (a name, an alias, a
`getattr` with a constant) is refused. What may hide one (`ctypes`, `eval`, `torch._C`, a computed
attribute, …) is suspicious: shown to a person, with the line. What gets round this meets the
worker's patches, when it is called.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from introml.grader.lab import Forbidden, parse
from introml.grader.notebook import suspicious
from introml.grader.notebook.names import Names
from introml.grader.text import cell_label

#: Uses listed of each kind, and texts read that are handed to exec or eval.
_LISTED, _TEXTS = 200, 20


class CodeCell(Protocol):
    """What is read of a cell: `id`, `source`, and `kind`, which is "locked" for given code."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class Use:
    """A place in a student's code: the cell's id, the line from 1, what is there, and its text."""

    cell: str
    line: int
    what: str
    text: str

    @property
    def message(self) -> str:
        """For the student, of a refused use."""
        return (
            f"{cell_label(self.cell)}, line {self.line} uses {self.what}. "
            "This lab asks you to write it yourself."
        )

    @property
    def evidence(self) -> str:
        """For the teacher, of a suspicious use."""
        return f"{cell_label(self.cell)}, line {self.line} {self.what}: {self.text}"


class Findings(NamedTuple):
    """What `find` found: uses that are proven, and places where one may hide."""

    refused: list[Use]
    suspicious: list[Use]


def find(cells: Iterable[CodeCell], forbidden: Sequence[Forbidden]) -> Findings:
    """Forbidden and suspicious uses in the cells, in order, at most 200 of each.

    Locked cells tell what names stand for (imports), and are not searched. A cell that is not
    Python is passed over: it does not run either.
    """
    pieces = [_Piece(x, None, tree) for x in cells if (tree := parse(x.source)) is not None]
    names, odd = _with_executed_texts(pieces)
    given = _given_names(pieces)
    refused: dict[tuple, Use] = {}
    odd_ones: dict[tuple, Use] = {}
    for piece in pieces:
        if piece.cell.kind == "locked":
            continue
        lines = piece.cell.source.split("\n")
        again = ((*use, False) for use in suspicious.redefined(piece.tree, given))
        uses = _uses(piece.tree, names, forbidden, odd)
        for line, what, proven in itertools.chain(uses, again):
            line = piece.line or line
            text = lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""
            found = refused if proven else odd_ones
            if len(found) < _LISTED:
                use = Use(piece.cell.id, line, what, text)
                found.setdefault((use.cell, line, what), use)
    return Findings(list(refused.values()), list(odd_ones.values()))


class _Piece(NamedTuple):
    """Code of a cell: all of it, or a text that its `line` hands to exec or eval."""

    cell: CodeCell
    line: int | None
    tree: ast.Module


def _with_executed_texts(pieces: list[_Piece]) -> tuple[Names, set[int]]:
    """What names stand for, after the constant texts that are executed are added to the pieces.

    Also the ids of the calls whose code could not be read: it is computed, or there is too much.
    """
    read: set[int] = set()
    odd: set[int] = set()
    searched = 0
    while True:
        names = Names([piece.tree for piece in pieces])
        new = pieces[searched:]
        searched = len(pieces)
        for piece in new:
            for node in ast.walk(piece.tree):
                # A method of that name (`model.eval()`, `re.compile("…")`) executes no text.
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                if names.called(node) not in ("eval", "exec", "compile"):
                    continue
                code = names.text(node.args[0]) if node.args else None
                tree = parse(code) if code is not None and len(read) < _TEXTS else None
                if tree is None:
                    odd.add(id(node))
                else:
                    read.add(id(node))
                    pieces.append(_Piece(piece.cell, piece.line or node.lineno, tree))
        if len(pieces) == searched:
            return names, odd


def _uses(
    tree: ast.AST, names: Names, forbidden: Sequence[Forbidden], odd: set[int]
) -> Iterator[tuple[int, str, bool]]:
    """(line, what, proven) of all uses in a tree."""
    called: set[int] = set()
    for node in ast.walk(tree):  # a call comes before the attribute that it calls
        line = getattr(node, "lineno", 1)
        paths = names.mentioned(node)
        hit = next((one for one in forbidden for path in paths if one.covers(path)), None)
        if hit is not None:
            yield line, hit.name, True
        elif isinstance(node, ast.Attribute) and not paths:
            yield from _of_something(node, names, forbidden, id(node) in called)
        elif isinstance(node, ast.Constant):
            for at, what in suspicious.named_in_text(node, forbidden):
                yield at, what, False
        if isinstance(node, ast.Call):
            called.add(id(node.func))
        for at, what in suspicious.oddities(node, names, paths, odd):
            yield at, what, False


def _given_names(pieces: Iterable[_Piece]) -> set[str]:
    """Functions and classes of the given cells."""
    kinds = ast.FunctionDef | ast.ClassDef
    return {
        node.name
        for piece in pieces
        if piece.cell.kind == "locked"
        for node in piece.tree.body
        if isinstance(node, kinds)
    }


def _of_something(
    node: ast.Attribute, names: Names, forbidden: Sequence[Forbidden], called: bool
) -> Iterator[tuple[int, str, bool]]:
    """An attribute with a forbidden name, of a value that the text does not show."""
    own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    known = node.attr in names.members
    if own and known:
        return
    for one in forbidden:
        if node.attr != one.attribute:
            continue
        if one.name.startswith("torch.Tensor."):
            what = f"uses .{node.attr}, perhaps its own; {one.name} is forbidden"
            yield (node.lineno, what, False) if known else (node.lineno, one.name, True)
            return
        # `x.data` and `x.grad` are everywhere; `x.data(…)` and `x.multi_head_attention` are not.
        if not known and (called or "_" in node.attr):
            yield node.lineno, f"uses .{node.attr} of something; {one.name} is forbidden", False
            return
