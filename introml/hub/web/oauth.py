"""Signing in by JupyterHub: its OAuth for browsers, its tokens for the tools in students' servers.

The browser's session is JupyterHub's OAuth token in a cookie that this service has signed, so that
no other token of the hub does as a session. The token is asked about at the hub, and the answer is
believed for some seconds.

What is asked for at the hub is what the hub gives the service anyway: who someone is, and that they
may come here. No scope is named, so none can be widened.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import time
from collections import OrderedDict
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from jupyterhub.services.auth import HubOAuth
from tornado.web import HTTPError

from introml.hub.course import Course
from introml.hub.web.browser_places import ELSEWHERE, HEADER, SERVICE, BrowserPlaces, Elsewhere
from introml.hub.web.context import NotSignedIn, Session

_SESSION = "introml-session"
#: Of this cookie there is one for each sign-in under way, so that several windows don't meet.
_STATE = "introml-sign-in-"
_STATE_LASTS_S = 600
#: JupyterHub's own cookie that changes when someone signs out there.
_HUB_SESSION = "jupyterhub-session-id"
_BELIEVED_S = 30
#: How long the hub may take for an answer.
_PATIENCE_S = 10
_AGAIN = "Open the course's page again to sign in."
#: The session goes on once its owner has signed in, so what was typed in its forms is still good.
_SEND_AGAIN = (
    "Open the course's page in another tab to do so. Then load this page again: your browser sends "
    "what you had typed once more."
)
#: An address of ours as it may stand in a header: no control characters, no backslash.
_ADDRESS = re.compile(r"/[!-\[\]-~]*")


class HubUnreachable(HTTPException):
    """JupyterHub does not answer."""

    def __init__(self) -> None:
        words = "JupyterHub does not answer at the moment. Please try again in a minute."
        super().__init__(503, words, {"Retry-After": "5"})


class HubIdentify:
    """Knows by JupyterHub who makes a request. `hub` is found in the environment if left out.

    `signed_in_as` is the cookie that binds sessions to places; "" where nothing does.
    """

    def __init__(
        self,
        course: Course,
        prefix: str,
        hub: HubOAuth | None = None,
        signed_in_as: str = "",
    ) -> None:
        self._hub = hub or HubOAuth(cache_max_age=_BELIEVED_S)
        self._prefix = prefix
        secret = course.secret("session")
        self._sessions = URLSafeSerializer(secret, salt="session", signer_kwargs=_SHA256)
        self._places = BrowserPlaces(secret, SERVICE)
        self._elsewhere = Elsewhere(course)
        self._signed_in_as = signed_in_as
        self._states = URLSafeTimedSerializer(secret, salt="sign-in", signer_kwargs=_SHA256)
        self._used: OrderedDict[str, float] = OrderedDict()

    async def session(self, request: Request) -> Session | None:
        token, user = await self._session(request)
        if user is None:
            return None
        if self._signed_in_as:
            cookie = request.cookies.get(self._signed_in_as)
            place = self._places.told(request.headers.get(HEADER))
            if not self._places.is_signed_in(cookie, user, place):
                await run_in_threadpool(self._elsewhere.note, user, place)
                raise NotSignedIn(f"{ELSEWHERE} {_SEND_AGAIN}")
        return Session(user, token)

    async def _session(self, request: Request) -> tuple[str, str | None]:
        """The token in a browser's cookie, and whose it is: None if nobody's, or no longer."""
        try:
            token = self._sessions.loads(request.cookies.get(_SESSION, ""))
        except BadSignature:
            return "", None
        return token, await self._user(token, request.cookies.get(_HUB_SESSION, ""))

    async def token(self, token: str) -> str | None:
        user = await self._model(token, "")
        # A session's token can be read in its cookie, which is bound to a place: it is no tool's.
        return user["name"] if user is not None and not user.get("session_id") else None

    def begin(self, request: Request) -> Response:
        verifier, challenge, method = self._hub.generate_pkce_code_challenge()
        address = self._ours(_address(request))
        state = self._states.dumps({"challenge": challenge, "next": address})
        query = {
            "client_id": self._hub.oauth_client_id,
            "redirect_uri": self._hub.oauth_redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": method,
        }
        response = RedirectResponse(f"{self._hub.oauth_authorization_url}?{urlencode(query)}", 302)
        self._set_cookie(request, response, _state_cookie(challenge), verifier, _STATE_LASTS_S)
        return response

    def end(self, request: Request) -> Response:
        # The hub's own page ends the hub's session, and with it all of its tokens. Without it the
        # next visit here would sign in again without a word.
        response = RedirectResponse(f"{self._hub.hub_host}{self._hub.hub_prefix}logout", 303)
        response.delete_cookie(_SESSION, path=self._prefix)
        return response

    def routes(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/oauth_callback", self._callback, methods=["GET"])
        return router

    async def _callback(
        self, request: Request, code: str = "", state: str = "", error: str = ""
    ) -> Response:
        """Where JupyterHub sends the browser back to. Raises 400 for what we did not begin."""
        challenge, verifier, address = self._begun(request, state)
        if error or not code:
            raise HTTPException(400, f"JupyterHub did not let you sign in here. {_AGAIN}")
        self._use_up(challenge)
        token = await self._token_for(code, verifier)
        user = await self._user(token, request.cookies.get(_HUB_SESSION, ""))
        if user is None:
            raise HTTPException(403, "Your JupyterHub account may not use this course's service.")
        response = RedirectResponse(address, 302)
        # Who has only moved keeps the session, of which the forms in other tabs are.
        if (await self._session(request))[1] != user:
            self._set_cookie(request, response, _SESSION, self._sessions.dumps(token))
        response.delete_cookie(_state_cookie(challenge), path=self._prefix)
        return response

    def _begun(self, request: Request, state: str) -> tuple[str, str, str]:
        """Challenge, verifier and the address to go to, of a sign-in that this browser began."""
        wrong = HTTPException(400, f"This sign-in was not begun here, or too long ago. {_AGAIN}")
        try:
            node = self._states.loads(state, max_age=_STATE_LASTS_S)
        except BadSignature:
            raise wrong from None
        challenge, address = node["challenge"], node["next"]
        verifier = request.cookies.get(_state_cookie(challenge), "")
        if not hmac.compare_digest(_challenge(verifier), challenge) or challenge in self._used:
            raise wrong
        return challenge, verifier, self._ours(address)

    def _ours(self, address: str) -> str:
        """The address if it is one of this service, as a browser would understand it."""
        path = unquote(address.partition("?")[0])
        inside = path.startswith(self._prefix) and not path.startswith("//")
        if not inside or ".." in path.split("/") or not _ADDRESS.fullmatch(address):
            return self._prefix
        return address

    def _use_up(self, challenge: str) -> None:
        at = time.monotonic()
        while self._used and next(iter(self._used.values())) <= at:
            self._used.popitem(last=False)
        self._used[challenge] = at + _STATE_LASTS_S

    async def _token_for(self, code: str, verifier: str) -> str:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._hub.token_for_code(code, code_verifier=verifier, sync=False)
        except TimeoutError:
            raise HubUnreachable from None
        except HTTPError as problem:
            if _is_unreachable(problem):
                raise HubUnreachable from None
            raise HTTPException(400, f"JupyterHub did not take the sign-in. {_AGAIN}") from None

    async def _user(self, token: str, hub_session: str) -> str | None:
        """The name of the user whose token it is, if that user may come here."""
        user = await self._model(token, hub_session)
        return user["name"] if user is not None else None

    async def _model(self, token: str, hub_session: str) -> dict[str, Any] | None:
        """What the hub says of the user whose token it is, if that user may come here."""
        if not token.isascii() or not token.isprintable():
            return None
        try:
            async with asyncio.timeout(_PATIENCE_S):
                user = await self._hub.user_for_token(token, session_id=hub_session, sync=False)
        except (HTTPError, TimeoutError):
            raise HubUnreachable from None
        if user is None or user.get("kind") != "user":
            return None
        if not self._hub.access_scopes or not self._hub.check_scopes(self._hub.access_scopes, user):
            return None
        return user

    def _set_cookie(
        self, request: Request, response: Response, name: str, value: str, age: int | None = None
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=age,
            path=self._prefix,
            httponly=True,
            samesite="lax",
            secure=_is_https(request),
        )


_SHA256: dict[str, Any] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}


def _challenge(verifier: str) -> str:
    """What PKCE (RFC 7636) makes public of a verifier, by its method S256."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def _state_cookie(challenge: str) -> str:
    return _STATE + challenge[:12]


def _address(request: Request) -> str:
    """The path and query of this request, as they stand in an address."""
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"]) + (f"?{query}" if query else "")


def _is_https(request: Request) -> bool:
    """Whether the browser came by https: the proxy before us says how the first step was made."""
    by = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    return (by or request.url.scheme) == "https"


def _is_unreachable(problem: HTTPError) -> bool:
    words = problem.log_message or ""
    return problem.status_code != 500 or words.startswith("Failed to connect")
