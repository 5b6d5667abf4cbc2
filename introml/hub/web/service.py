"""The submission service as JupyterHub starts it: `python -m introml.hub.web.service`.

The hub's configuration says by the environment where to listen and who it is
(`JUPYTERHUB_SERVICE_URL`, `JUPYTERHUB_SERVICE_PREFIX`, `JUPYTERHUB_API_TOKEN`, …); `INTROML_COURSE`
names the course's folder.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from introml.grader.lab import LabError
from introml.grader.student import unix_http
from introml.hub.course import Course, CourseError, default_folder
from introml.hub.grades import dates_of
from introml.hub.queue import Heard, beside, worker_command
from introml.hub.queue.local_workers import local_workers
from introml.hub.servers import releases
from introml.hub.web.app import Background, create_app
from introml.hub.web.oauth import HubIdentify
from introml.hub.web.service_health import watched

_log = logging.getLogger("introml.hub")
_AGAIN_S = 2.0
#: Seconds between two looks at which labs have opened.
_HAND_OUT_S = 20.0
#: How long open answers (live progress, uploads) have when the service is told to end.
_GOODBYE_S = 3


class ServiceError(Exception):
    """The service cannot start as it was started; the text says why, and what to do."""


def main() -> int:
    """Serve until told to end. 1, with a sentence, if that cannot be."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        course = Course.at(default_folder())
        path, prefix = where(os.environ)
        # What can be wrong with the course's files is told now, and not to the first student.
        _ = course.labs, course.signer, course.blobs, course.database, course.secret("session")
        app = service_app(course, path, prefix)
    except (CourseError, LabError, ServiceError, ValueError) as problem:
        print(f"introml.hub.web.service: {problem}", file=sys.stderr)
        return 1
    # A connection is a file: a thousand open pages are less than a machine can have.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvicorn.run(
        app,
        uds=path,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        http="h11",  # it ends who sends headers without end, which httptools does not
        timeout_graceful_shutdown=_GOODBYE_S,
    )
    return 0


def service_app(course: Course, path: str, prefix: str) -> FastAPI:
    """The application with all that it does beside answering: preparing, and local workers."""
    background: list[Background] = [prepared, watched, labs_handed_out]
    heard = Heard()
    if course.settings.workers:
        command = worker_command(course, f"{unix_http.SCHEME}://{quote(path, safe='')}{prefix}")
        background.append(local_workers(command, course.settings.workers, heard=heard))
    public = os.environ.get("JUPYTERHUB_PUBLIC_URL", "")
    return create_app(
        course,
        HubIdentify(course, prefix, signed_in_as=os.environ.get("INTROML_SIGNED_IN_AS", "")),
        prefix,
        hub_url=os.environ.get("JUPYTERHUB_BASE_URL") or "/",
        public_url=f"{public.rstrip('/')}/" if public else "",
        background=background,
        heard=heard,
    )


def where(environment: os._Environ[str] | dict[str, str]) -> tuple[str, str]:
    """Socket and prefix that the hub's configuration gave. Raises `ServiceError`."""
    url = environment.get("JUPYTERHUB_SERVICE_URL", "")
    prefix = environment.get("JUPYTERHUB_SERVICE_PREFIX", "")
    parts = urlsplit(url)
    if parts.scheme != unix_http.SCHEME or not parts.netloc or not prefix:
        raise ServiceError(
            f"JUPYTERHUB_SERVICE_URL is {url!r} and JUPYTERHUB_SERVICE_PREFIX is {prefix!r}; "
            "they must be like 'http+unix://%2Frun%2Fservice.sock' and '/services/course/'. Start "
            "the service by JupyterHub (make hub)."
        )
    return unix_http.path_of(parts), f"/{prefix.strip('/')}/"


async def prepared(app: FastAPI) -> AsyncIterator[None]:
    """Bring the database up to date; until that is done, the service asks to wait."""
    app.state.ready = False
    try:
        async with beside(_prepare(app)):
            yield
    finally:
        await run_in_threadpool(app.state.course.database.close)


async def labs_handed_out(app: FastAPI) -> AsyncIterator[None]:
    """Hand each lab out when it opens, for who has a server that began before."""
    async with beside(_hand_out(app)):
        yield


async def _hand_out(app: FastAPI) -> None:
    course: Course = app.state.course
    while True:
        # `make hub` has put the labs there; who starts the service by itself hands out none.
        if app.state.ready and (course.folder / "releases").is_dir():
            try:
                shared = Path(course.hub_settings().shared)
                await run_in_threadpool(releases.publish, course, shared)
            except (OSError, sa.exc.SQLAlchemyError) as problem:
                _log.warning("labs could not be handed out: %s", str(problem)[:300])
        await asyncio.sleep(_HAND_OUT_S)


async def _prepare(app: FastAPI) -> None:
    while True:
        try:
            await run_in_threadpool(_migrate, app.state.course)
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as problem:
            _log.warning("the database is not there yet: %s", str(problem)[:300])
            await asyncio.sleep(_AGAIN_S)
        except Exception:
            # A schema that cannot be brought up to date is for a person to mend.
            _log.exception("the database could not be brought up to date")
            await asyncio.sleep(30 * _AGAIN_S)
        else:
            app.state.ready = True
            return


def _migrate(course: Course) -> None:
    course.database.migrate()
    # Each lab's seed is drawn now: two students who hand in first at the same moment both need it.
    with course.database.writing() as session:
        for name in course.labs:
            dates_of(session, name)


if __name__ == "__main__":
    sys.exit(main())
