"""What grading workers ask over HTTP, with a token of their own that opens nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from introml.grader.lab import TIERS
from introml.hub.course import BlobDamaged, Grading, LabSchedule, now
from introml.hub.queue import jobs
from introml.hub.web.context import CurrentCourse

_log = logging.getLogger(__name__)


def worker_only(request: Request, course: CurrentCourse) -> None:
    """Refuse who has not the workers' token. The time that it takes says nothing of the token."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    wanted = course.secret("worker")
    same = hmac.compare_digest(_digest(given.strip()), _digest(wanted))
    if scheme.lower() != "bearer" or not same:
        raise HTTPException(
            401, "This is for grading workers, with their token.", {"WWW-Authenticate": "Bearer"}
        )


router = APIRouter(prefix="/worker", dependencies=[Depends(worker_only)])


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LeaseAsked(_Asked):
    """Who asks for a grading, of which tiers, and of which labs (all, if none are named)."""

    worker: Annotated[str, Field(pattern=r"^[ -~]{1,100}$")]
    tiers: Annotated[list[Literal["cpu", "cuda"]], Field(min_length=1, max_length=2)]
    labs: Annotated[list[str], Field(max_length=1000)] | None = None


class Held(_Asked):
    """A leased grading, with the proof of the lease."""

    grading: int
    token: Annotated[str, Field(max_length=200)]


class Reported(Held):
    """A leased grading with its result."""

    result: dict[str, Any]


class HandedBack(Held):
    """A leased grading that could not be done; `tried` is false where the worker had to end."""

    why: Annotated[str, Field(max_length=20_000)]
    tried: bool = True


def _body(kind: type[_Asked]) -> Any:
    """The body of a request, read after `worker_only`, and not on the one thread of all requests.

    FastAPI's own bodies are read and parsed before anyone is asked who they are.
    """

    async def read(request: Request) -> _Asked:
        try:
            return await run_in_threadpool(kind.model_validate_json, await request.body())
        except ValidationError as problem:
            errors = problem.errors(include_input=False, include_context=False)
            raise RequestValidationError(
                [error | {"loc": ("body", *error["loc"])} for error in errors]
            ) from None

    return Depends(read)


@router.post("/lease")
def lease(
    request: Request, course: CurrentCourse, asked: Annotated[LeaseAsked, _body(LeaseAsked)]
) -> Response:
    """The next grading with the notebook to grade, or 204 if there is none."""
    request.app.state.heard.note(asked.worker)
    while (found := jobs.lease(course, asked.worker, asked.tiers, asked.labs)) is not None:
        try:
            data = course.blobs.read(found.sha256)
        except BlobDamaged as problem:
            # No worker can grade it: after some tries it is a fault, which the teacher sees.
            _log.error("%s", problem)
            jobs.hand_back(course, found.grading, found.token, str(problem))
            continue
        node = vars(found) | {
            "until": found.until.isoformat(),
            "data": base64.b64encode(data).decode("ascii"),
        }
        return JSONResponse(node)
    return Response(status_code=204)


@router.post("/renew")
def renew(course: CurrentCourse, held: Annotated[Held, _body(Held)]) -> dict[str, str]:
    """Keep a lease for another while; 409 when it is lost."""
    try:
        until = jobs.renew(course, held.grading, held.token)
    except jobs.LeaseLost as problem:
        raise HTTPException(409, str(problem)) from None
    return {"until": until.isoformat()}


@router.post("/report")
def report(course: CurrentCourse, reported: Annotated[Reported, _body(Reported)]) -> dict[str, str]:
    """Keep a result; 409 when the lease is lost, 422 for what is no result of that submission."""
    try:
        jobs.report(course, reported.grading, reported.token, reported.result)
    except jobs.LeaseLost as problem:
        raise HTTPException(409, str(problem)) from None
    except ValueError as problem:
        raise HTTPException(422, str(problem)) from None
    return {"state": "kept"}


@router.post("/hand-back")
def hand_back(
    course: CurrentCourse, held: Annotated[HandedBack, _body(HandedBack)]
) -> dict[str, str]:
    """Give a grading back undone; 409 when the lease is lost."""
    try:
        jobs.hand_back(course, held.grading, held.token, held.why, tried=held.tried)
    except jobs.LeaseLost as problem:
        raise HTTPException(409, str(problem)) from None
    return {"state": "waiting"}


@router.get("/seeds")
def seeds(course: CurrentCourse) -> dict[str, int]:
    """The seeds of the course's labs, with which a worker starts checkers before there is work."""
    with course.database.reading() as session:
        known = session.execute(sa.select(LabSchedule.lab, LabSchedule.seed)).all()
    found = {lab: seed for lab, seed in known}  # noqa: C416 (rows, not pairs)
    return {name: found[name] for name in course.labs if name in found}


@router.get("/waiting")
def waiting(course: CurrentCourse) -> dict[str, int]:
    """How many gradings a worker of each tier could take now."""
    with course.database.reading() as session:
        lapsed = sa.and_(Grading.state == "leased", Grading.lease_until < now())
        found = session.execute(
            sa.select(Grading.tier, sa.func.count())
            .where(sa.or_(Grading.state == "waiting", lapsed))
            .group_by(Grading.tier)
        )
        return dict.fromkeys(TIERS, 0) | dict(found.all())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
