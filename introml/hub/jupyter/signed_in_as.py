"""A cookie that says to the proxy as whom a browser is signed in to the hub.

It is no proof of anything, and opens nothing: without the right one, the proxy leads to no
student's server (`proxy_start.mjs`), so no other person's browser shows a page of a student's.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from jupyterhub.handlers import BaseHandler

_COOKIE = "introml-signed-in-as"
#: The environment variable that tells the cookie's name to the proxy.
TOLD = "INTROML_SIGNED_IN_AS"


def cookie_name(base_url: str, *, secure: bool) -> str:
    """The cookie's name: over TLS, one that a browser takes from the hub over TLS alone.

    A student can listen at another port of the hub's name, without TLS, and set cookies from there:
    the browser that comes by would be led to that student's server.
    """
    if not secure:
        return _COOKIE
    return f"__{'Host' if base_url == '/' else 'Secure'}-{_COOKIE}"


def note(handler: Any, cookie: str) -> None:
    """Set the cookie of who asks this handler of the hub; take it away where nobody is known."""
    # Elsewhere the browser does not send the hub's own cookie, so nobody is known.
    in_hub = handler.request.path.startswith(handler.hub.base_url)
    by_token = "Authorization" in handler.request.headers
    if not in_hub or by_token or not hasattr(handler, "_jupyterhub_user"):
        return
    user = handler._jupyterhub_user
    has = handler.get_cookie(cookie)
    wanted = quote(user.name, safe="") if user is not None else None
    if has == wanted:
        return
    path, secure = handler.settings["base_url"], cookie.startswith("__")
    if wanted is None:
        handler.clear_cookie(cookie, path=path, secure=secure)
    else:
        handler.set_cookie(cookie, wanted, path=path, httponly=True, samesite="Lax", secure=secure)


def install(base_url: str, *, secure: bool) -> None:
    """Have every answer of this process's hub say it, and its proxy know where.

    `secure` says whether browsers come over TLS.
    """
    cookie = os.environ[TOLD] = cookie_name(base_url, secure=secure)
    finish = BaseHandler.finish

    def noting(self: Any, *arguments: Any, **more: Any) -> Any:
        if not self._headers_written:
            note(self, cookie)
        return finish(self, *arguments, **more)

    BaseHandler.finish = noting
