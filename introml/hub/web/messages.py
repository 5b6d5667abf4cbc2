"""What a form has done, told on the page that follows: a sentence in a signed cookie, read once."""

from __future__ import annotations

import hashlib

from fastapi import Request
from fastapi.responses import Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

_COOKIE = "introml-said"
_LASTS_S = 60
_LONGEST = 1000


def say(
    request: Request, response: Response, words: str, kind: str = "done", kept: str = ""
) -> Response:
    """Have the next page of this session say `words`; `kind` is "done" or "refused".

    `kept` is the word under which what was typed is kept, for that page to show it again.
    """
    value = _serializer(request).dumps([kind, words[:_LONGEST], kept])
    response.set_cookie(
        _COOKIE, value, max_age=_LASTS_S, path=request.app.state.prefix, httponly=True,
        samesite="lax", secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


def said(request: Request) -> tuple[str, str, str] | None:
    """What a form of this session has left to say: its kind, its words, and what it kept."""
    try:
        kind, words, kept = _serializer(request).loads(
            request.cookies.get(_COOKIE, ""), max_age=_LASTS_S
        )
    except (BadSignature, ValueError):
        return None
    return kind, words, kept


def forget(request: Request, response: Response) -> Response:
    """Say it no more."""
    if _COOKIE in request.cookies:
        response.delete_cookie(_COOKIE, path=request.app.state.prefix)
    return response


def _serializer(request: Request) -> URLSafeTimedSerializer:
    # The session's form token makes it good for this session alone.
    salt = hashlib.sha256(f"said {request.state.csrf}".encode()).hexdigest()
    return URLSafeTimedSerializer(request.app.state.course.secret("session"), salt=salt)
