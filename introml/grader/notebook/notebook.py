"""A handed-in notebook, read with suspicion: into the cells to run, or one sentence of refusal.

Nothing in the file is believed but the students' code: which cells are answers, which are given
and what is run is decided by the lab. No code runs here, and no notebook library reads the file.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from introml.grader.lab import Kind, parse
from introml.grader.notebook.assembly import Assembly, Given, LabOutline
from introml.grader.notebook.magics import without_magics
from introml.grader.notebook.notebook_file import RawNotebook, Refused, raw_notebook
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

    `notes` are sentences for the student and the teacher, `flags` for the teacher alone. `missing`
    are the answer cells of which there is nothing.
    """

    cells: tuple[RunCell, ...]
    experiments: dict[str, RunCell]
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Invalid:
    """Why a file cannot be graded: one sentence or two, for the student."""

    message: str


def read_submission(data: bytes, lab: LabOutline) -> Submitted | Invalid:
    """The cells of a notebook that grading runs, or why there are none. Raises nothing."""
    try:
        return _Reading(lab).read(raw_notebook(data))
    except Refused as refused:
        return Invalid(str(refused))


class _Reading:
    """One notebook against one lab."""

    def __init__(self, lab: LabOutline) -> None:
        self._lab = lab
        self._known = {cell.id: cell for cell in lab.cells if cell.is_code}
        self._notes: list[str] = []
        self._flags: list[str] = []

    def read(self, raw: RawNotebook) -> Submitted:
        self._notes += raw.notes
        given = [self._given(cell, number) for number, cell in enumerate(raw.cells, start=1)]
        told = raw.metadata.get("introml")
        released = told if isinstance(told, dict) else {}
        assembly = Assembly(self._lab, given)
        self._refuse_strangers(assembly, released)
        if released and released.get("version") != self._lab.version:
            self._note("The lab has changed since your notebook was released; today's is graded.")
        self._tell_missing(assembly, released)
        self._notes += assembly.notes
        self._flags += assembly.flags
        run: list[RunCell] = []
        experiments: dict[str, RunCell] = {}
        left = self._that_fit(assembly.cells)
        for one in assembly.cells:
            made = self._run_cell(one, fits=one.number in left)
            if made is not None and made.kind == "experiment":
                experiments[made.id] = made
            elif made is not None:
                run.append(made)
        return Submitted(
            tuple(run), experiments, self._some_notes(), tuple(self._flags), assembly.missing
        )

    def _note(self, sentence: str) -> None:
        self._notes.append(sentence)

    def _some_notes(self) -> tuple[str, ...]:
        notes = list(dict.fromkeys(self._notes))
        if len(notes) > _MAX_NOTES:
            more = len(notes) - _MAX_NOTES
            notes = [*notes[:_MAX_NOTES], f"There are {more} more remarks of this kind."]
        return tuple(notes)

    def _given(self, cell: Any, number: int) -> Given:
        cell = cell if isinstance(cell, dict) else {"source": None}
        source = cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            self._note(f"Cell {number} has no text that can be read; it is left out.")
            source = ""
        source = source.replace("\r\n", "\n").replace("\r", "\n")
        metadata = cell.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        nbgrader = metadata.get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        known = None
        # A cell's own id is the grade_id too, as it was released: it serves where metadata is lost.
        # Colab keeps it in the metadata.
        for ident in (grade_id, cell.get("id"), metadata.get("id")):
            if isinstance(ident, str) and known is None:
                known = self._known.get(ident)
        tags = metadata.get("tags")
        tags = tuple(x for x in tags if isinstance(x, str)) if isinstance(tags, list) else ()
        type_ = cell.get("cell_type")
        return Given(number, type_ if isinstance(type_, str) else "", source, tags, known)

    def _refuse_strangers(self, assembly: Assembly, released: dict[str, Any]) -> None:
        """Raise `Refused` for a notebook without a trace of this lab, or of another one.

        Two labs may have a cell of the same name, so one such cell is no trace. A notebook of
        another lab counts if all answers were copied into it, or if the lab was renamed since.
        """
        missing, answers = assembly.missing, self._lab.answers
        none, other = len(missing) == len(answers), released.get("lab")
        if not missing or other == self._lab.name:
            return
        renamed = not none and set(answers) <= set(_released_cells(released))
        if isinstance(other, str) and other.isprintable() and not renamed:
            raise Refused(
                f"This is the notebook of the lab {other[:60]!r}, not of {self._lab.name!r}. "
                "Hand it in there, and your notebook of this lab here."
            )
        if none:
            raise Refused(
                f"The notebook has none of the answer cells of the lab {self._lab.name!r}. Hand in "
                "the notebook that you were given, with your answers written into its cells."
            )

    def _tell_missing(self, assembly: Assembly, released: dict[str, Any]) -> None:
        had, gone = _released_cells(released), []
        for ident in assembly.missing:
            if had and ident not in had:
                self._note(
                    f"The lab asks for {ident!r} since your notebook was released, and your "
                    "notebook does not have that cell. Copy it from today's notebook of the lab "
                    "into yours, write your answer into it, and hand in again."
                )
                self._flags.append(
                    f"Its notebook says that it was released before {ident!r} was asked for."
                )
            else:
                gone.append(repr(ident))
        if len(gone) == 1:
            self._note(
                f"The answer cell {gone[0]} is missing, so nothing of it is graded; all else is. "
                "Copy that cell from a fresh copy of the lab's notebook into yours, write your "
                "answer into it, and hand in again."
            )
        elif gone:
            self._note(
                f"The answer cells {', '.join(gone[:-1])} and {gone[-1]} are missing, so nothing "
                "of them is graded; all else is. Copy those cells from a fresh copy of the lab's "
                "notebook into yours, write your answers into them, and hand in again."
            )

    def _that_fit(self, cells: list[Given]) -> set[int]:
        """The cells whose code is not too much to read, by number: answers before the others."""
        left, fit = MAX_CODE, set()
        for one in sorted(cells, key=lambda one: one.cell is None):
            if len(one.source) <= left:
                fit.add(one.number)
                if one.type == "code":
                    left -= len(one.source)
        return fit

    def _run_cell(self, one: Given, fits: bool) -> RunCell | None:
        """What of a cell runs at grading; `None` for text, checks and cells without code."""
        if one.cell is not None and one.cell.kind is Kind.LOCKED:
            return RunCell(one.cell.id, one.source, "locked")
        if one.type != "code":
            return None
        known = one.cell if one.cell is not None and one.cell.kind is not Kind.FREE else None
        ident = known.id if known else f"cell {one.number}"
        if one.part > 1:
            ident = f"{ident} (part {one.part})"
        kind = "helper" if known is None else str(known.kind)
        if kind == "check":
            return None
        if kind == "helper" and "experiment" in one.tags:
            self._note(f"{cell_label(ident)} is tagged experiment, so it is not run when graded.")
            return None
        if not fits:
            self._note(
                f"{cell_label(ident)} is left out: a notebook may have {MAX_CODE:,} characters of "
                "code. Data belongs in a file or is computed, not written into a cell."
            )
            return None
        if (line := self._odd_line(ident, one.source)) is not None:
            self._note(
                f"{cell_label(ident)}, line {line} has a character that is not text, so the cell "
                "cannot run. Delete that line, type it again, and save."
            )
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

    def _odd_line(self, ident: str, source: str) -> int | None:
        """The first line, from 1, with a character that is no text; flags what hides code."""
        if not source.isascii() and _BIDIRECTIONAL.search(source):
            self._flags.append(
                f"{cell_label(ident)} has characters that make code look other than it is."
            )
        for number, line in enumerate(source.split("\n"), start=1):
            if "\0" in line or (not line.isascii() and _has_surrogate(line)):
                return number
        return None


def _released_cells(released: dict[str, Any]) -> list[str]:
    """The cells that a notebook says it was released with, none where it does not say."""
    cells = released.get("cells")
    found = [x.get("id") for x in cells if isinstance(x, dict)] if isinstance(cells, list) else []
    return [ident for ident in found if isinstance(ident, str)]


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
