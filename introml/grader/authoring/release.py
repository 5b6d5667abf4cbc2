"""From `lab.md` to notebooks: the student's, the solution, and the source that nbgrader takes.

All carry nbgrader's cell metadata, and no outputs; the same lab gives the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from introml.grader import atomic
from introml.grader.lab import Cell, CheckInfo, Kind, Lab
from introml.grader.notebook import released_metadata

#: A link to a page of the book, which a notebook beside no book cannot follow.
_PAGE_LINK = re.compile(r"\[([^\]]*)\]\(/[^)\s]+\.md(?:#[^)\s]*)?\)")


class WouldOverwrite(Exception):
    """Files that are there already, and are not what would be written."""

    def __init__(self, paths: list[Path]) -> None:
        names = ", ".join(str(path) for path in paths)
        super().__init__(
            f"{names} is there already and has been changed, so nothing was written. "
            "Choose another folder, or say --force to replace it."
        )
        self.paths = paths


def release(lab: Lab, out: Path, *, force: bool = False) -> list[Path]:
    """Write the student's notebook and the public checks into `out`; returns their paths.

    A file that is there with other content is a student's work: then nothing is written and
    `WouldOverwrite` is raised, unless `force`.
    """
    files = {out / name: content for name, content in released_files(lab).items()}
    changed = [path for path, content in files.items() if _differs(path, content)]
    if changed and not force:
        raise WouldOverwrite(changed)
    out.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder; move it away or choose another folder")
        atomic.write(path, content)
    return list(files)


def released_files(lab: Lab) -> dict[str, bytes]:
    """Name -> content of all that a student gets."""
    return {
        f"{lab.name}.ipynb": starter_notebook(lab),
        lab.checks_file: lab.public_checks.read_bytes(),
    }


def starter_notebook(lab: Lab) -> bytes:
    """The student's notebook: solutions are their hints and `raise NotImplementedError`.

    "Run all" gets past what is not done yet, to the last check: by Jupyter's tag
    `raises-exception`, a cell that the student may change can fail and stops nothing.
    """
    cells = []
    for cell in lab.cells:
        if cell.kind is Kind.SOLUTION_TEXT:
            continue
        made = _cell(cell, cell.starter, _nbgrader(cell))
        if cell.kind in (Kind.ANSWER, Kind.EXPERIMENT, Kind.FREE):
            made["metadata"].setdefault("tags", []).append("raises-exception")
        cells.append(made)
    return _notebook(lab, cells)


def solution_notebook(lab: Lab, answers: Mapping[str, str] | None = None) -> bytes:
    """The notebook with the solutions in it, or with other `answers` (grade_id -> source)."""
    answers = answers or {}
    if unknown := sorted(answers.keys() - lab.answers.keys()):
        known = ", ".join(lab.answers)
        raise ValueError(f"{unknown[0]!r} is no answer cell of {lab.name}; there are: {known}")
    cells = [
        _cell(cell, answers.get(cell.id, cell.solution), _nbgrader(cell)) for cell in lab.cells
    ]
    return _notebook(lab, cells)


def nbgrader_source(lab: Lab) -> bytes:
    """What nbgrader takes as an assignment's source: solutions in its marks, checks as test cells.

    The test cells need `introml`, and the public checks beside the notebook, wherever nbgrader
    runs them. Checks that need a GPU are left out: nbgrader knows no "not run".
    """
    tests = [one for one in lab.check_list() if not one.hidden and one.tier == "cpu"]
    last = max(number for number, cell in enumerate(lab.cells) if cell.has_regions)
    cells = []
    for number, cell in enumerate(lab.cells):
        if cell.kind is not Kind.SOLUTION_TEXT:
            cells.append(_cell(cell, cell.nbgrader_source, _nbgrader(cell)))
        if number == last:
            cells += [_test_cell(lab, one) for one in tests]
    return _notebook(lab, cells)


def _cell(cell: Cell, source: str, nbgrader: dict[str, Any] | None) -> dict[str, Any]:
    if not cell.is_code:
        text = _PAGE_LINK.sub(r"*\1*", source)
        return {"cell_type": "markdown", "id": cell.id, "metadata": {}, "source": _lines(text)}
    metadata: dict[str, Any] = {}
    if cell.kind is not Kind.FREE:
        metadata["tags"] = [str(cell.kind)]
    if cell.kind is Kind.EXPERIMENT and cell.has_regions:
        metadata["tags"].append("answer")
    if nbgrader:
        metadata["nbgrader"] = nbgrader
        if nbgrader["locked"]:
            metadata["editable"] = False
        if nbgrader["locked"] or nbgrader["solution"]:
            metadata["deletable"] = False
    return _code(cell.id, source, metadata)


def _nbgrader(cell: Cell) -> dict[str, Any] | None:
    if not cell.is_code or cell.kind is Kind.FREE:
        return None
    return _marks(cell.id, locked=cell.kind in (Kind.LOCKED, Kind.CHECK), solution=cell.has_regions)


def _marks(grade_id: str, *, locked: bool = False, solution: bool = False) -> dict[str, Any]:
    """nbgrader's metadata of a code cell, in version 3 of its schema."""
    return {
        "schema_version": 3,
        "grade_id": grade_id,
        "cell_type": "code",
        "grade": False,
        "solution": solution,
        "locked": locked,
        "task": False,
    }


def _test_cell(lab: Lab, check: CheckInfo) -> dict[str, Any]:
    source = (
        f"# {check.title}\n"
        "from introml.grader import require_check\n\n"
        f'require_check("{lab.name}", "{check.name}")'
    )
    ident = f"test-{check.name}"[:64]
    marks = _marks(ident, locked=True) | {"grade": True, "points": check.points}
    return _code(ident, source, {"nbgrader": marks})


def _code(ident: str, source: str, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": ident,
        "metadata": metadata,
        "execution_count": None,
        "outputs": [],
        "source": _lines(source),
    }


def _lines(source: str) -> list[str]:
    """A source as notebooks keep it: lines with their ends, the last one without."""
    return source.splitlines(keepends=True)


def _notebook(lab: Lab, cells: list[dict[str, Any]]) -> bytes:
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "introml": released_metadata(lab),
        },
        "cells": cells,
    }
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _differs(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() != content
    except FileNotFoundError:
        return path.is_symlink()
    except OSError:  # a folder of that name, or one that may not be read
        return True
