"""A handed-in notebook, read with suspicion: into the cells to run, or one sentence of refusal.

Nothing in the file is believed but the students' code: which cells are answers, which are given
and what is run is decided by the lab. No code runs here, and no notebook library reads the file.
"""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from introml.grader.lab import Cell, Kind, parse
from introml.grader.notebook.magics import without_magics
from introml.grader.notebook.notebook_file import MAX_BYTES, Refused, raw_cells, too_big
from introml.grader.text import cell_label

#: Characters of code that would run, and remarks that are shown.
MAX_CODE, _MAX_NOTES = 300_000, 40
#: Characters that make code look other than it is.
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class RunCell:
    """A code cell to run. `id` is the grade_id, or "cell 7" for the student's own seventh cell.

    `kind` is "locked" (given code, as it was released), "answer", "helper" or "experiment".
    `source` is its Python, for whoever reads it; `written`, the cell with its magics, is what runs.
    """

    id: str
    source: str
    kind: str
    written: str | None = None

    @property
    def to_run(self) -> str:
        """The cell as it was written."""
        return self.source if self.written is None else self.written


@dataclass(frozen=True)
class Submitted:
    """What to run, in this order; experiments by grade_id, for checks that ask; and remarks.

    `notes` are sentences for the student and the teacher, `flags` for the teacher alone.
    """

    cells: tuple[RunCell, ...]
    experiments: dict[str, RunCell]
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Invalid:
    """Why a file cannot be graded: one sentence or two, for the student."""

    message: str


def read_file(path: Path, lab: LabOutline) -> Submitted | Invalid:
    """The same for a file, which is not read when it is too big or not a plain file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as problem:
        return Invalid(f"The file cannot be opened: {problem.strerror or problem}.")
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        return Invalid("This is not a file. Hand in the notebook itself, a file in .ipynb.")
    with os.fdopen(handle, "rb") as file:
        if status.st_size > MAX_BYTES:
            return Invalid(too_big(status.st_size))
        return read_submission(file.read(MAX_BYTES + 1), lab)


def read_submission(data: bytes, lab: LabOutline) -> Submitted | Invalid:
    """The cells of a notebook that grading runs, or why there are none. Raises nothing."""
    try:
        cells, metadata = raw_cells(data)
        return _Reading(lab).read(cells, metadata)
    except Refused as refused:
        return Invalid(str(refused))


@dataclass(frozen=True)
class _Given:
    """A cell of the file: where it stands, from 1, its type, text and tags, and the lab's cell."""

    number: int
    type: str
    source: str
    tags: tuple[str, ...]
    cell: Cell | None


class LabOutline(Protocol):
    """What is needed of a lab to read a notebook of it: a `Lab`, or a `Released`."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def cells(self) -> tuple[Cell, ...]: ...
    @property
    def answers(self) -> Collection[str]: ...


class _Reading:
    """One notebook against one lab."""

    def __init__(self, lab: LabOutline) -> None:
        self._lab = lab
        self._known = {cell.id: cell for cell in lab.cells if cell.is_code}
        self._notes: list[str] = []
        self._flags: list[str] = []
        self._characters = 0

    def read(self, cells: list[Any], metadata: dict[str, Any]) -> Submitted:
        given = [self._given(cell, number) for number, cell in enumerate(cells, start=1)]
        self._refuse_missing(given, metadata)
        released = metadata.get("introml")
        if isinstance(released, dict) and released.get("version") != self._lab.version:
            self._note("The lab has changed since your notebook was released; today's is graded.")
        placed = self._with_locked_restored(given)
        run: list[RunCell] = []
        experiments: dict[str, RunCell] = {}
        for one in placed:
            made = self._run_cell(one)
            if made is None:
                continue
            if made.kind == "experiment":
                if made.id in experiments:
                    self._note(f"A second copy of the experiment {made.id!r} is left out.")
                experiments.setdefault(made.id, made)
            else:
                run.append(made)
        if self._characters > MAX_CODE:
            raise Refused(
                f"The notebook has {self._characters:,} characters of code; it may have "
                f"{MAX_CODE:,}. Data belongs in a file or is computed, not written into a cell."
            )
        return Submitted(tuple(run), experiments, self._some_notes(), tuple(self._flags))

    def _note(self, sentence: str) -> None:
        self._notes.append(sentence)

    def _some_notes(self) -> tuple[str, ...]:
        notes = list(dict.fromkeys(self._notes))
        if len(notes) > _MAX_NOTES:
            more = len(notes) - _MAX_NOTES
            notes = [*notes[:_MAX_NOTES], f"There are {more} more remarks of this kind."]
        return tuple(notes)

    def _given(self, cell: Any, number: int) -> _Given:
        if not isinstance(cell, dict):
            raise Refused(
                f"Cell {number} is not a notebook cell. Open the notebook in JupyterLab, delete "
                "that cell, and save it again."
            )
        source = cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise Refused(
                f"Cell {number} has no text. Open the notebook in JupyterLab, delete that cell, "
                "and save it again."
            )
        metadata = cell.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        nbgrader = metadata.get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        known = None
        # A cell's own id is the grade_id too, as it was released: it serves where metadata is lost.
        for ident in (grade_id, cell.get("id")):
            if isinstance(ident, str) and known is None:
                known = self._known.get(ident)
        tags = metadata.get("tags")
        tags = tuple(x for x in tags if isinstance(x, str)) if isinstance(tags, list) else ()
        type_ = cell.get("cell_type")
        return _Given(number, type_ if isinstance(type_, str) else "", source, tags, known)

    def _refuse_missing(self, given: list[_Given], metadata: dict[str, Any]) -> None:
        places: dict[str, list[_Given]] = {}
        for one in given:
            if one.cell is not None:
                places.setdefault(one.cell.id, []).append(one)
        answers = self._lab.answers
        missing = [ident for ident in answers if ident not in places]
        if len(missing) == len(answers):
            released = metadata.get("introml")
            other = released.get("lab") if isinstance(released, dict) else None
            if isinstance(other, str) and other != self._lab.name and other.isprintable():
                raise Refused(
                    f"This is the notebook of the lab {other[:60]!r}, not of {self._lab.name!r}. "
                    "Hand it in there, and your notebook of this lab here."
                )
            raise Refused(
                f"The notebook has none of the answer cells of the lab {self._lab.name!r}. Hand in "
                "the notebook that you were given, with your answers written into its cells."
            )
        if missing:
            raise Refused(
                f"The answer cell {missing[0]!r} is missing. Take a fresh copy of the lab's "
                "notebook, copy your answers into its cells, and hand that in."
            )
        for ident in answers:
            here = places[ident]
            if len(here) > 1:
                numbers = ", ".join(str(one.number) for one in here[:5])
                raise Refused(
                    f"The answer cell {ident!r} is there {len(here)} times (cells {numbers}, "
                    "counted from the top). Keep the one with your answer and delete the others; "
                    "for trying things out, make a new cell rather than a copy."
                )
            if here[0].type != "code":
                raise Refused(
                    f"The answer cell {ident!r} is not a code cell any more, so it cannot run. "
                    "Select it in JupyterLab, choose Code in the toolbar, and save."
                )

    def _with_locked_restored(self, given: list[_Given]) -> list[_Given]:
        """Each given cell once and as it was released; those that are gone, put back."""
        placed: list[_Given] = []
        seen: set[str] = set()
        for one in given:
            cell = one.cell
            if cell is None or cell.kind is not Kind.LOCKED:
                placed.append(one)
            elif cell.id in seen:
                self._note(f"A second copy of the given cell {cell.id!r} is left out.")
            else:
                seen.add(cell.id)
                changed = one.type != "code" or one.source.rstrip() != cell.source.rstrip()
                if changed:
                    self._note(f"The given cell {cell.id!r} was changed; it is graded as released.")
                placed.append(_Given(one.number, "code", cell.source, (), cell))
        before = 0  # where the released cell that comes before it stands
        for cell in self._known.values():
            if cell.kind is Kind.LOCKED and cell.id not in seen:
                self._note(f"The given cell {cell.id!r} was deleted; it is put back.")
                placed.insert(before, _Given(0, "code", cell.source, (), cell))
            here = [n for n, one in enumerate(placed, start=1) if one.cell is cell]
            before = here[0] if here else before
        return placed

    def _run_cell(self, one: _Given) -> RunCell | None:
        """What of a cell runs at grading; `None` for text, checks and cells without code."""
        if one.cell is not None and one.cell.kind is Kind.LOCKED:
            return RunCell(one.cell.id, one.source, "locked")
        if one.type != "code":
            return None
        known = one.cell if one.cell is not None and one.cell.kind is not Kind.FREE else None
        ident = known.id if known else f"cell {one.number}"
        kind = "helper" if known is None else str(known.kind)
        if kind == "check":
            return None
        if kind == "helper" and "experiment" in one.tags:
            self._note(f"{cell_label(ident)} is tagged experiment, so it is not run when graded.")
            return None
        self._refuse_odd_characters(ident, one.source)
        self._characters += len(one.source)
        if self._characters > MAX_CODE:
            return None
        source, skipped = without_magics(one.source)
        for line, text in skipped:
            shown = "".join(x for x in text.strip()[:40] if x.isprintable())
            self._note(
                f"{cell_label(ident)}, line {line}: {shown!r} is for notebooks and is left out "
                "when graded."
            )
        if kind == "helper" and _only_checks(source):
            return None
        if kind == "helper" and not one.source.strip():
            return None
        return RunCell(ident, source, kind, one.source)

    def _refuse_odd_characters(self, ident: str, source: str) -> None:
        for number, line in enumerate(source.split("\n"), start=1):
            if "\0" in line or (not line.isascii() and _has_surrogate(line)):
                raise Refused(
                    f"{cell_label(ident)}, line {number} has a character that is not text. Delete "
                    "that line, type it again, and save."
                )
        if not source.isascii() and _BIDIRECTIONAL.search(source):
            self._flags.append(
                f"{cell_label(ident)} has characters that make code look other than it is."
            )


def _has_surrogate(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return True
    return False


def _only_checks(source: str) -> bool:
    """Whether a cell does nothing but run the public checks, which grading does by itself."""
    if "check" not in source:
        return False
    tree = parse(source)
    if tree is None or not tree.body:
        return False
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "introml.grader":
            continue
        call = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return False
        if call.func.id not in ("check", "require_check"):
            return False
    return True
