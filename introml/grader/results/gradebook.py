"""`grades.csv`: one row a submission, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from introml.grader.results.results import CellError, SubmissionResult, Verdict
from introml.grader.text import one_line

COLUMNS = (
    "submission",
    "student",
    "file",
    "verdict",
    "score",
    "max_score",
    "late",
    "notes",
    "flags",
    "sha256",
    "seed",
    "lab",
    "lab_version",
)
#: A spreadsheet takes a cell that begins so for a formula (full-width forms too, in some).
_FORMULA = tuple("=+-@\t\r\n|%＝＋－＠")


def row(
    result: SubmissionResult, late: str = "", student: str = "", file: str = ""
) -> dict[str, str]:
    """One row; without a student's name, that of the submission stands for it.

    The score of a grader fault is left empty: it is not known, and it is not 0."""
    known = result.verdict != Verdict.FAULT
    return {
        "submission": result.submission,
        "student": student or result.submission,
        "file": file,
        "verdict": str(result.verdict),
        "score": f"{result.score:g}" if known else "",
        "max_score": f"{result.max_score:g}",
        "late": late,
        "notes": "; ".join(
            [
                *([result.message] if result.verdict == Verdict.INVALID else []),
                *(_of_cell(one) for one in result.cell_errors),
                *result.notes,
            ]
        ),
        "flags": "; ".join(sorted({flag.kind for flag in result.flags})),
        "sha256": result.sha256,
        "seed": str(result.seed),
        "lab": result.lab,
        "lab_version": result.lab_version,
    }


def _of_cell(error: CellError) -> str:
    return f"{error.place} ({one_line(error.message, 80)})"


def grades_csv(rows: Iterable[Mapping[str, str]]) -> str:
    """The file's text: a header, then the rows as they come. No cell can act as a formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in rows:
        writer.writerow({name: cell(one[name]) for name in COLUMNS})
    return text.getvalue()


def left_out_csv(rows: Iterable[tuple[str, str]]) -> str:
    """Files that are no submissions, and why, as a file's text; empty without any."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for file, why in rows:
        if not text.tell():
            writer.writerow(("file", "why"))
        writer.writerow((cell(file), cell(why)))
    return text.getvalue()


def cell(value: str) -> str:
    """`value` on one line, with an apostrophe before what a spreadsheet would compute."""
    text = one_line(value, 1000)
    return f"'{text}" if text.startswith(_FORMULA) else text
