"""What a teacher's forms do to labs and grades. Each ends on the page that it came from."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from introml.grader.lab import Lab
from introml.hub.course import Grading, Person, Submission
from introml.hub.grades import Dates, decisions, regrades
from introml.hub.web.context import (
    current_course,
    current_lab,
    form_checked,
    points,
    teacher,
)
from introml.hub.web.teacher_page import (
    Name,
    RowId,
    SubmissionId,
    count_in,
    decide,
    moment_in,
    number_in,
    text,
)

forms = APIRouter()


@forms.post("/labs/{lab}/dates")
def set_dates(
    request: Request,
    lab: Lab = Depends(current_lab),
    form: FormData = Depends(form_checked),
    person: Person = Depends(teacher),
) -> Response:
    """Set when a lab opens, is due, closes, and shows feedback and solutions."""

    def act() -> str:
        dates = Dates(
            opens_at=moment_in(form, "opens_at", "“Opens”"),
            due_at=moment_in(form, "due_at", "“Due”"),
            closes_at=moment_in(form, "closes_at", "“Closes”"),
            feedback_at=moment_in(form, "feedback_at", "“Feedback from”"),
            solutions_at=moment_in(form, "solutions_at", "“Solutions from”"),
        )
        changes = decisions.set_dates(current_course(request), person.name, lab, dates)
        return f"Dates changed: {'; '.join(changes)}." if changes else "The dates are as before."

    return decide(request, f"teach/labs/{lab.name}", act)


@forms.post("/labs/{lab}/regrade")
def regrade_all(
    request: Request,
    lab: Lab = Depends(current_lab),
    form: FormData = Depends(form_checked),
    person: Person = Depends(teacher),
) -> Response:
    """Queue all submissions of a lab again."""

    def act() -> str:
        course = current_course(request)
        _, count = regrades.regrade_all(course, person.name, lab, text(form, "reason"))
        plural = "submission is" if count == 1 else "submissions are"
        return f"{count} {plural} graded again. What changes is listed here, under Regrades."

    return decide(request, f"teach/labs/{lab.name}", act)


@forms.post("/labs/{lab}/people/{name}/override")
def override(
    request: Request,
    name: Name,
    lab: Lab = Depends(current_lab),
    form: FormData = Depends(form_checked),
    person: Person = Depends(teacher),
) -> Response:
    """Set a grade by hand."""

    def act() -> str:
        score = number_in(form, "score", "The grade")
        course = current_course(request)
        decisions.override(course, person.name, name, lab, score, text(form, "reason"))
        return f"The grade is {points(score)} now, set by you."

    return decide(request, _student(lab, name), act)


@forms.post("/labs/{lab}/people/{name}/take-back")
def take_back(
    request: Request,
    name: Name,
    lab: Lab = Depends(current_lab),
    form: FormData = Depends(form_checked),
    person: Person = Depends(teacher),
) -> Response:
    """Let the computed grade count again."""

    def act() -> str:
        course = current_course(request)
        decisions.take_back_override(course, person.name, name, lab, text(form, "reason"))
        return "The computed grade counts again."

    return decide(request, _student(lab, name), act)


@forms.post("/labs/{lab}/people/{name}/extension")
def extension(
    request: Request,
    name: Name,
    lab: Lab = Depends(current_lab),
    form: FormData = Depends(form_checked),
    person: Person = Depends(teacher),
) -> Response:
    """Give someone more time or further attempts, or take that back."""

    def act() -> str:
        due_at = moment_in(form, "due_at", "“Due”")
        more = count_in(form, "more_attempts", "“Further attempts”")
        decisions.extend(
            current_course(request), person.name, name, lab,
            due_at=due_at, more_attempts=more, reason=text(form, "reason"),
        )  # fmt: skip
        return "Extension saved." if due_at or more else "The extension is taken back."

    return decide(request, _student(lab, name), act)


@forms.post("/submissions/{submission}/regrade")
def regrade_one(
    request: Request,
    submission: SubmissionId,
    form: FormData = Depends(form_checked),
    person: Person = Depends(teacher),
) -> Response:
    """Queue one submission again."""
    course = current_course(request)
    with course.database.reading() as session:
        found = session.get(Submission, submission)
        if found is None:
            raise HTTPException(404, "There is no such submission.")
        lab, name, number = found.lab, found.person.name, found.number

    def act() -> str:
        regrades.regrade_one(course, person.name, submission, text(form, "reason"))
        return f"Attempt {number} is graded again. What it was graded before stays below."

    return decide(request, f"teach/labs/{lab}/people/{name}", act)


@forms.post("/gradings/{grading}/looked-at")
def looked_at(
    request: Request,
    grading: RowId,
    form: FormData = Depends(form_checked),
    person: Person = Depends(teacher),
) -> Response:
    """Say that what was flagged has been looked at."""
    course = current_course(request)
    with course.database.reading() as session:
        found = session.get(Grading, grading)
        if found is None:
            raise HTTPException(404, "There is no such grading.")
        lab, name = found.submission.lab, found.submission.person.name

    def act() -> str:
        decisions.looked_at(course, person.name, grading, text(form, "reason"))
        return "Noted in the log. The evidence stays with the grading."

    return decide(request, f"teach/labs/{lab}/people/{name}", act)


def _student(lab: Lab, name: str) -> str:
    return f"teach/labs/{lab.name}/people/{name}"
