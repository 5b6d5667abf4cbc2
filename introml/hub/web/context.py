"""What the handlers of a request share: the course, who asks, the forms' token, how a page is made.

A handler of a page looks so:

    @router.get("/labs/{lab}")
    def lab_page(
        request: Request, course: CurrentCourse, lab: CurrentLab, person: SignedIn
    ) -> Response:
        with course.database.reading() as session:
            return page(request, "lab.html", lab=lab, …)

    @router.post("/labs/{lab}/submissions")
    def hand_in_by_form(
        request: Request, lab: CurrentLab, person: SignedIn, form: SentForm
    ) -> Response:
        …
        return see(request, f"labs/{lab.name}")

The types say what must be so before a handler begins: who asks, and that a form is one of ours.
Forms hold `{{ csrf_field }}`. Addresses begin with `{{ prefix }}`, which ends in a slash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache, partial
from typing import Annotated, Any, NoReturn, Protocol

import jinja2
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup, escape
from sqlalchemy.orm import Session as DatabaseSession
from starlette.datastructures import FormData

from introml.grader.lab import Lab
from introml.grader.text import one_line
from introml.hub.course import (
    BlobDamaged,
    Course,
    Person,
    Submission,
    clock_words,
    has_room,
    now,
    offset_words,
)
from introml.hub.people import people
from introml.hub.web.assets import assets
from introml.hub.web.concurrency_limit import receiving

_NOT_SIGNED_IN = (
    "You are not signed in any more. Open the course's page again to sign in, and repeat what you "
    "did."
)
_NOT_ON_ROSTER = "You are not on this course's roster. Ask your teacher."
_SUBMISSION = re.compile(r"[0-9a-f]{32}")
#: A page may have a field for each of 500 people.
_MOST_FIELDS = 5_000


@dataclass(frozen=True)
class Session:
    """A browser that is signed in: the JupyterHub user's name, and what only this session has."""

    name: str
    key: str


class Identify(Protocol):
    """How it is found out who makes a request; `introml.hub.web.oauth` does so by JupyterHub."""

    async def session(self, request: Request) -> Session | None:
        """Who is signed in, by the browser's cookie; None if nobody is, or no longer."""

    async def token(self, token: str) -> str | None:
        """The name of the user whose token this is; None if it is nobody's, or no longer."""

    def begin(self, request: Request) -> Response:
        """The answer that lets someone sign in and then come back to this address."""

    def end(self, request: Request) -> Response:
        """The answer that signs out."""

    def routes(self) -> APIRouter:
        """The addresses that signing in needs."""


class NotSignedIn(Exception):
    """Nobody is signed in: a page lets them, all else is refused. The text says what to do."""

    def __init__(self, words: str = _NOT_SIGNED_IN) -> None:
        super().__init__(words)


class NotReady(Exception):
    """The database is not there yet, or not yet brought up to date."""


async def current_course(request: Request) -> Course:
    """The course of this service. Raises `NotReady`."""
    if not request.app.state.ready:
        raise NotReady
    return request.app.state.course


CurrentCourse = Annotated[Course, Depends(current_course)]


def current_lab(course: CurrentCourse, lab: str) -> Lab:
    """The lab of that name, or 404."""
    found = course.labs.get(lab)
    if found is None:
        raise HTTPException(404, "This course has no such lab.")
    return found


CurrentLab = Annotated[Lab, Depends(current_lab)]


def own_submission(session: DatabaseSession, person: Person, ident: str) -> Submission:
    """The submission of that name if it is this person's; 404 for any other, there or not."""
    # What cannot be a name is no question for the database, which takes not every text for one.
    found = session.get(Submission, ident) if _SUBMISSION.fullmatch(ident) else None
    if found is None or found.person_id != person.id:
        raise HTTPException(404, "You have no such submission.")
    return found


def submitted_data(course: Course, sha256: str) -> bytes:
    """The bytes that were handed in under this hash; 500 where the disk has lost them."""
    try:
        return course.blobs.read(sha256)
    except BlobDamaged:
        raise HTTPException(
            500, "This file is damaged on the server. Show your receipt to your teacher."
        ) from None


async def signed_in(request: Request) -> Person:
    """Who asks for this page, by the browser's session. Raises `NotSignedIn`; 403 for strangers."""
    session = await request.app.state.identify.session(request)
    if session is None:
        raise NotSignedIn
    request.state.csrf = _csrf(request, session)
    person = await run_in_threadpool(_find, await current_course(request), session.name)
    if person is None:
        raise HTTPException(403, _NOT_ON_ROSTER)
    request.state.person = person
    return person


SignedIn = Annotated[Person, Depends(signed_in)]


async def teacher(person: SignedIn) -> Person:
    """Who asks for this page, if a teacher; else 403."""
    if person.role != "teacher":
        raise HTTPException(403, "This page is for the teachers of the course.")
    return person


Teacher = Annotated[Person, Depends(teacher)]


async def token_user(request: Request) -> Person:
    """Whose token comes with a request of a student's tool. Cookies don't count. 401, 403."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    name = None
    if scheme.lower() in ("token", "bearer") and token.strip():
        name = await request.app.state.identify.token(token.strip())
    if name is None:
        raise HTTPException(
            401,
            "Your server's token is not known here, or has expired. Stop your server and start it "
            "again (File, Hub Control Panel).",
            {"WWW-Authenticate": "token"},
        )
    person = await run_in_threadpool(_find, await current_course(request), name)
    if person is None:
        raise HTTPException(403, _NOT_ON_ROSTER)
    return person


TokenUser = Annotated[Person, Depends(token_user)]


async def form_checked(request: Request, person: SignedIn) -> AsyncIterator[FormData]:
    """The form that was sent, if it comes from a page that this session was given; else 403."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        _refuse_form()
    async with receiving(request, person):
        form = await request.form(max_files=1, max_fields=_MOST_FIELDS)
    try:
        given = form.get("csrf") or request.headers.get("x-csrf") or ""
        if not isinstance(given, str) or not hmac.compare_digest(
            given.encode("utf-8", "replace"), request.state.csrf.encode("ascii")
        ):
            _refuse_form()
        yield form
    finally:
        await form.close()


SentForm = Annotated[FormData, Depends(form_checked)]


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The page made from a template in `templates/`. What is put into it is escaped."""
    state = request.app.state
    person: Person | None = getattr(request.state, "person", None)
    csrf = getattr(request.state, "csrf", "")
    shared = {
        "course_title": state.course.settings.title,
        "prefix": state.prefix,
        "hub_url": state.hub_url,
        "static": _static_address(state.prefix),
        "labs_page": state.prefix + ("labs" if person and person.role == "teacher" else ""),
        "person": person,
        "person_name": (person.full_name or person.name) if person else "",
        "signs_in_as": people.login_of(person) if person else "",
        "has_password": state.course.settings.signin.kind == "invitations",
        "csrf_field": _plumbing(csrf),
        "here": request.url.path,
        "disk_is_full": not has_room(state.course.folder),
        "at": now(),
        "zone": state.course.zone,
    }
    html = _templates(state.course.zone).get_template(template).render(shared | values)
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


def see(request: Request, address: str) -> RedirectResponse:
    """Send the browser on to a page of ours after a form was dealt with."""
    return RedirectResponse(request.app.state.prefix + address, 303)


def moment(at: datetime | None, none: str = "–", *, zone: tzinfo) -> Markup:
    """A moment by the course's clocks; a script puts the reader's own time beside it."""
    if at is None:
        return escape(none)
    return Markup('<time datetime="{}">{}</time>').format(
        at.astimezone(zone).isoformat(timespec="seconds"), clock_words(at, zone)
    )


def wall_clock(at: datetime | None, zone: tzinfo) -> str:
    """A moment as a field `datetime-local` takes it; "" for none."""
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%dT%H:%M}"


def points(value: float | None, none: str = "–") -> str:
    """Points without needless digits: 3, 2.5, 6.67."""
    return none if value is None else f"{round(value, 2):g}"


def _plumbing(csrf: str) -> Markup:
    """What every form carries: the session's token, and a word by which a second click is known."""
    return Markup(
        '<input type="hidden" name="csrf" value="{}"><input type="hidden" name="once" value="{}">'
    ).format(csrf, secrets.token_hex(16))


def _csrf(request: Request, session: Session) -> str:
    secret = request.app.state.course.secret("session").encode("ascii")
    return hmac.new(secret, b"form\0" + session.key.encode("utf-8"), hashlib.sha256).hexdigest()


def _refuse_form() -> NoReturn:
    raise HTTPException(
        403,
        "This form does not come from a page that you were given, or you have signed in anew since "
        "then. Go back, load the page again, and send the form from there.",
    )


def _find(course: Course, name: str) -> Person | None:
    with course.database.reading() as session:
        person = people.find(session, name)
        if person is None or not person.active:
            return None
        session.expunge(person)
        return person


def _static_address(prefix: str) -> Any:
    def static(name: str) -> str:
        return f"{prefix}static/{name}?v={assets()[name].version}"

    return static


@cache
def _templates(zone: tzinfo) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("introml.hub.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": partial(moment, zone=zone),
        "wall_clock": partial(wall_clock, zone=zone),
        "offset": partial(offset_words, zone=zone),
        "points": points,
        "one_line": one_line,
    }
    return environment
