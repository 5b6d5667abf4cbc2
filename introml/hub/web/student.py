"""A student's pages: the labs, one lab, one submission."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from sqlalchemy.orm import Session
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from introml.grader.authoring import starter_notebook
from introml.grader.lab import Lab
from introml.grader.results import feedback_html, from_json, late_factor
from introml.hub.course import Course, Grading, Person, Submission, now
from introml.hub.grades import (
    NotAccepted,
    Standing,
    Why,
    current_grading,
    extension_of,
    feedback_from,
    hand_in,
    look_at,
    progress_of,
    receipt_of,
    refusal_now,
    solution_from,
    waiting_of,
)
from introml.hub.grades.standing import standing
from introml.hub.web import phrases
from introml.hub.web.book import Book
from introml.hub.web.context import (
    CurrentCourse,
    CurrentLab,
    SentForm,
    SignedIn,
    form_checked,
    own_submission,
    page,
    see,
    submitted_data,
)
from introml.hub.web.service_health import server_notes

router = APIRouter()

#: What a browser is told to do with a student's own bytes: nothing but to keep them.
_AS_A_FILE = {"Content-Security-Policy": "default-src 'none'; sandbox"}
#: The feedback is one page with styles inside; nothing in it runs, and nothing is fetched by it.
_AS_FEEDBACK = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}


@router.get("/")
def landing(request: Request, person: SignedIn, course: CurrentCourse) -> Response:
    """Where one comes in: a teacher to the teacher's pages, a student to the labs."""
    if person.role == "teacher":
        return see(request, "teach")
    return labs_page(request, person, course)


@router.get("/labs")
def labs_page(request: Request, person: SignedIn, course: CurrentCourse) -> Response:
    """The labs of the course, and where this person stands in each."""
    at = now()
    with course.database.reading() as session:
        rows, waiting = [], waiting_of(session, person)
        for lab in course.labs.values():
            found = standing(session, person, lab)
            refusal = refusal_now(lab, found.rules, found.used, waiting, at)
            rows.append((lab, found, phrases.next_step(found, refusal)))
        notes = server_notes(request.app, session, person)
        return page(request, "home.html", rows=rows, urgent=_most_urgent(rows), notes=notes)


@router.post("/sign-out", dependencies=[Depends(form_checked)])
def sign_out(request: Request) -> Response:
    """End this browser's session, here and at JupyterHub."""
    return request.app.state.identify.end(request)


@router.get("/labs/{lab}")
def lab_page(
    request: Request, course: CurrentCourse, lab: CurrentLab, person: SignedIn
) -> Response:
    """One lab: its rules, what this person handed in, and a form to hand in."""
    return _lab_page(request, course, lab, person)


@router.get("/labs/{lab}/notebook")
def notebook(person: SignedIn, course: CurrentCourse, lab: CurrentLab) -> Response:
    """The lab's notebook as it is handed out, once the lab is open."""
    with course.database.reading() as session:
        opens = _still_to_open(standing(session, person, lab), now())
    if opens is not None and person.role != "teacher":
        raise HTTPException(403, "This lab is not open yet. Its page says when it opens.")
    return Response(
        starter_notebook(lab),
        media_type="application/x-ipynb+json",
        headers=_attached(f"{lab.name}.ipynb"),
    )


@router.post("/labs/{lab}/submissions")
async def hand_in_by_form(
    request: Request,
    course: CurrentCourse,
    lab: CurrentLab,
    person: SignedIn,
    form: SentForm,
) -> Response:
    """Hand in the file of the form, and go to its page; or say on the lab's page why not.

    One in which answer cells are missing is taken when it is chosen a second time.
    """
    given, again = form.get("notebook"), ""
    if not isinstance(given, UploadFile) or not given.filename:
        words = Markup("Choose your notebook's file first.")
        return await run_in_threadpool(_lab_page, request, course, lab, person, words)
    data = await given.read()
    sha256 = hashlib.sha256(data).hexdigest()
    look = partial(look_at, all_answers=form.get("as_it_is") != sha256)
    try:
        async with request.app.state.looked_at.one(person):
            done = await run_in_threadpool(
                hand_in, course, person.name, lab, given.filename, data, look
            )
    except NotAccepted as problem:
        words = phrases.refusal_words(problem.refusal, course.zone)
        again = sha256 if problem.refusal.why is Why.ANSWERS_MISSING else ""
        return await run_in_threadpool(_lab_page, request, course, lab, person, words, again)
    return see(request, f"submissions/{done.submission}")


@router.get("/submissions/{submission}")
def submission_page(
    request: Request, person: SignedIn, course: CurrentCourse, submission: str
) -> Response:
    """One submission: how far it is, its verdict, its feedback and its receipt."""
    with course.database.reading() as session:
        one = own_submission(session, person, submission)
        lab = course.labs.get(one.lab)
        shown = next(
            x
            for x in phrases.attempts_shown(standing(session, person, lab))
            if x.submission.id == one.id
        ) if lab else None  # fmt: skip
        known = progress_of(session, one)
        return page(
            request,
            "submission.html",
            one=one,
            lab_title=lab.title if lab else one.lab,
            shown=shown,
            known=known,
            said=phrases.said_of(known),
            feedback_at=_feedback_at(session, one),
            again=known.state == "done" and any(g.state != "done" for g in _open(one)),
        )


@router.get("/submissions/{submission}/events")
async def submission_events(
    request: Request, person: SignedIn, course: CurrentCourse, submission: str
) -> Response:
    """How far the grading is, as server-sent events: `said`, and at the end `done`."""
    await run_in_threadpool(_check_own, course, person, submission)
    watcher, followed = request.app.state.watcher, request.app.state.followed
    followed.refuse_one_too_many(person)

    async def events() -> AsyncIterator[dict[str, str]]:
        async with followed.one(person), aclosing(watcher.follow(submission)) as changes:
            async for known in changes:
                event = "done" if known.state == "done" else "said"
                yield {"event": event, "data": phrases.progress_words(known)}

    return EventSourceResponse(events(), headers={"X-Accel-Buffering": "no"})


@router.get("/submissions/{submission}/feedback")
def feedback(person: SignedIn, course: CurrentCourse, submission: str) -> Response:
    """The grader's feedback, for the frame in the submission's page."""
    with course.database.reading() as session:
        one = own_submission(session, person, submission)
        grading = current_grading(one)
        if grading is None or _feedback_at(session, one) is not None:
            raise HTTPException(403, "There is no feedback to be seen yet.")
        result = from_json(json.loads(grading.result))
        html = feedback_html(replace(result, submission=one.file_name))
    return HTMLResponse(html, headers=_AS_FEEDBACK)


@router.get("/submissions/{submission}/receipt")
def receipt_file(person: SignedIn, course: CurrentCourse, submission: str) -> Response:
    """The signed receipt as a file."""
    with course.database.reading() as session:
        one = own_submission(session, person, submission)
        text = course.signer.sign(receipt_of(course, one, person))
        name = f"receipt-{one.lab}-{one.number}.json"
    return Response(text, media_type="application/json", headers=_attached(name))


@router.get("/submissions/{submission}/file")
def submitted_file(person: SignedIn, course: CurrentCourse, submission: str) -> Response:
    """The bytes that were handed in, as a file."""
    with course.database.reading() as session:
        one = own_submission(session, person, submission)
        name, sha256 = one.file_name, one.sha256
    data = submitted_data(course, sha256)
    return Response(data, media_type="application/octet-stream", headers=_attached(name))


def _lab_page(
    request: Request,
    course: Course,
    lab: Lab,
    person: Person,
    refused: str = "",
    as_it_is: str = "",
) -> Response:
    at = now()
    with course.database.reading() as session:
        found = standing(session, person, lab)
        refusal = refusal_now(lab, found.rules, found.used, waiting_of(session, person), at)
        own = extension_of(session, person, lab)
        newest = found.submissions[-1] if found.submissions else None
        return page(
            request,
            "lab.html",
            status=409 if refused else 200,
            lab=lab,
            opens=_still_to_open(found, at),
            handout=_handout(request, lab),
            found=found,
            refused=refused,
            as_it_is=as_it_is,
            closed=phrases.refusal_words(refusal, course.zone) if refusal is not None else "",
            own_date=own is not None
            and own.due_at is not None
            and own.due_at == found.rules.due_at,
            attempts=phrases.attempts_shown(found),
            attempts_words=phrases.attempts_words(found.rules, found.used, lab.settings.policy),
            late_words=phrases.late_words(
                lab.settings.late, late_factor(lab.settings.late, found.rules.due_at, at)
            )
            if found.rules.due_at
            else "",
            live=newest if found.waiting else None,
            said=phrases.progress_words(progress_of(session, newest)) if newest else "",
            largest=f"{course.settings.largest / 1e6:g} MB",
            solution_at=solution_from(session, person, lab),
        )


def _still_to_open(found: Standing, at: datetime) -> datetime | None:
    """When the lab opens, if it has not."""
    opens = found.rules.opens_at
    return opens if opens is not None and opens > at else None


def _handout(request: Request, lab: Lab) -> str:
    """The lab's page in the book, below the prefix; "" where the book has none."""
    book: Book | None = request.app.state.book
    return book.page_of(lab.name) if book is not None else ""


def _most_urgent(rows: list[tuple[Lab, Standing, str]]) -> tuple[Lab, Standing] | None:
    """The lab to hand in next: the first one due of those with nothing handed in."""
    todo = [
        (found.rules.due_at, (lab, found))
        for lab, found, step in rows
        if step == "Hand in" and found.rules.due_at is not None
    ]
    return min(todo, key=lambda pair: pair[0], default=(None, None))[1]


def _feedback_at(session: Session, one: Submission) -> datetime | None:
    """When feedback is shown, if that is still to come; else None."""
    at = feedback_from(session, one.lab)
    return at if at is not None and at > now() else None


def _open(one: Submission) -> list[Grading]:
    return [grading for grading in one.gradings if grading.state in ("waiting", "leased")]


def _check_own(course: Course, person: Person, submission: str) -> None:
    with course.database.reading() as session:
        own_submission(session, person, submission)


def _attached(name: str) -> dict[str, str]:
    """Headers that make a browser save the answer under that name, and do nothing else with it."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    named = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return _AS_A_FILE | {"Content-Disposition": named}
