"""A session of the hub's is bound to the places where its browser signed in.

A cookie says as whom, and where (`introml.hub.web.browser_places`). By itself it opens nothing;
without it, no other cookie does: not at the hub, not at the course's service, and the proxy leads
to no student's server (`proxy_start.mjs`).
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from jupyterhub.handlers.base import BaseHandler, PrefixRedirectHandler

from introml.hub.course import Course
from introml.hub.web import browser_places as places

#: The environment variable that tells the proxy how it names places, and the cookie's name.
TOLD = "INTROML_PLACES"
_GO_ON = "Open the course's page in another tab to do so, then save here again."


class Bound:
    """Sessions of one hub's, bound to places."""

    def __init__(self, course: Course, cookie: str) -> None:
        self._elsewhere = places.Elsewhere(course)
        self._places = places.BrowserPlaces(course.secret("session"), places.HUB)
        self._cookie = cookie

    def user(self, handler: Any, user: Any) -> Any:
        """The user whose cookies these are, if that user signed in at this place; else None."""
        place = self._place(handler)
        if user is None or self._places.is_signed_in(self._has(handler), user.name, place):
            return user
        handler.is_elsewhere = True
        asyncio.get_running_loop().run_in_executor(None, self._elsewhere.note, user.name, place)
        return None

    def sign_in(self, handler: Any, user: Any) -> None:
        """Set the cookie of who signs in at this handler."""
        place = self._place(handler)
        if place is not None:
            self._set(handler, self._places.signed_in(self._has(handler), user.name, place))

    def is_page_left(self, handler: Any) -> bool:
        """Whether JupyterLab asks, open at a place where its reader has not signed in yet."""
        address = handler.request.path.removeprefix(handler.settings["base_url"])
        place, _, rest = address.partition("/")
        name, has = rest.partition("/")[0], self._has(handler) or ""
        asks = handler.request.headers.get("Sec-Fetch-Dest") == "empty" and place == "user"
        signed_in = self._places.is_signed_in(has, name, self._place(handler))
        return asks and has.startswith(f"{name}:") and not signed_in

    def finish(self, handler: Any) -> None:
        """Take the cookie away where nobody is known; at another place, it is still good there."""
        # Elsewhere the browser does not send the hub's own cookie, so nobody is known.
        in_hub = handler.request.path.startswith(handler.hub.base_url)
        by_token = "Authorization" in handler.request.headers
        known = getattr(handler, "_jupyterhub_user", "not asked") is not None or is_elsewhere(
            handler
        )
        if in_hub and not by_token and not known and self._has(handler) is not None:
            self._set(handler, "")

    def _place(self, handler: Any) -> places.Place | None:
        return self._places.told(handler.request.headers.get(places.HEADER))

    def _has(self, handler: Any) -> str | None:
        return handler.get_cookie(self._cookie)

    def _set(self, handler: Any, value: str) -> None:
        path, secure = handler.settings["base_url"], self._cookie.startswith("__")
        if value:
            # It must live as long as the hub's own cookie.
            handler.set_cookie(
                self._cookie, value, path=path, httponly=True, samesite="Lax", secure=secure,
                expires_days=handler.cookie_max_age_days or 30,
            )  # fmt: skip
        else:
            handler.clear_cookie(self._cookie, path=path, secure=secure)


def is_elsewhere(handler: Any) -> bool:
    """Whether this request's cookies are someone's who did not sign in at its place."""
    return getattr(handler, "is_elsewhere", False)


def install(course: Course, base_url: str, *, secure: bool, bound: bool) -> str:
    """Bind the sessions of this process's hub, and tell its proxy. Returns the cookie's name.

    `secure` says whether browsers come over TLS. Where sessions are not `bound`, every place is
    the same one.
    """
    cookie = places.cookie_name(base_url, secure=secure)
    told = {"key": places.key_from(course.secret("session")), "cookie": cookie, "bound": bound}
    os.environ[TOLD] = json.dumps(told)
    sessions = Bound(course, cookie)
    by_cookie, signs_in = BaseHandler.get_current_user_cookie, BaseHandler.set_login_cookie
    finish, prepare = BaseHandler.finish, PrefixRedirectHandler.prepare

    def bound_to_its_place(self: Any) -> Any:
        return sessions.user(self, by_cookie(self))

    def with_its_place(self: Any, user: Any) -> None:
        signs_in(self, user)
        sessions.sign_in(self, user)

    def without_it(self: Any, *arguments: Any, **more: Any) -> Any:
        if not self._headers_written:
            sessions.finish(self)
        return finish(self, *arguments, **more)

    async def told_why(self: Any) -> None:
        # JupyterLab shows the message; it could do nothing with the page to sign in.
        if sessions.is_page_left(self):
            self.set_status(403)
            self.finish({"message": f"{places.ELSEWHERE} {_GO_ON}"})
        else:
            await prepare(self)

    PrefixRedirectHandler.prepare = told_why
    BaseHandler.get_current_user_cookie = bound_to_its_place
    BaseHandler.set_login_cookie = with_its_place
    BaseHandler.finish = without_it
    return cookie
