"""Which checks can watch a cell: those whose code leads, from name to name, to one it defines.

Nothing is run. A name that means something else as well leads too far, which costs time alone; one
that is put together while a check runs leads nowhere, and the mutant that is then missed is told.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from introml.grader.lab import Kind, Lab

#: What each name stands for, as the names in its definitions.
_Names = dict[str, set[str]]


class Watching:
    """The names that a lab's checks lead to, by way of the checks' files and an answer's cells."""

    def __init__(self, lab: Lab) -> None:
        self._listed = [one.name for one in lab.check_list()]
        self._cells = [
            cell
            for cell in lab.cells
            if cell.is_code and cell.kind not in (Kind.EXPERIMENT, Kind.CHECK)
        ]
        self._checks: _Names = {}
        folders = {path.parent for path in (lab.public_checks, lab.hidden_checks) if path}
        for path in (one for folder in folders for one in folder.glob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            imported = {
                one.asname or one.name.partition(".")[0]
                for node in tree.body
                if isinstance(node, ast.Import)
                for one in node.names
            }
            for node in tree.body:
                leads = {*_bare(node), *_behind_a_dot_or_quoted(node, imported)}
                for name in _bound(node):
                    self._checks.setdefault(name, set()).update(leads)

    def checks_of(self, cell: str, cells: Mapping[str, str]) -> set[str]:
        """The checks that can watch a cell of an answer, whose own cells are `cells`."""
        answer = {one.id: ast.parse(cells.get(one.id, one.solution)) for one in self._cells}
        names: _Names = {name: set(leads) for name, leads in self._checks.items()}
        for tree in answer.values():
            for node in tree.body:
                for name in _bound(node):
                    names.setdefault(name, set()).update(_bare(node))
        defined = {name for node in answer[cell].body for name in _bound(node)}
        return {one for one in self._listed if defined & _reached(one, names)}


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds where it stands."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)


def _bare(node: ast.AST) -> set[str]:
    """The names that stand alone in a statement, but those of a function that are its own."""
    own: set[str] = set()
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        own = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        own.update(name for one in node.body for name in _bound(one))
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} - own


def _behind_a_dot_or_quoted(node: ast.AST, imported: set[str]) -> Iterator[str]:
    """How a check names what a student wrote: `submission.loss`, `vjp("loss", …)`."""
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value
        elif isinstance(one, ast.Attribute):
            root = one.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if not (isinstance(root, ast.Name) and root.id in imported):
                yield one.attr


def _reached(start: str, names: _Names) -> set[str]:
    found, new = {start}, [start]
    while new:
        more = names.get(new.pop(), set()) - found
        found |= more
        new += more
    return found
