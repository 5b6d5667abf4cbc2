"""A lab's solution, from its day on, for a student whose own time to hand in is over."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from introml.grader.authoring import solution_notebook
from introml.grader.lab import Lab
from introml.hub.course import Person, now
from introml.hub.grades import solution_from
from introml.hub.web.context import current_course, current_lab, signed_in

router = APIRouter()


@router.get("/labs/{lab}/solution")
def solution(
    request: Request, lab: Lab = Depends(current_lab), person: Person = Depends(signed_in)
) -> Response:
    """The solution as a notebook, once it is out for this person."""
    with current_course(request).database.reading() as session:
        from_when = solution_from(session, person, lab)
    if now() < from_when:
        raise HTTPException(403, f"The solution is shown from {from_when:%Y-%m-%d %H:%M} UTC.")
    headers = {"Content-Disposition": f'attachment; filename="{lab.name}-solution.ipynb"'}
    return Response(solution_notebook(lab), media_type="application/x-ipynb+json", headers=headers)
