"""The submission service as a web application: its pages, its interfaces, its safeguards."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from introml.book.paths import ROOT
from introml.hub.course import Course, disk, is_full, now
from introml.hub.grades import Watcher
from introml.hub.queue import Heard
from introml.hub.web import api, receipt_check, solutions, student, teacher, worker_api
from introml.hub.web.assets import assets
from introml.hub.web.book import Book
from introml.hub.web.concurrency_limit import (
    MOST_FOLLOWED,
    MOST_LOOKED_AT,
    MOST_RECEIVED,
    ConcurrencyLimit,
)
from introml.hub.web.context import Identify, NotReady, NotSignedIn, page
from introml.hub.web.guards import BodyLimit, Failures, Headers
from introml.hub.web.sent_forms import SentForms

_log = logging.getLogger(__name__)
_BOOK = ROOT / "_build" / "html"
_AWAY = (
    "The course's database cannot be reached at the moment. What you handed in before is safe; "
    "please try again in a minute."
)
#: What can go wrong when the database is away, restarts, or has no connection free.
_DATABASE_ERRORS = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)

#: Something that runs as long as the service does.
Background = Callable[[FastAPI], "AsyncIterator[None]"]


def create_app(
    course: Course,
    identify: Identify,
    prefix: str = "/services/course/",
    *,
    hub_url: str = "/",
    public_url: str = "",
    book: Path = _BOOK,
    background: Sequence[Background] = (),
    heard: Heard | None = None,
) -> FastAPI:
    """The service of a course, under `prefix`.

    `hub_url` is the path under which JupyterHub is, with a slash at its end; `public_url` the
    address of the service for browsers, where it is known. `background` are asynchronous generators
    that yield once: what comes before runs at the start, what comes after at the end.
    `heard` is told of workers by `background` as well.
    """
    if not (prefix.startswith("/") and prefix.endswith("/")):
        raise ValueError(f"prefix is {prefix!r}; it must begin and end with a slash")

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for one in background:
                await stack.enter_async_context(asynccontextmanager(one)(app))
            yield

    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=life,
        exception_handlers={
            NotSignedIn: _not_signed_in,
            AnyHTTPException: _refused,
            RequestValidationError: _not_understood,
            **dict.fromkeys((NotReady, *_DATABASE_ERRORS), _away),
            OSError: _no_room,
        },
    )
    app.state.course = course
    app.state.identify = identify
    app.state.prefix = prefix
    app.state.hub_url = hub_url
    app.state.public_url = public_url
    app.state.ready = True
    app.state.heard = heard or Heard()
    #: How large students' homes were when they were last measured.
    app.state.homes = {}
    #: When the disk was last found full, as a request was dealt with.
    app.state.disk_full_at = None
    app.state.watcher = Watcher(course)
    app.state.sent_forms = SentForms()
    app.state.received = ConcurrencyLimit(MOST_RECEIVED)
    app.state.followed = ConcurrencyLimit(MOST_FOLLOWED)
    app.state.looked_at = ConcurrencyLimit(MOST_LOOKED_AT)
    routers = (_plain, identify.routes(), student.router, solutions.router, receipt_check.router)
    for router in (*routers, teacher.router, api.router, worker_api.router):
        app.include_router(router, prefix=prefix.rstrip("/"))
    app.state.book = None
    if book.is_dir():
        app.state.book = Book(book, course, prefix)
        app.mount(f"{prefix}book", app.state.book, name="book")
    app.add_middleware(BodyLimit, prefix=prefix, largest=course.settings.largest)
    app.add_middleware(Failures, answer=_failed)
    app.add_middleware(Headers, prefix=prefix)
    return app


_plain = APIRouter()


@_plain.get("/health")
def health() -> Response:
    """For whoever watches that the service runs."""
    return Response("ok\n", media_type="text/plain")


@_plain.get("/static/{name:path}")
def static(name: str, v: str = "") -> Response:
    """One of the service's own files; under its version's address it may be kept for ever."""
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, "There is no such file.")
    keep = "public, max-age=31536000, immutable" if v == asset.version else "no-cache"
    return Response(asset.content, media_type=asset.kind, headers={"Cache-Control": keep})


def _is_for_programs(request: Request) -> bool:
    """Whether a program asks, which reads JSON, and not a person."""
    prefix = request.app.state.prefix
    return request.url.path.startswith((f"{prefix}api/", f"{prefix}worker/"))


async def _not_signed_in(request: Request, problem: NotSignedIn) -> Response:
    reads_pages = "text/html" in request.headers.get("accept", "")
    in_window = request.headers.get("sec-fetch-dest", "document") == "document"
    if request.method == "GET" and reads_pages and in_window:
        return request.app.state.identify.begin(request)
    return _answer(request, 401, str(problem))


async def _refused(request: Request, problem: AnyHTTPException) -> Response:
    known = {404: "There is no such page here.", 405: "This address is not used that way."}
    default = problem.detail in ("Not Found", "Method Not Allowed")
    words = known[problem.status_code] if default else str(problem.detail)
    return _answer(request, problem.status_code, words, problem.headers)


async def _not_understood(request: Request, problem: RequestValidationError) -> Response:
    first = problem.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _answer(request, 422, f"{where or 'The request'}: {first['msg']}.")


async def _away(request: Request, problem: Exception) -> Response:
    if is_full(problem):
        return _full(request, problem)
    _log.warning("%s %s: %s", request.method, request.url.path, str(problem)[:500] or "not ready")
    return _answer(request, 503, _AWAY, {"Retry-After": "5"})


async def _no_room(request: Request, problem: Exception) -> Response:
    """A disk that is full; any other trouble with a file is a failure of ours."""
    if not is_full(problem):
        raise problem
    return _full(request, problem)


def _full(request: Request, problem: Exception) -> Response:
    _log.error("%s %s: the disk is full: %s", request.method, request.url.path, problem)
    request.app.state.disk_full_at = now()
    return _answer(request, 507, disk.WORDS)


def _failed(request: Request) -> Response:
    return _answer(
        request, 500, "The service failed on this; it is not your fault. Tell your teacher when."
    )


def _answer(
    request: Request, status: int, words: str, headers: Mapping[str, str] | None = None
) -> Response:
    if _is_for_programs(request):
        return JSONResponse({"detail": words}, status, headers)
    response = page(request, "refused.html", status, words=words, status_code=status)
    response.headers.update(headers or {})
    return response
