"""What a released notebook carries of its lab, in `metadata.introml`, for checks without the lab.

A student's machine has no labs, solutions or hidden checks: only the notebook, and in it the
public checks, the families of operators that are withheld, and what each cell is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introml.grader.lab import Cell, Forbidden, Kind, Lab, known_ways
from introml.grader.notebook.notebook_file import MAX_BYTES, Refused, raw_cells

#: Rises when older notebooks can no longer be read.
FORMAT = 1


@dataclass(frozen=True)
class Released:
    """A lab as its released notebook tells it; enough to read the notebook and run its checks."""

    name: str
    title: str
    version: str
    checks: str
    check_s: float
    families: tuple[str, ...]
    cells: tuple[Cell, ...]
    answers: tuple[str, ...]

    @property
    def forbidden(self) -> tuple[Forbidden, ...]:
        """The names by which readers know what is withheld."""
        return known_ways(self.families)


class NotReleased(Exception):
    """The notebook, or the folder, holds no released lab: says what to do."""


def released_metadata(lab: Lab) -> dict[str, Any]:
    """`metadata.introml`: nothing in it is a solution or of a hidden check."""
    return {
        "format": FORMAT,
        "lab": lab.name,
        "title": lab.title,
        "version": lab.version,
        "checks": lab.public_checks.read_text(encoding="utf-8"),
        "check_s": lab.settings.limits.check_s,
        "families": list(lab.settings.families),
        "cells": [
            {
                "id": cell.id,
                "kind": str(cell.kind),
                "answer": cell.has_regions,
                # Of an answer, what students are given: by it a lost cell is known again.
                "source": cell.starter,
            }
            for cell in lab.cells
            if cell.is_code
        ],
    }


def released_from(metadata: dict[str, Any]) -> Released:
    """The lab that a notebook's metadata tells of. Raises `NotReleased`."""
    told = metadata.get("introml")
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise NotReleased(
            "This is not the notebook of a lab, or one of another version of introml. Check the "
            "notebook that you were given for the lab."
        )
    try:
        cells = tuple(
            Cell(Kind(one["kind"]), str(one["id"]), str(one["source"]), 0) for one in told["cells"]
        )
        return Released(
            name=str(told["lab"]),
            title=str(told["title"]),
            version=str(told["version"]),
            checks=str(told["checks"]),
            check_s=float(told["check_s"]),
            families=tuple(str(name) for name in told.get("families", ())),
            cells=cells,
            answers=tuple(str(one["id"]) for one in told["cells"] if one["answer"]),
        )
    except (KeyError, TypeError, ValueError):
        raise NotReleased(
            "The notebook's metadata is damaged. Take a fresh copy of the lab's notebook and copy "
            "your answers into it."
        ) from None


def released_here(name: str, folder: Path) -> tuple[Released, Path]:
    """The lab of that name as told by a notebook in the folder, and that notebook.

    Of several, the one that was saved last. Raises `NotReleased`.
    """
    found: list[tuple[float, Path, Released]] = []
    for path in folder.glob("*.ipynb"):
        try:
            if path.stat().st_size <= MAX_BYTES:
                _, metadata = raw_cells(path.read_bytes())
                released = released_from(metadata)
                if released.name == name:
                    found.append((path.stat().st_mtime, path, released))
        except (OSError, Refused, NotReleased):
            continue  # some other notebook
    if not found:
        raise NotReleased(
            f"There is no notebook of the lab {name!r} in {folder}. Save the notebook that you "
            "were given there, and open it from there."
        )
    _, path, released = max(found, key=lambda one: one[:2])
    return released, path
