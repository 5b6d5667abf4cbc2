"""What students' tools ask over HTTP, with the token of their server: hand in, and see how it went.

Cookies mean nothing here, so no page of another site can make a browser hand in.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from introml.hub.grades import NotAccepted, Why, hand_in, look_at, progress_of
from introml.hub.web import phrases
from introml.hub.web.concurrency_limit import receiving
from introml.hub.web.context import CurrentCourse, CurrentLab, TokenUser, own_submission

router = APIRouter(prefix="/api")


@router.post("/labs/{lab}/submissions")
async def submit(
    request: Request,
    person: TokenUser,
    course: CurrentCourse,
    lab: CurrentLab,
    file_name: str = "",
) -> JSONResponse:
    """Hand in the notebook in the body: 201 and its receipt, or 200 for what is there already."""
    async with receiving(request, person):
        data = await request.body()
    try:
        async with request.app.state.looked_at.one(person):
            done = await run_in_threadpool(
                hand_in, course, person.name, lab, file_name or f"{lab.name}.ipynb", data, look_at
            )
    except NotAccepted as problem:
        status = 413 if problem.refusal.why is Why.TOO_LARGE else 409
        words = str(phrases.refusal_words(problem.refusal).striptags())
        raise HTTPException(status, words) from None
    state = request.app.state
    page = f"{state.public_url or state.prefix}submissions/{done.submission}"
    return JSONResponse({"receipt": done.receipt, "page": page}, 201 if done.new else 200)


@router.get("/submissions/{submission}")
def progress(person: TokenUser, course: CurrentCourse, submission: str) -> dict[str, Any]:
    """How far the grading of one's own submission is; 404 for any other."""
    with course.database.reading() as session:
        known = progress_of(session, own_submission(session, person, submission))
    return vars(known).copy()
