"""Answers that a lab's checks are tried on: right ones in other styles, wrong ones with a mistake.

`right/<name>.py` and `wrong/<name>.py` hold whole cells under a docstring, each cell under a line
`# %% grade_id`. `wrong/<name>.toml` holds the mistake alone, as replacements in the lab's own
solution:

    why = "Adds the squares up."
    caught_by = ["loss_at_any_size"]

    [[replace]]
    cell = "loss"
    old = ".mean()"
    new = ".sum()"
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from introml.grader.lab.python_code import syntax_error
from introml.grader.lab.source import Cell, LabError

_CELL = re.compile(r"^# %% *(\S+) *$", re.MULTILINE)
_CAUGHT_BY = re.compile(r"^Caught by: *(.+?)\s*\Z", re.MULTILINE | re.DOTALL)
_ALLOWED = {"why", "caught_by", "replace"}
_REPLACE = {"cell", "old", "new"}


@dataclass(frozen=True)
class RightSolution:
    """Right answers that are written in another style than the lab's own."""

    name: str
    why: str
    cells: dict[str, str]


@dataclass(frozen=True)
class WrongSolution:
    """A plausible mistake: why it is wrong, the checks that must fail, the answers that differ."""

    name: str
    why: str
    caught_by: tuple[str, ...]
    cells: dict[str, str]


def right_solutions(folder: Path, answers: Mapping[str, Cell]) -> list[RightSolution]:
    """The files of `right/`, by name. Raises `LabError`."""
    found = []
    for path in sorted(folder.glob("*.py")):
        why, cells = _whole_cells(path, answers)
        if not why:
            raise LabError(path, 1, "needs a docstring that says what is done in another way")
        found.append(RightSolution(path.stem, why, cells))
    return found


def wrong_solutions(
    folder: Path, answers: Mapping[str, Cell], checks: Collection[str]
) -> list[WrongSolution]:
    """The files of `wrong/`, by name; `checks` are those that may catch. Raises `LabError`."""
    found = []
    for path in sorted([*folder.glob("*.py"), *folder.glob("*.toml")]):
        one = (_mistake if path.suffix == ".toml" else _whole_answer)(path, answers)
        if unknown := sorted(set(one.caught_by) - set(checks)):
            raise LabError(path, 1, f"Caught by: {unknown[0]!r} is no check of this lab")
        if any(other.name == one.name for other in found):
            raise LabError(path, None, "is there as .py and as .toml; keep one")
        found.append(one)
    return found


def _mistake(path: Path, answers: Mapping[str, Cell]) -> WrongSolution:
    """A wrong solution that says what to replace in the lab's own."""
    try:
        node = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise LabError(path, None, f"is not TOML: {problem}") from problem
    why, caught_by, replaces = node.get("why"), node.get("caught_by"), node.get("replace")
    if odd := sorted(node.keys() - _ALLOWED):
        raise LabError(path, None, f"{odd[0]!r} is no setting; allowed are why, caught_by, replace")
    if not isinstance(why, str) or not why.strip():
        raise LabError(path, None, 'needs why = "what is wrong"')
    if not caught_by or not _are_texts(caught_by):
        raise LabError(path, None, 'needs caught_by = ["a check that must fail", …]')
    if not isinstance(replaces, list) or not replaces:
        raise LabError(path, None, "has no mistake; write [[replace]] with cell, old and new")
    cells: dict[str, str] = {}
    for number, one in enumerate(replaces, 1):
        where = f"replacement {number}"
        if not isinstance(one, dict) or one.keys() != _REPLACE or not _are_texts(one.values()):
            raise LabError(path, None, f"{where} needs the texts cell, old and new, no more")
        cell, old = one["cell"], one["old"]
        _refuse_unknown(path, where, [cell], answers)
        solution = answers[cell].solution
        times = solution.count(old) if old else 0
        if times != 1:
            raise LabError(
                path, None,
                f"{where}: {old!r} stands {times} times in the solution of {cell!r}; it must "
                "stand there once" + ("; take in more of what is around it" if times else ""),
            )  # fmt: skip
        if cells.setdefault(cell, solution).count(old) != 1:
            raise LabError(path, None, f"{where}: {old!r} overlaps with a replacement before it")
        cells[cell] = cells[cell].replace(old, one["new"])
    for cell, source in cells.items():
        if source == answers[cell].solution:
            raise LabError(path, None, f"changes nothing in {cell!r}")
        if (line := syntax_error(source)) is not None:
            raise LabError(path, None, f"after it, line {line} of {cell!r} is not Python")
    return WrongSolution(path.stem, " ".join(why.split()), tuple(caught_by), cells)


def _whole_answer(path: Path, answers: Mapping[str, Cell]) -> WrongSolution:
    why, cells = _whole_cells(path, answers)
    caught = _CAUGHT_BY.search(why)
    if not caught:
        raise LabError(
            path, 1, "needs a docstring that says what is wrong and ends in `Caught by: <checks>`"
        )
    names = tuple(name.strip() for name in caught[1].replace("\n", " ").split(",") if name.strip())
    return WrongSolution(path.stem, why[: caught.start()].strip(), names, cells)


def _whole_cells(path: Path, answers: Mapping[str, Cell]) -> tuple[str, dict[str, str]]:
    """A file's docstring, and its cells by grade_id."""
    text = path.read_text(encoding="utf-8")
    try:
        why = ast.get_docstring(ast.parse(text)) or ""
    except SyntaxError as problem:
        raise LabError(path, problem.lineno, f"is not Python: {problem.msg}") from None
    parts = _CELL.split(text)[1:]
    cells = {ident: code.strip("\n") for ident, code in zip(parts[::2], parts[1::2], strict=True)}
    if not cells:
        raise LabError(path, 1, "has no answer; write `# %% grade_id` above each one")
    _refuse_unknown(path, "# %%", cells, answers)
    return why, cells


def _refuse_unknown(
    path: Path, where: str, cells: Iterable[str], answers: Mapping[str, Cell]
) -> None:
    if unknown := sorted(set(cells) - answers.keys()):
        allowed = ", ".join(answers)
        words = f"{where} {unknown[0]}: no such answer cell; there are: {allowed}"
        raise LabError(path, None, words)


def _are_texts(values: object) -> bool:
    return isinstance(values, Iterable) and all(isinstance(one, str) for one in values)
