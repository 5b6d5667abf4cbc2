"""A lab's solution, from its day on, for a student whose own time to hand in is over."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from introml.grader.authoring import solution_notebook
from introml.hub.course import clock_words, now
from introml.hub.grades import solution_from
from introml.hub.web.context import CurrentCourse, CurrentLab, SignedIn

router = APIRouter()


@router.get("/labs/{lab}/solution")
def solution(course: CurrentCourse, lab: CurrentLab, person: SignedIn) -> Response:
    """The solution as a notebook, once it is out for this person."""
    with course.database.reading() as session:
        from_when = solution_from(session, person, lab)
    if now() < from_when:
        raise HTTPException(
            403, f"The solution is shown from {clock_words(from_when, course.zone)}."
        )
    headers = {"Content-Disposition": f'attachment; filename="{lab.name}-solution.ipynb"'}
    return Response(solution_notebook(lab), media_type="application/x-ipynb+json", headers=headers)
