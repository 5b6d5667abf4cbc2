"""The service in tests, without a JupyterHub: who one is says a cookie or a token."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.testclient import TestClient

from introml.hub.course.course import Course
from introml.hub.web.app import create_app
from introml.hub.web.context import Session

PREFIX = "/services/course/"


class ByWord:
    """An `Identify` that believes: cookie `who=ann.1` is ann's session 1, `of-ann` her token."""

    async def session(self, request: Request) -> Session | None:
        who = request.cookies.get("who", "")
        return Session(who.partition(".")[0], who) if who else None

    async def token(self, token: str) -> str | None:
        return token.removeprefix("of-") if token.startswith("of-") else None

    def begin(self, request: Request) -> Response:
        return RedirectResponse("/hub/sign-in", 302)

    def end(self, request: Request) -> Response:
        response = RedirectResponse("/hub/logout", 303)
        response.delete_cookie("who", path=PREFIX)
        return response

    def routes(self) -> APIRouter:
        return APIRouter()


def app_of(course: Course, **options: Any) -> FastAPI:
    """The service of a course, for `ByWord`, without a book."""
    return create_app(course, ByWord(), PREFIX, **{"book": Path("/nowhere"), **options})


class Browser(TestClient):
    """Someone's browser. Addresses are those after the prefix; redirects are not followed."""

    def __init__(self, app: FastAPI, who: str = "", session: int = 1) -> None:
        super().__init__(
            app,
            base_url=f"http://testserver{PREFIX}",
            headers={"Accept": "text/html"},
            cookies={"who": f"{who}.{session}"} if who else {},
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def form_token(self, page: str = "receipts") -> str:
        """The token in the forms of a page."""
        return re.search(r'name="csrf" value="([^"]*)"', self.get(page).text)[1]

    def send_form(
        self, address: str, page: str = "receipts", files: Any = None, **fields: Any
    ) -> Any:
        """Send a form as the page would."""
        return self.post(address, data={"csrf": self.form_token(page), **fields}, files=files)


class Tool(TestClient):
    """A student's tool, or whoever sends that token."""

    def __init__(self, app: FastAPI, authorization: str = "") -> None:
        super().__init__(
            app,
            base_url=f"http://testserver{PREFIX}",
            headers={"Authorization": authorization} if authorization else {},
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def submit(self, data: bytes, lab: str = "tiny", file_name: str = "tiny.ipynb") -> Any:
        return self.post(
            f"api/labs/{lab}/submissions", params={"file_name": file_name}, content=data
        )


@contextlib.contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a free port of loopback, in a thread; its address with the prefix."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listening.getsockname()[1]
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}{PREFIX}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
