"""Grades as files that other systems read: Canvas, Moodle, Gradescope, and a plain one of all.

No cell of theirs can act as a formula in a spreadsheet, whatever a student's name is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from introml.grader.lab import Lab
from introml.grader.results import cell
from introml.hub.course import Course, Grading, Person, Submission
from introml.hub.grades.standing import Standing, class_standing
from introml.hub.grades.submissions import current_grading
from introml.hub.people import login_of

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")


class _Ours(str):
    """A text that this module writes, as it must be: no person's, so it needs no defusing."""


#: The byte order mark, without which Excel takes a file for Latin-1 and spoils the names.
_FOR_EXCEL = "\ufeff"
_POINTS = _Ours("    Points Possible")
_NOTHING = _Ours("-")


@dataclass(frozen=True)
class Column:
    """A lab's grades: the points to be had in it, and where each student stands, by name."""

    lab: Lab
    points: float
    standings: tuple[Standing, ...]


def column(session: Session, course: Course, lab: Lab) -> Column:
    """The grades of one lab."""
    return Column(lab, points_of(course, lab), tuple(class_standing(session, lab)))


def points_of(course: Course, lab: Lab) -> float:
    """What all checks that count here give together: those for a GPU only where one grades."""
    on_gpu = lab.name in course.settings.gpu_labs
    return round(sum(x.points for x in lab.check_list() if on_gpu or x.tier == "cpu"), 6)


def canvas(columns: Sequence[Column]) -> str:
    """A gradebook for Canvas: Grades, Import.

    Canvas wants the columns Student, ID, SIS User ID, SIS Login ID and Section in this order, then
    the assignments, whose points are in a row "Points Possible". It looks for a student by ID
    (`lms_id`), then by SIS Login ID (`lms_login`, or what they sign in by), then by name; an
    assignment that it does not know becomes a new one. An empty cell is no grade.
    Source: the importer itself, github.com/instructure/canvas-lms, lib/gradebook_importer.rb, and
    its examples in spec/lib/gradebook_importer_spec.rb. A byte order mark does it no harm.
    """
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    rows: list[list[object]] = [
        [*head, *(one.lab.title for one in columns)],
        [_POINTS, "", "", "", "", *(one.points for one in columns)],
    ]
    for person, grades in _by_person(columns):
        login = person.lms_login or login_of(person)
        name = person.full_name or person.name
        rows.append([name, person.lms_id, "", login, "", *grades])
    return _FOR_EXCEL + _written(rows)


def moodle(columns: Sequence[Column]) -> str:
    """Grades for Moodle: Grades, Import, CSV file.

    Moodle finds a student by one column, which the teacher chooses: ID number (`lms_id`), Email
    address, or Username (`lms_login`, or what they sign in by); the teacher maps each of the others
    to a grade item, or to a new one. All rows have as many cells as the first. "-" is no grade.
    Source: docs.moodle.org/en/Grade_import, and the importer itself, github.com/moodle/moodle,
    grade/import/csv/classes/load_data.php with its examples in grade/import/csv/tests. It drops a
    byte order mark.
    """
    head = ["Full name", "Username", "ID number", "Email address"]
    rows: list[list[object]] = [[*head, *(f"Assignment: {one.lab.title}" for one in columns)]]
    for person, grades in _by_person(columns):
        login = person.lms_login or login_of(person)
        name = person.full_name or person.name
        cells = [_NOTHING if grade is None else grade for grade in grades]
        rows.append([name, login, person.lms_id, person.email, *cells])
    return _FOR_EXCEL + _written(rows)


def gradescope(columns: Sequence[Column]) -> str:
    """Scores in the columns of Gradescope's own scores file; of several labs, one below the other.

    Gradescope itself imports rosters but no scores from elsewhere (there, scores come from its
    autograders' results.json, which `introml grade` writes). What reads Gradescope's files reads
    this one. With one lab the columns are exactly Gradescope's; with more, the first is Assignment.
    """
    head = [
        "Name", "SID", "Email", "Total Score", "Max Points", "Status", "Submission ID",
        "Submission Time", "Lateness (H:M:S)",
    ]  # fmt: skip
    several = len(columns) != 1
    rows: list[list[object]] = [["Assignment", *head] if several else [*head]]
    for one in columns:
        for standing in one.standings:
            person = standing.person
            row: list[object] = [person.full_name or person.name, person.lms_id, person.email]
            newest = standing.submissions[-1] if standing.submissions else None
            if newest is None:
                row += [standing.grade, one.points, "Missing", "", "", ""]
            else:
                status = "Ungraded" if standing.grade is None else "Graded"
                at = newest.submitted_at
                late = _hours(at - standing.rules.due_at if standing.rules.due_at else timedelta())
                row += [standing.grade, one.points, status, newest.id]
                row += [f"{at.astimezone(one.lab.settings.zone):%Y-%m-%d %H:%M:%S %z}", late]
            rows.append([one.lab.title, *row] if several else row)
    return _written(rows)


def gradescope_roster(people: Sequence[Person]) -> str:
    """A roster for Gradescope: Roster, Add Students or Staff, CSV File.

    It wants a header, a name and an email address that no other row has; SID and Role are known
    too. People without an address are left out: Gradescope would refuse the file.
    Source: Gradescope's guide, Adding Students and Staff
    (guides.gradescope.com/hc/en-us/articles/21926598776333).
    """
    roles = {"student": "Student", "teacher": "Instructor"}
    rows: list[list[object]] = [["Name", "Email", "SID", "Role"]]
    seen = set()
    for person in people:
        address = person.email.lower()
        if address and address not in seen:
            seen.add(address)
            name = person.full_name or person.name
            rows.append([name, person.email, person.lms_id, roles[person.role]])
    return _written(rows)


def roster(people: Sequence[Person]) -> str:
    """The roster as an import takes it, for a spreadsheet. A name of ours that was made is none."""
    columns = ("full_name", "email", "role", "lms_id", "lms_login")
    rows: list[list[object]] = [["name", *columns]]
    for person in people:
        name = person.login or ("" if person.email else person.name)
        rows.append([name, *(getattr(person, column) for column in columns)])
    return _FOR_EXCEL + _written(rows)


def everything(columns: Sequence[Column]) -> str:
    """One row for each student in each lab, with how the grade came about. For spreadsheets."""
    rows: list[list[object]] = [list(_ALL)]
    rows += [
        [value(one, standing) for value in _ALL.values()]
        for one in columns
        for standing in one.standings
    ]
    return _FOR_EXCEL + _written(rows)


def _newest(standing: Standing) -> Submission | None:
    return standing.submissions[-1] if standing.submissions else None


def _graded(standing: Standing) -> Grading | None:
    newest = _newest(standing)
    return None if newest is None else current_grading(newest)


def _local(column: Column, at: datetime | None) -> datetime | None:
    """A moment by the course's clocks; in the file it is ISO 8601 with its offset."""
    return at and at.astimezone(column.lab.settings.zone)


def _of_newest(name: str) -> Callable[[Column, Standing], object]:
    return lambda column, standing: getattr(_newest(standing), name, "")


def _of_grading(name: str) -> Callable[[Column, Standing], object]:
    return lambda column, standing: getattr(_graded(standing), name, "")


_ALL: dict[str, Callable[[Column, Standing], object]] = {
    "lab": lambda column, standing: column.lab.name,
    "name": lambda column, standing: login_of(standing.person),
    "full_name": lambda column, standing: standing.person.full_name,
    "email": lambda column, standing: standing.person.email,
    "lms_id": lambda column, standing: standing.person.lms_id,
    "lms_login": lambda column, standing: standing.person.lms_login,
    "grade": lambda column, standing: standing.grade,
    "points": lambda column, standing: column.points,
    "computed": lambda column, standing: standing.computed,
    "override": lambda column, standing: standing.override and standing.override.score,
    "override_by": lambda column, standing: standing.override and standing.override.by,
    "override_reason": lambda column, standing: standing.override and standing.override.reason,
    "due": lambda column, standing: _local(column, standing.rules.due_at),
    "attempts_used": lambda column, standing: float(standing.used),
    "last_submission": _of_newest("id"),
    "last_submitted": lambda column, standing: _local(
        column, getattr(_newest(standing), "submitted_at", None)
    ),
    "last_late_factor": lambda column, standing: standing.late.get(
        getattr(_newest(standing), "id", "")
    ),
    "last_verdict": _of_grading("verdict"),
    "last_score": _of_grading("score"),
    "last_max_score": _of_grading("max_score"),
    "last_lab_version": _of_grading("lab_version"),
}

#: The forms of an export: what a teacher calls it, and what writes it.
FORMS: dict[str, tuple[str, Callable[[Sequence[Column]], str]]] = {
    "canvas": ("Canvas", canvas),
    "moodle": ("Moodle", moodle),
    "gradescope": ("Gradescope", gradescope),
    "everything": ("Everything", everything),
}


def _by_person(columns: Sequence[Column]) -> list[tuple[Person, list[float | None]]]:
    grades = [{x.person.id: x for x in one.standings} for one in columns]
    people = {x.person.id: x.person for one in columns for x in one.standings}
    return [
        (person, [one[key].grade if key in one else None for one in grades])
        for key, person in people.items()
    ]


def _written(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: object) -> str:
    """A cell's text, with an apostrophe before what a spreadsheet would compute."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{round(value, 4):.10g}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = str(value)
    return text if isinstance(value, _Ours) or _NUMBER.fullmatch(text) else cell(text)


def _hours(late: timedelta) -> str:
    seconds = max(0, int(late.total_seconds()))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
