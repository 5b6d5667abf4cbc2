"""A lab's solution, from its day on, for a student whose own time to hand in is over."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from introml.grader.authoring import solution_notebook
from introml.grader.lab import Lab
from introml.hub.course import LabSchedule, Person, now
from introml.hub.grades import Rules, rules_for
from introml.hub.web.context import current_course, current_lab, signed_in

router = APIRouter()


def solution_from(lab: Lab, dates: LabSchedule | None, rules: Rules) -> datetime:
    """When a student with these rules may see the solution.

    Not before the lab's own day, or the teacher's for this course; nor while this student, with an
    extension perhaps, may still hand in something in time.
    """
    out = dates.solutions_at if dates is not None else None
    if out is None:
        out = datetime.combine(lab.settings.solutions_from, time(), UTC)
    grace = timedelta(minutes=lab.settings.late.grace_minutes)
    return max([out, *(at + grace for at in (rules.due_at, rules.closes_at) if at is not None)])


def solution_of(session: Session, lab: Lab, person: Person) -> datetime:
    """When this person may see the solution; a teacher always may."""
    if person.role == "teacher":
        return datetime.min.replace(tzinfo=UTC)
    return solution_from(lab, session.get(LabSchedule, lab.name), rules_for(session, person, lab))


@router.get("/labs/{lab}/solution")
def solution(
    request: Request, lab: Lab = Depends(current_lab), person: Person = Depends(signed_in)
) -> Response:
    """The solution as a notebook, once it is out for this person."""
    with current_course(request).database.reading() as session:
        from_when = solution_of(session, lab, person)
    if now() < from_when:
        raise HTTPException(403, f"The solution is shown from {from_when:%Y-%m-%d %H:%M} UTC.")
    headers = {"Content-Disposition": f'attachment; filename="{lab.name}-solution.ipynb"'}
    return Response(solution_notebook(lab), media_type="application/x-ipynb+json", headers=headers)
