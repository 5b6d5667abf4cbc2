"""What students' tools ask over HTTP, by their server's token: hand in, how it went, have it back.

Cookies mean nothing here, so no page of another site can make a browser hand in.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from introml.hub.course import Submission
from introml.hub.grades import NotAccepted, Why, hand_in, look_at, progress_of
from introml.hub.web import phrases
from introml.hub.web.concurrency_limit import receiving
from introml.hub.web.context import (
    CurrentCourse,
    CurrentLab,
    TokenUser,
    own_submission,
    submitted_data,
)

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
        words = str(phrases.refusal_words(problem.refusal, course.zone).striptags())
        raise HTTPException(status, words) from None
    state = request.app.state
    page = f"{state.public_url or state.prefix}submissions/{done.submission}"
    return JSONResponse({"receipt": done.receipt, "page": page}, 201 if done.new else 200)


@router.get("/labs/{lab}/submissions")
def submissions(person: TokenUser, course: CurrentCourse, lab: CurrentLab) -> dict[str, Any]:
    """One's own attempts at a lab, the newest last."""
    query = sa.select(Submission).filter_by(person_id=person.id, lab=lab.name)
    with course.database.reading() as session:
        told = [
            {
                "submission": one.id,
                "number": one.number,
                "submitted_at": one.submitted_at.isoformat(),
                "sha256": one.sha256,
            }
            for one in session.scalars(query.order_by(Submission.number))
        ]
    return {"submissions": told}


@router.get("/submissions/{submission}/file")
def submitted_file(person: TokenUser, course: CurrentCourse, submission: str) -> Response:
    """The bytes that were handed in; 404 for anyone else's."""
    with course.database.reading() as session:
        sha256 = own_submission(session, person, submission).sha256
    return Response(submitted_data(course, sha256), media_type="application/octet-stream")


@router.get("/submissions/{submission}")
def progress(person: TokenUser, course: CurrentCourse, submission: str) -> dict[str, Any]:
    """How far the grading of one's own submission is; 404 for any other."""
    with course.database.reading() as session:
        known = progress_of(session, own_submission(session, person, submission))
    return vars(known).copy()
