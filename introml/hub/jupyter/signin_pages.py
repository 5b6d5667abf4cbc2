"""The hub's pages for signing in: the login form, an invitation, a change of one's password."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jupyterhub import orm
from jupyterhub._xsrf_utils import _set_xsrf_cookie
from jupyterhub.handlers import BaseHandler
from jupyterhub.handlers.login import LoginHandler, LogoutHandler
from tornado import web

from introml.book.style.tokens import css_variables
from introml.hub.course import Person
from introml.hub.jupyter.addresses import address_of
from introml.hub.jupyter.signed_in_as import is_elsewhere
from introml.hub.people import LONGEST, SHORTEST, people
from introml.hub.web import Asset, browser_places
from introml.hub.web.assets import assets

_NO_INVITATION = (
    "This invitation is used, expired or unknown. Ask your teacher for a new one, or sign in if "
    "you have a password."
)
_NOT_TWICE = "The two passwords are not the same. Type them again."
_TOO_SHORT = f"A password needs {SHORTEST} characters or more."
_TOO_LONG = f"A password has {LONGEST} characters at most."
_WRONG = "That is not your password now."


class _Page(BaseHandler):
    """A page in the course's look, which runs its own scripts alone and is shown in no frame."""

    @property
    def content_security_policy(self) -> str:
        return "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")

    async def prepare(self) -> None:
        await super().prepare()
        _refuse_other_sites(self)

    async def show(self, name: str, status: int = 200, **values: Any) -> None:
        """Answer with a page that has a form: the cookie against forged ones is set afresh."""
        token = self.xsrf_token
        if self.request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
            _set_xsrf_cookie(
                self, self._xsrf_token_id, cookie_path=self.hub.base_url, xsrf_token=token
            )
        self.set_status(status)
        self.finish(await self.render_template(name, xsrf=token.decode("ascii"), **values))

    def new_password(self) -> str:
        """The password that was typed twice. Raises `ValueError`, which says what is wrong."""
        password = self.get_body_argument("password", "", strip=False)
        if password != self.get_body_argument("again", "", strip=False):
            raise ValueError(_NOT_TWICE)
        if len(password) < SHORTEST:
            raise ValueError(_TOO_SHORT)
        if len(password) > LONGEST:
            raise ValueError(_TOO_LONG)
        return password

    async def sign_in(self, model: dict[str, Any]) -> None:
        user = await self.auth_to_user(model)
        self.set_login_cookie(user)
        self.log.info("User logged in: %s", user.name)
        self.redirect(self.get_next_url(user), permanent=False)


def end_sessions(handler: BaseHandler, user: Any) -> None:
    """Sign someone out everywhere: whoever has a cookie of theirs, or the old password, is out."""
    if user is None:
        return
    user.orm_user.cookie_id = orm.new_token()
    for token in list(user.orm_user.api_tokens):
        if token.oauth_client is not None and token.session_id:
            handler.db.delete(token)
    handler.db.commit()


def _refuse_other_sites(handler: BaseHandler) -> None:
    # Before someone is signed in, JupyterHub's token is tied to little more than an address.
    if handler.request.method == "POST":
        site = handler.request.headers.get("Sec-Fetch-Site", "same-origin")
        if site != "same-origin":
            raise web.HTTPError(403, "This form was sent from another site.")


class Login(LoginHandler):
    """JupyterHub's own login, in the course's look."""

    content_security_policy = _Page.content_security_policy

    async def prepare(self) -> None:
        await super().prepare()
        _refuse_other_sites(self)

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Referrer-Policy", "same-origin")

    def _render(self, login_error: str | None = None, **more: Any) -> Any:
        if login_error is None and is_elsewhere(self):
            login_error = browser_places.ELSEWHERE
        return super()._render(login_error=login_error, **more)


class Logout(LogoutHandler):
    """JupyterHub's own, which takes the cookies from this browser alone: a copy would go on."""

    async def handle_logout(self) -> None:
        end_sessions(self, self.current_user)


class Invite(_Page):
    """An invitation: its secret comes behind the # of the address, which no server ever sees."""

    async def get(self) -> None:
        await self.show("invite.html", shortest=SHORTEST)

    async def post(self) -> None:
        secret = self.secret()
        keys = self.authenticator.take_tries("", address_of(self.request))
        try:
            password = self.new_password()
        except ValueError as problem:
            return await self.refuse(str(problem), 400, secret)
        person = await self.authenticator.in_thread(
            self.authenticator.accept, secret, password, threads=self.authenticator.hashing
        )
        if person is None:
            return await self.refuse(_NO_INVITATION, 403, "")
        for tries, key in keys:
            tries.give_back(key)
        end_sessions(self, self.find_user(person.name))
        return await self.sign_in(self.authenticator.model(person))

    def secret(self) -> str:
        """The secret in the link that was sent, or pasted."""
        return self.get_body_argument("invitation", "").rpartition("#")[2].strip()

    async def refuse(self, problem: str, status: int, secret: str) -> None:
        person = None
        if secret:
            person = await self.authenticator.in_thread(self.authenticator.invited, secret)
        await self.show(
            "invite.html", status,
            problem=problem, invitation=secret, shortest=SHORTEST, **_called(person),
        )  # fmt: skip


class Invited(Invite):
    """Whom an invitation is for: told to its page, so that people learn their name before."""

    async def post(self) -> None:
        keys = self.authenticator.take_tries("", address_of(self.request))
        person = await self.authenticator.in_thread(self.authenticator.invited, self.secret())
        if person is None:
            self.set_status(403)
            return self.finish({"problem": _NO_INVITATION})
        for tries, key in keys:
            tries.give_back(key)
        return self.finish(_called(person))


def _called(person: Person | None) -> dict[str, str]:
    """By what someone signs in, for the page of their invitation."""
    if person is None:
        return {"login": "", "email": ""}
    return {"login": people.login_of(person), "email": person.email}


class ChangePassword(_Page):
    """A new password, for someone who is signed in and knows the old one."""

    @web.authenticated
    async def get(self) -> None:
        await self.show("password.html", shortest=SHORTEST)

    @web.authenticated
    async def post(self) -> None:
        name = self.current_user.name
        old = self.get_body_argument("old", "", strip=False)
        keys = self.authenticator.take_tries(name, address_of(self.request))
        try:
            new = self.new_password()
        except ValueError as problem:
            return await self.show("password.html", 400, problem=str(problem), shortest=SHORTEST)
        changed = await self.authenticator.in_thread(
            self.authenticator.change, name, old, new, threads=self.authenticator.hashing
        )
        if not changed:
            return await self.show("password.html", 403, problem=_WRONG, shortest=SHORTEST)
        for tries, key in keys:
            tries.give_back(key)
        end_sessions(self, self.find_user(name))
        person = await self.authenticator.in_thread(self.authenticator.person, name)
        return await self.sign_in(self.authenticator.model(person))


class CourseFile(web.RequestHandler):
    """A style, script or font of the course's, out of memory."""

    def get(self, name: str) -> None:
        file = course_files().get(name)
        if file is None:
            raise web.HTTPError(404)
        self.set_header("Content-Type", file.kind)
        self.set_header("X-Content-Type-Options", "nosniff")
        kept = self.get_query_argument("v", "") == file.version
        self.set_header("Cache-Control", "public, max-age=31536000" if kept else "no-cache")
        self.finish(file.content)

    def head(self, name: str) -> None:
        self.get(name)


@cache
def course_files() -> dict[str, Asset]:
    """What these pages load, by name: the service's files, and a few of their own."""
    kinds = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
    files = dict(assets())
    for one in resources.files("introml.hub.jupyter").joinpath("pages/static").iterdir():
        content = one.read_bytes()
        if one.name == "jupyterhub.css":
            content = _bootstrap_tokens().encode() + content
        version = hashlib.sha256(content).hexdigest()[:10]
        files[one.name] = Asset(content, kinds[one.name.rpartition(".")[2]], version)
    return files


def _bootstrap_tokens() -> str:
    # JupyterHub's own script sets data-bs-theme, by the system's scheme or the reader's choice.
    light, dark = css_variables("light"), css_variables("dark")
    return f':root {{ {light} }}\n[data-bs-theme="dark"] {{ {dark} }}\n'


def handlers(*, invitations: bool) -> list[tuple[Any, ...]]:
    """The hub's pages by address, below `<base>/hub`."""
    found: list[tuple[Any, ...]] = [
        ("/login", Login),
        ("/logout", Logout),
        (r"/course/(.+)", CourseFile),
    ]
    if invitations:
        found += [("/invite", Invite), ("/invite/whom", Invited), ("/password", ChangePassword)]
    return found
