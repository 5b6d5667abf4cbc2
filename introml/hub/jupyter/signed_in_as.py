"""A cookie that says to the proxy as whom a browser is signed in to the hub.

It is no proof of anything, and opens nothing: without the right one, the proxy leads to no
student's server (`proxy_start.mjs`), so no other person's browser shows a page of a student's.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from jupyterhub.handlers import BaseHandler

COOKIE = "introml-signed-in-as"


def note(handler: Any) -> None:
    """Set the cookie of who asks this handler of the hub; take it away where nobody is known."""
    # Elsewhere the browser does not send the hub's own cookie, so nobody is known.
    in_hub = handler.request.path.startswith(handler.hub.base_url)
    by_token = "Authorization" in handler.request.headers
    if not in_hub or by_token or not hasattr(handler, "_jupyterhub_user"):
        return
    user = handler._jupyterhub_user
    has = handler.get_cookie(COOKIE)
    wanted = quote(user.name, safe="") if user is not None else None
    if has == wanted:
        return
    path = handler.settings["base_url"]
    if wanted is None:
        handler.clear_cookie(COOKIE, path=path)
    else:
        secure = handler.request.protocol == "https"
        handler.set_cookie(COOKIE, wanted, path=path, httponly=True, samesite="Lax", secure=secure)


def install() -> None:
    """Have every answer of this process's hub say it."""
    finish = BaseHandler.finish

    def noting(self: Any, *arguments: Any, **more: Any) -> Any:
        if not self._headers_written:
            note(self)
        return finish(self, *arguments, **more)

    BaseHandler.finish = noting
