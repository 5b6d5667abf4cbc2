"""A teacher's pages on the whole course: its labs at a glance, the log, the files of grades."""

from __future__ import annotations

import re

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from introml.grader.lab import Lab
from introml.hub.course import Course, Event, Person, now
from introml.hub.grades import exports, overview
from introml.hub.web.context import CurrentCourse, CurrentLab
from introml.hub.web.service_health import whole_state
from introml.hub.web.teacher_page import ROWS, teacher_page

pages = APIRouter()
_NAME = re.compile(r"[a-z0-9-]{1,100}")


@pages.get("")
@pages.get("/")
def course_page(request: Request, course: CurrentCourse) -> Response:
    """All labs: who handed in, what waits, what needs a person."""
    with course.database.reading() as session:
        students, summaries = overview.lab_summaries(session, course)
    return teacher_page(
        request,
        "teach_course.html",
        students=students,
        summaries=summaries,
        forms=exports.FORMS,
        worries=whole_state(request.app).worries,
    )


@pages.get("/health")
def health_page(request: Request) -> Response:
    """Workers, servers, limits and disks: what is so, and what needs a look."""
    state = whole_state(request.app)
    return teacher_page(request, "teach_health.html", lines=state.lines, worries=state.worries)


@pages.get("/log")
def log_page(
    request: Request, course: CurrentCourse, person: str = "", lab: str = "", before: str = ""
) -> Response:
    """Who did what to whom, and when: the newest first, of one person or lab if asked for."""
    wanted = sa.select(Event).order_by(Event.id.desc()).limit(ROWS + 1)
    for name, value in (("person", person), ("lab", lab)):
        if value:
            wanted = wanted.where(getattr(Event, name) == (value if _is_name(value) else None))
    if before.isascii() and before.isdigit() and len(before) < 10:
        wanted = wanted.where(Event.id < int(before))
    with course.database.reading() as session:
        events = list(session.scalars(wanted))
    more = events[ROWS - 1].id if len(events) > ROWS else None
    return teacher_page(
        request, "teach_log.html", events=events[:ROWS], more=more, whose=person, of_lab=lab
    )


@pages.get("/exports/course/{form}.csv")
def export_course(course: CurrentCourse, form: str) -> Response:
    """The grades of all labs in one of the forms."""
    return _export(course, form, list(course.labs.values()), "course")


@pages.get("/exports/labs/{lab}/{form}.csv")
def export_lab(course: CurrentCourse, form: str, lab: CurrentLab) -> Response:
    """The grades of one lab in one of the forms."""
    return _export(course, form, [lab], lab.name)


@pages.get("/exports/roster/roster.csv")
def export_roster(course: CurrentCourse) -> Response:
    """The roster in our own form, which an import takes back."""
    return csv_file(exports.roster(_active(course)), "roster.csv")


@pages.get("/exports/roster/gradescope.csv")
def export_roster_for_gradescope(course: CurrentCourse) -> Response:
    """The roster in Gradescope's form."""
    return csv_file(exports.gradescope_roster(_active(course)), "roster-gradescope.csv")


def _active(course: Course) -> list[Person]:
    with course.database.reading() as session:
        return list(session.scalars(sa.select(Person).filter_by(active=True).order_by("name")))


def csv_file(text: str, name: str) -> Response:
    """A file to be saved, not shown."""
    return Response(
        text.encode("utf-8"),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _export(course: Course, form: str, labs: list[Lab], scope: str) -> Response:
    if form not in exports.FORMS:
        allowed = ", ".join(exports.FORMS)
        raise HTTPException(404, f"There is no export {form!r}; there are: {allowed}.")
    with course.database.reading() as session:
        columns = [exports.column(session, course, lab) for lab in labs]
        text = exports.FORMS[form][1](columns)
    return csv_file(text, f"{scope}-{form}-{now():%Y-%m-%d}.csv")


def _is_name(value: str) -> bool:
    return _NAME.fullmatch(value) is not None
