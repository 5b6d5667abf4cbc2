"""Mutations of an answer: its source with one small mistake each, made from its syntax tree.

for one in mutations(source):
    print(one.what, one.old, one.new)

A mutation whose compiled code is that of the answer, or of another mutation, is left out.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import CodeType

from introml.grader.authoring.answer_syntax import Edit, Place
from introml.grader.authoring.mutation_operators import OPERATORS

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutation:
    """A cell with one mistake: its kind in words, its line (from 1), what became of what."""

    what: str
    source: str
    line: int
    old: str
    new: str


def mutations(
    source: str,
    lines: Collection[int] | None = None,
    like: str | None = None,
    devices: bool = False,
) -> Iterator[Mutation]:
    """The mutations of a cell's functions, each once; raises `SyntaxError`.

    `lines` (from 1) are those that may change; without them all may. `like` is a cell with the
    same functions, whose annotations say which of the parameters are of one kind. `devices` has
    `device=` dropped too, which only a GPU can tell.
    """
    place = Place(source, devices)
    seen = {_compiled(source)}
    kinds = _annotations(ast.parse(like)) if like else {}
    found: list[tuple[str, Edit]] = []
    for node in _answers(place.tree):
        for what, operator in OPERATORS.items():
            found += [(what, edit) for edit in operator(node, place)]
    for function in ast.walk(place.tree):
        if isinstance(function, ast.FunctionDef):
            found += _parameters_ignored(function, place, kinds, lines)
    order = {what: number for number, what in enumerate(OPERATORS)}
    found.sort(key=lambda one: (one[1].node.lineno, order.get(one[0], len(order))))
    for what, edit in found:
        node = edit.node
        if lines is not None and not {node.lineno, node.end_lineno} <= set(lines):
            continue
        mutated = _mutated(what, edit, place)
        try:
            code = _compiled(mutated.source)
        except SyntaxError:
            continue
        if code not in seen:
            seen.add(code)
            yield mutated


def _answers(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of what functions do: no docstrings, annotations, defaults and decorators."""
    for function in ast.walk(tree):
        if isinstance(function, _FUNCTION):
            for statement in function.body:
                if not isinstance(statement, _FUNCTION) and not _is_docstring(statement):
                    yield from _nodes(statement)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, ast.JoinedStr):  # the places of what stands in it are not known before 3.12
        return
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            inside = isinstance(child, ast.AST) and not isinstance(child, _FUNCTION)
            if inside and name != "annotation":
                yield from _nodes(child)


def _mutated(what: str, edit: Edit, place: Place) -> Mutation:
    source = place.edited(edit)
    if edit.before:
        function = place.function(edit.node)
        old = f"def {function.name}(…):" if function else ""
        return Mutation(what, source, edit.node.lineno, old, f"{old} {edit.before}".strip())
    first, last = edit.node.lineno, edit.node.end_lineno or edit.node.lineno
    more = edit.text.count("\n") - (last - first)
    old = "\n".join(place.source.split("\n")[first - 1 : last])
    new = "\n".join(source.split("\n")[first - 1 : last + more])
    old, new = edit.told or (old, new)
    return Mutation(what, source, first, _joined(old), _joined(new))


def _joined(text: str) -> str:
    """Lines as one, without their indentation."""
    return " ".join(text.split())


def _compiled(source: str) -> object:
    """What Python makes of a source, constants folded: without places and docstrings."""
    with warnings.catch_warnings():  # that a mistake looks odd is no news
        warnings.simplefilter("ignore", SyntaxWarning)
        return _without_places(compile(source, "", "exec", dont_inherit=True, optimize=2))


def _without_places(code: CodeType) -> tuple:
    constants = tuple(
        _without_places(one) if isinstance(one, CodeType) else (type(one), repr(one))
        for one in code.co_consts
    )
    return (
        code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars,
        code.co_cellvars, code.co_exceptiontable, code.co_flags, code.co_argcount,
    )  # fmt: skip


def _annotations(tree: ast.Module) -> dict[tuple[str, str], str]:
    """The kind of each parameter, by the names of its function and its own."""
    return {
        (function.name, one.arg): ast.unparse(one.annotation)
        for function in ast.walk(tree)
        if isinstance(function, _FUNCTION)
        for one in function.args.args
        if one.annotation
    }


def _parameters_ignored(
    function: ast.FunctionDef,
    place: Place,
    kinds: dict[tuple[str, str], str],
    lines: Collection[int] | None,
) -> Iterator[tuple[str, Edit]]:
    """A parameter that is always its default, or another parameter of its kind."""
    body = [one for one in function.body if lines is None or one.lineno in lines]
    if ast.get_docstring(function) is not None and body and body[0] is function.body[0]:
        body = body[1:]
    if not body:
        return
    kinds = _annotations(place.tree) | kinds
    arguments = [one.arg for one in function.args.args if one.arg != "self"]
    used = {x.id for one in body for x in ast.walk(one) if isinstance(x, ast.Name)}
    defaults = function.args.defaults
    for name, default in zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True):
        if name in used:
            edit = Edit(body[0], "", before=f"{name} = {place.text(default)}")
            yield "an argument ignored", edit
    for name in arguments:
        for other in arguments:
            alike = kinds.get((function.name, name)) == kinds.get((function.name, other))
            if other != name and name in used and alike:
                yield (
                    "one argument taken for another",
                    Edit(body[0], "", before=f"{name} = {other}"),
                )
