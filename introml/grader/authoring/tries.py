"""Experiments and all that the text has students try: each runs, and gives what the text says."""

from __future__ import annotations

import ast
import base64
import builtins
import importlib
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from introml.grader.authoring.lab_test_file import Try
from introml.grader.lab import Cell, Kind, Lab
from introml.grader.run import Attempt, Checker

#: A sentence that begins with "Try", to its end; a line that is part of a paragraph may break it.
_TRY = re.compile(r"(?:^|(?<=[.?!:]\s)|(?<=\n))(Try\b.*?)(?=[.?!:](?:\s|$)|$)", re.DOTALL)


#: How an experiment asks for pictures of the book; introml is not in a box.
_LOADER = re.compile(r"^from introml\.data import (\w+)$", re.MULTILINE)
_STAND_IN = """
import base64, io, sys, types
import numpy, torch
for _name in ("introml", "introml.data", "introml.data.{name}"):
    sys.modules[_name] = types.ModuleType(_name)
def _load(split="train", data=base64.b64decode("{data}")):
    parts = numpy.load(io.BytesIO(data), allow_pickle=False)
    first = ("train", "test").index(split) * 2
    X, y = (torch.from_numpy(parts["arr_" + str(first + n)]) for n in (0, 1))
    return X.float() / 255, y
sys.modules["introml.data.{name}"].load = _load
sys.modules["introml.data"].{name} = sys.modules["introml.data.{name}"]
"""


def _stand_in(name: str) -> str:
    """A cell that brings along what `introml.data` has on a student's machine: a set of pictures.

    `load` of that module gives (X, y) for the splits "train" and "test".
    """
    parts: list[np.ndarray] = []
    for split in ("train", "test"):
        X, y = importlib.import_module(f"introml.data.{name}").load(split)
        parts += [(X * 255).round().byte().numpy(), y.numpy()]
    file = io.BytesIO()
    np.savez_compressed(file, *parts)
    return _STAND_IN.format(name=name, data=base64.b64encode(file.getvalue()).decode())


def sentences(lab: Lab) -> list[tuple[str, int]]:
    """The sentences of the text that begin with "Try", and the line of the cell of each."""
    found = []
    for cell in lab.cells:
        if cell.kind is Kind.TEXT:
            for one in _TRY.finditer(cell.source):
                line = cell.line + cell.source[: one.start(1)].count("\n")
                found.append((" ".join(one[1].split()), line))
    return found


def unheld(lab: Lab, tries: list[Try]) -> Iterator[str]:
    """What the text has students try and no entry runs; entries that stand for no sentence."""
    said = sentences(lab)
    for sentence, line in said:
        if not any(one.says in sentence or sentence in one.says for one in tries):
            yield (
                f"lab.md:{line}: {sentence!r} is run by no [[try]] of lab_test.toml; write one "
                "with says, cell and replace"
            )
    text = " ".join(" ".join(cell.source.split()) for cell in lab.cells if not cell.is_code)
    for one in tries:
        if one.says not in text:
            yield f"lab_test.toml: no text of lab.md says {one.says!r}"


def run_all(checker: Checker, tries: list[Try]) -> Iterator[str]:
    """Run each experiment as it stands, and each try: yields what fails, in words."""
    lab = checker.lab
    experiments = {cell.id: cell for cell in lab.cells if cell.kind is Kind.EXPERIMENT}
    for cell in experiments.values():
        if message := _run(checker, cell, cell.solution):
            yield f"experiment {cell.id} fails with the solution: {message}"
    for one in tries:
        name = f"[[try]] {one.says!r}"
        if one.cell not in experiments:
            known = ", ".join(experiments) or "none"
            yield f"{name}: {one.cell!r} is no experiment; there are: {known}"
            continue
        source = experiments[one.cell].solution
        absent = [old for old, _ in one.replace if source.count(old) != 1]
        if absent:
            times = source.count(absent[0])
            yield (
                f"{name}: {absent[0]!r} stands {times} times in {one.cell}; it must stand there "
                "once"
            )
            continue
        for old, new in one.replace:
            source = source.replace(old, new)
        if message := _run(checker, experiments[one.cell], source, one.holds):
            yield f"{name}: {message}"


def _values(tree: ast.Expression) -> str:
    """An expression for the values of the notebook's names in `tree`, in words."""
    own = {one.arg for one in ast.walk(tree) if isinstance(one, ast.arg)}
    names = [one for one in ast.walk(tree) if isinstance(one, ast.Name)]
    own |= {one.id for one in names if isinstance(one.ctx, ast.Store)} | set(dir(builtins))
    told = dict.fromkeys(one.id for one in names if one.id not in own)
    return " + ', ' + ".join(f"'{name} = ' + str({name})[:80]" for name in told) or "''"


def _last_words(error: Mapping[str, Any] | None, message: str) -> str:
    """What a cell raised: the values alone where that is its assertion."""
    if error is None:
        return message
    is_assertion = error["type"] == "AssertionError"
    return error["message"] if is_assertion else f"{error['type']}: {error['message']}"


def _run(checker: Checker, experiment: Cell, source: str, holds: str = "") -> str:
    """Run the solved notebook up to the experiment, with nothing withheld; "" if all goes well."""
    cells = []
    for cell in checker.lab.cells:
        if cell is experiment:
            break
        if cell.is_code and cell.kind not in (Kind.EXPERIMENT, Kind.CHECK):
            cells.append((cell.id, cell.solution))
    cells += [("data", _stand_in(name)) for name in _LOADER.findall(source)]
    cells.append((experiment.id, source))
    if holds:
        try:
            tree = ast.parse(holds, mode="eval")
        except SyntaxError as problem:
            return f"holds is no expression: {problem.msg}"
        cells.append(("holds", f"assert ({holds}), {_values(tree)}"))
    with Attempt(checker._template, cells, limits=checker.limits) as attempt:
        for one in attempt.start():
            if one.outcome != "ok" and one.cell == "holds":
                return f"{holds} does not hold: {_last_words(one.error, one.message)}"
            if one.outcome != "ok":
                return one.message
    return ""
