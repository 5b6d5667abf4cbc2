"""What stands before every request: a limit on its body, and headers that keep pages apart."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)
#: Results of gradings hold what students printed; forms hold rosters.
_LARGEST_RESULT = 64_000_000
_LARGEST_FORM = 4_000_000
#: What an upload's form adds to the file in it.
_AROUND = 100_000
#: So much more is read and dropped, so that who sends too much can read the answer.
_DROPPED = 200_000_000

PAGE_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)
#: The book's pages are the course's own; they draw by scripts and styles inside of them.
_BOOK_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' blob:; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)


class TooLarge(HTTPException):
    """The body of a request is larger than what is taken there."""


class BodyLimit:
    """Counts the bytes of a request's body as they come, and stops at the limit with 413."""

    def __init__(self, app: ASGIApp, prefix: str, largest: int) -> None:
        self._app, self._prefix, self._largest = app, prefix, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, words = self._limit(scope["path"].removeprefix(self._prefix))
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if message["type"] == "http.request" and got > limit:
                while message.get("more_body") and got <= limit + _DROPPED:
                    message = await receive()
                    got += len(message.get("body", b""))
                raise TooLarge(413, words)
            return message

        await self._app(scope, counted, send)

    def _limit(self, path: str) -> tuple[int, str]:
        if path.startswith("worker/"):
            return _LARGEST_RESULT, f"The result is larger than {_LARGEST_RESULT / 1e6:g} MB."
        if path.endswith("/submissions") and path.startswith(("api/labs/", "labs/")):
            return (
                self._largest + _AROUND,
                f"The file is larger than {self._largest / 1e6:g} MB, the most that is accepted. "
                "Clear the notebook's outputs (Edit, Clear Outputs of All Cells), save, and hand "
                "in again.",
            )
        return _LARGEST_FORM, f"This is more than {_LARGEST_FORM / 1e6:g} MB, the most taken here."


class Failures:
    """Answers with `answer` where a handler failed: inside of `Headers`, which see to it too."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request], Response]) -> None:
        self._app, self._answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:
            pass  # who asked is gone: there is nobody to answer, and nothing failed here
        except Exception:
            if scope["type"] != "http" or begun:
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await self._answer(Request(scope))(scope, receive, send)


class Headers:
    """Sets the headers of safety on every answer that has not its own."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        in_book = scope.get("path", "").startswith(f"{self._prefix}book/")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                policy = _BOOK_POLICY if in_book else PAGE_POLICY
                headers.setdefault("Content-Security-Policy", policy)
                headers.setdefault("X-Frame-Options", "DENY")
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
                headers.setdefault("Cache-Control", "no-cache" if in_book else "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)
