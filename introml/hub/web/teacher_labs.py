"""A teacher's pages on a lab: the class, one student's attempts, one grading with its evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from introml.grader.lab import Lab
from introml.grader.results import CellError
from introml.grader.text import plain
from introml.hub.course import (
    BlobDamaged,
    Course,
    Event,
    Grading,
    LabSchedule,
    Override,
    Person,
    Submission,
)
from introml.hub.grades import (
    Standing,
    class_standing,
    current_grading,
    decisions,
    exports,
    extension_of,
    overview,
    regrades,
)
from introml.hub.grades.standing import standing
from introml.hub.people import people
from introml.hub.web.context import CurrentCourse, CurrentLab
from introml.hub.web.teacher_page import (
    Name,
    RowId,
    SubmissionId,
    is_called,
    paged,
    teacher_page,
)

pages = APIRouter()
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_MOST_EVENTS = 20
_MOST_ERRORS = 50
#: How much of a text of evidence is shown.
_SHOWN = 20_000

#: Which rows of a lab's page can be chosen, by the word in its address.
SHOWN: dict[str, tuple[str, Callable[[Standing], bool]]] = {
    "all": ("All students", lambda one: True),
    "person": ("Need a person", lambda one: one.needs_a_person),
    "waiting": ("Wait to be graded", lambda one: one.waiting),
    "in": ("Handed in", lambda one: bool(one.submissions)),
    "none": ("Handed nothing in", lambda one: not one.submissions),
    "late": ("Late", lambda one: any(factor < 1 for factor in one.late.values())),
    "override": ("Grade set by hand", lambda one: one.override is not None),
}
_SORTED: dict[str, Callable[[Standing], Any]] = {
    "name": lambda one: (one.person.full_name or one.person.name).casefold(),
    "grade": lambda one: -1.0 if one.grade is None else one.grade,
    "time": lambda one: overview.last_seen(one) or _LONG_AGO,
    "attempts": lambda one: one.used,
}


@pages.get("/labs/{lab}")
def lab_page(
    request: Request,
    course: CurrentCourse,
    lab: CurrentLab,
    show: str = "all",
    sort: str = "name",
    q: str = "",
    page: str = "1",
) -> Response:
    """The class in one lab: scores, the hardest checks, what needs a person, a row a student."""
    show = show if show in SHOWN else "all"
    key = sort.removeprefix("-")
    sort, key = (sort, key) if key in _SORTED else ("name", "name")
    with course.database.reading() as session:
        everyone = class_standing(session, lab)
        points = exports.points_of(course, lab)
        grades = [one.grade for one in everyone if one.grade is not None]
        rows = [one for one in everyone if SHOWN[show][1](one) and is_called(one.person, q)]
        rows.sort(key=_SORTED[key], reverse=sort.startswith("-"))
        runs = [
            regrades.regrade(session, lab, one.id, everyone)
            for one in regrades.regrades(session, lab)
        ]
        return teacher_page(
            request,
            "teach_lab.html",
            lab=lab,
            points=points,
            dates=decisions.dates_now(session.get(LabSchedule, lab.name)),
            counts={word: sum(map(test, everyone)) for word, (_, test) in SHOWN.items()},
            shown=SHOWN,
            show=show,
            sort=sort,
            q=q,
            bars=overview.histogram(grades, points),
            median=overview.median(grades),
            graded=len(grades),
            checks=overview.hardest_checks(session, everyone),
            list=paged([_row(one) for one in rows], page),
            runs=runs,
            forms=exports.FORMS,
        )


@pages.get("/labs/{lab}/regrades/{number}")
def regrade_page(
    request: Request, course: CurrentCourse, number: RowId, lab: CurrentLab
) -> Response:
    """How a regrade of the lab stands, and whose grade it changed."""
    with course.database.reading() as session:
        run = regrades.regrade(session, lab, number, class_standing(session, lab))
        if run is None:
            raise HTTPException(404, "There is no such regrade of this lab.")
        changes = paged(run.changes, request.query_params.get("page"))
        return teacher_page(request, "teach_regrade.html", lab=lab, run=run, list=changes)


@pages.get("/labs/{lab}/people/{name}")
def student_page(request: Request, course: CurrentCourse, name: Name, lab: CurrentLab) -> Response:
    """One student in one lab: all attempts and all gradings, and what a teacher can do."""
    with course.database.reading() as session:
        person = people.find(session, name)
        if person is None:
            raise HTTPException(404, "Nobody on the roster is called so.")
        found = standing(session, person, lab)
        return teacher_page(
            request,
            "teach_student.html",
            lab=lab,
            student=person,
            standing=found,
            points=exports.points_of(course, lab),
            attempts=[_attempt(found, one) for one in reversed(found.submissions)],
            extension=extension_of(session, person, lab),
            overrides=list(
                session.scalars(
                    sa.select(Override)
                    .filter_by(person_id=person.id, lab=lab.name)
                    .order_by(Override.id.desc())
                    .limit(_MOST_EVENTS)
                )
            ),
            events=_events(session, person, lab),
        )


@pages.get("/gradings/{grading}")
def grading_page(request: Request, course: CurrentCourse, grading: RowId) -> Response:
    """One grading: each check, and the evidence that students never see."""
    with course.database.reading() as session:
        row = session.get(Grading, grading)
        if row is None or not row.result:
            raise HTTPException(404, "There is no such grading, or it is not done.")
        submission = row.submission
        node = json.loads(row.result)
        return teacher_page(
            request,
            "teach_grading.html",
            grading=row,
            submission=submission,
            student=submission.person,
            lab_title=_title(course, submission.lab),
            is_current=current_grading(submission) is row,
            result=node,
            flags=[
                {"kind": one["kind"], "evidence": plain(one["evidence"], _SHOWN)}
                for one in node.get("flags", [])
            ],
            errors=[
                (one["cell"], plain(CellError(**one).words, _SHOWN))
                for one in node.get("cell_errors", [])[:_MOST_ERRORS]
            ],
            output=plain(node.get("public_output", ""), _SHOWN),
            evidence=_evidence(node),
        )


@pages.get("/submissions/{submission}/notebook")
def notebook(course: CurrentCourse, submission: SubmissionId) -> Response:
    """The file that was handed in, to be saved: never shown by the browser, whatever is in it."""
    with course.database.reading() as session:
        row = session.get(Submission, submission)
        if row is None:
            raise HTTPException(404, "There is no such submission.")
        name = f"{row.lab}-{row.person.name}-{row.number}.ipynb"
        sha256 = row.sha256
    try:
        data = course.blobs.read(sha256)
    except BlobDamaged as damaged:
        raise HTTPException(500, str(damaged)) from damaged
    return Response(
        data,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


def _row(one: Standing) -> dict[str, Any]:
    newest = one.submissions[-1] if one.submissions else None
    grading = None if newest is None else current_grading(newest)
    late = one.late.get(newest.id, 1.0) if newest is not None else 1.0
    return {"standing": one, "newest": newest, "grading": grading, "late": late}


def _attempt(found: Standing, submission: Submission) -> dict[str, Any]:
    current = current_grading(submission)
    return {
        "submission": submission,
        "late": found.late[submission.id],
        "current": current,
        "gradings": list(reversed(submission.gradings)),
        "waits": any(one.state in ("waiting", "leased") for one in submission.gradings),
    }


def _evidence(node: dict[str, Any]) -> list[tuple[str, str]]:
    """What only teachers see, as titles and texts."""
    found = []
    for title, value in (
        ("Tracebacks and other evidence", node.get("teacher")),
        ("Measured", node.get("measured")),
        ("Environment", node.get("environment")),
    ):
        for key, one in sorted((value or {}).items()):
            words = one if isinstance(one, str) else json.dumps(one, indent=1, ensure_ascii=False)
            found.append((f"{title}: {key}", plain(words, _SHOWN)))
    return found


def _events(session: Session, person: Person, lab: Lab) -> Sequence[Event]:
    wanted = sa.select(Event).filter_by(person=person.name, lab=lab.name)
    return list(session.scalars(wanted.order_by(Event.id.desc()).limit(_MOST_EVENTS)))


def _title(course: Course, lab: str) -> str:
    found = course.labs.get(lab)
    return lab if found is None else found.title
