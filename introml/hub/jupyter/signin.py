"""Who may sign in to the hub: active people on the course's roster, and nobody else.

Three ways, chosen in `course.toml`: passwords that people set by one-time invitations, OAuth, and
LTI 1.3. Whatever another system says of someone, the roster decides who they are here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from ltiauthenticator.lti13.auth import LTI13Authenticator
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.oauth2 import OAuthLogoutHandler
from sqlalchemy.exc import OperationalError
from tornado import web
from traitlets import Bool, Unicode, default

from introml.hub.course import Course, Person
from introml.hub.jupyter.addresses import address_of, network_of
from introml.hub.jupyter.rate_limit import RateLimit
from introml.hub.jupyter.signin_pages import end_sessions, handlers
from introml.hub.people import passwords, people

TEACHERS = "teachers"
_NOT_ON_ROSTER = "You are not on this course's roster. Ask your teacher."
_TOO_MANY = "Too many tries. Wait some minutes, then try again."
_NO_DATABASE = "The course's database does not answer. Try again in a minute."


class OnRoster(Authenticator):
    """What every way to sign in has in common: the roster has the last word."""

    course_folder = Unicode(config=True, help="The course's folder.")
    only = Unicode(config=True, help="The one name that may sign in, where users can't be apart.")
    manage_groups = True
    #: So many seconds after someone was taken off the roster they are out.
    auth_refresh_age = 15
    auth_refresh_strict = True
    refresh_pre_spawn = True
    _threads = ThreadPoolExecutor(4, thread_name_prefix="roster")
    #: A hash takes 64 MB and 0.1 s: two at a time, the others wait. A flood of wrong passwords
    #: keeps nobody waiting who is signed in.
    hashing = ThreadPoolExecutor(2, thread_name_prefix="sign-in")

    @cached_property
    def course(self) -> Course:
        return Course.at(Path(self.course_folder))

    def check_allow_config(self) -> None:
        """JupyterHub warns where nobody is allowed by its own settings; here the roster does it."""

    async def in_thread(
        self, work: Callable[..., Any], *arguments: Any, threads: ThreadPoolExecutor | None = None
    ) -> Any:
        """Run what waits for the database or, among `hashing`, the processor; the hub goes on."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(threads or self._threads, work, *arguments)
        except OperationalError as problem:
            self.log.error("the course's database does not answer: %s", problem)
            raise web.HTTPError(503, _NO_DATABASE) from problem

    def person(self, name: str) -> Person | None:
        """The active person of that name."""
        with self.course.database.reading() as session:
            found = people.find(session, name)
        return found if found is not None and found.active else None

    def model(self, person: Person) -> dict[str, Any]:
        """What JupyterHub is told of someone who has signed in."""
        if self.only and person.name != self.only:
            raise web.HTTPError(
                403, f"This hub cannot keep users apart, so {self.only} alone can sign in to it."
            )
        return {"name": person.name, "groups": groups_of(person)}

    async def check_allowed(self, username: str, authentication: Any = None) -> bool:
        return await self.in_thread(self.person, username) is not None

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """Whether a person who is signed in still may be, and still is a teacher or is one now."""
        try:
            person = await self.in_thread(self.person, user.name)
        except web.HTTPError:
            return True  # the database is away for a while: nobody is thrown out for that
        if person is None or (self.only and person.name != self.only):
            return False
        groups = groups_of(person)
        if sorted(group.name for group in user.groups) == groups:
            return True
        return {"name": user.name, "groups": groups}


class Invitations(OnRoster):
    """Name (or email) and password; a one-time invitation sets it, or one who is signed in."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # From one address somebody has few tries at a name, and too few to shut its owner out.
        self._name_and_address = RateLimit(burst=8, seconds=60)
        self._name = RateLimit(burst=40, seconds=20)
        self._address = RateLimit(burst=120, seconds=1)
        self._scrypt_may_be_left = True

    async def authenticate(self, handler: Any, data: Any) -> dict[str, Any] | None:
        told = str(data.get("username", ""))[:200]
        password = str(data.get("password", ""))
        # Tries count by whom they are at, however that person is called.
        name = await self.in_thread(self.named, told)
        keys = self.take_tries(name, address_of(handler.request))
        person = await self.in_thread(self._signed_in_with, name, password, threads=self.hashing)
        if person is None:
            return None
        for tries, key in keys:
            tries.give_back(key)
        return self.model(person)

    def named(self, told: str) -> str:
        """The roster's name of whom a name or an email address means; what was typed if nobody."""
        told = told.replace("\0", "").strip()
        with self.course.database.reading() as session:
            # A name goes before another one's login. Both are always looked for: the time to
            # answer tells nobody who is here.
            named, meant = people.find(session, told.lower()), people.whom(session, told)
        person = named or meant
        return person.name if person is not None else told.lower()

    def take_tries(self, name: str, address: str) -> list[tuple[RateLimit, str]]:
        """Count a try of that name from that address. Raises a 429 if there were too many.

        Without a name, for an invitation, only the address counts.
        """
        network = network_of(address)
        keys = [(self._address, network)]
        if name:
            keys = [(self._name_and_address, f"{network} {name}"), *keys, (self._name, name)]
        for tries, key in keys:
            if not tries.take(key):
                raise web.HTTPError(429, _TOO_MANY)
        return keys

    def _person_with(self, name: str, password: str) -> Person | None:
        person = self.person(name)
        # As much work for a name that is unknown: neither answer nor time tells who is here.
        kept = person.password if person is not None else ""
        good = passwords.matches(password, kept, scrypt_too=self._scrypt_is_left())
        return person if good else None

    def _signed_in_with(self, name: str, password: str) -> Person | None:
        person = self._person_with(name, password)
        if person is not None and passwords.is_outdated(person.password):
            anew = passwords.hashed(password)
            try:
                with self.course.database.writing() as session:
                    people.keep_anew(session, person.name, person.password, anew)
            except OperationalError as problem:  # the next sign-in does it
                self.log.warning("a password's new hash could not be kept: %s", problem)
        return person

    def _scrypt_is_left(self) -> bool:
        if self._scrypt_may_be_left:  # none is made any more, so once there are none it stays so
            with self.course.database.reading() as session:
                self._scrypt_may_be_left = people.scrypt_is_left(session)
        return self._scrypt_may_be_left

    def invited(self, secret: str) -> Person | None:
        """Whom an invitation is for, or None if it is used, over or none."""
        with self.course.database.reading() as session:
            return people.invited(session, secret)

    def accept(self, secret: str, password: str) -> Person | None:
        """Set a password by an invitation. None if that is used, over or none."""
        with self.course.database.writing() as session:
            return people.accept(session, secret, password)

    def change(self, name: str, old: str, new: str) -> bool:
        """Set a new password for someone who knows the old one; whether they did."""
        if self._person_with(name, old) is None:
            return False
        with self.course.database.writing() as session:
            people.set_password(session, name, new)
        return True

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        return handlers(invitations=True)


class _OAuthLogout(OAuthLogoutHandler):
    """Signing out of an institution's sign-in, which ends what a copy of a cookie opens too."""

    async def handle_logout(self) -> None:
        await super().handle_logout()
        end_sessions(self, self.current_user)


class CourseOAuth(OnRoster, GenericOAuthenticator):
    """OAuth 2 or OpenID Connect; who comes is found on the roster by name, login or email."""

    logout_handler = _OAuthLogout

    @default("login_service")
    def _login_service(self) -> str:
        return "your institution"

    async def authenticate(self, handler: Any, data: Any = None, **more: Any) -> dict[str, Any]:
        self.auth_state_groups_key: Any = lambda state: []
        told = await super().authenticate(handler, data, **more)
        info = (told.get("auth_state") or {}).get(self.user_auth_state_key) or {}
        person = None
        if "@" not in told["name"] or info.get("email_verified") is not False:
            person = await self.in_thread(self.whom, told["name"])
        if person is None:
            self.log.warning("%r is not on the roster", told["name"][:100])
            raise web.HTTPError(403, _NOT_ON_ROSTER)
        return self.model(person)

    def whom(self, told: str) -> Person | None:
        return whom(self.course, told)

    def normalize_username(self, username: str) -> str:
        return username  # not by lower case: a login of another system may tell them apart

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        return [*GenericOAuthenticator.get_handlers(self, app), *handlers(invitations=False)]


class CourseLti(OnRoster, LTI13Authenticator):
    """LTI 1.3: a course in Canvas, Moodle or the like links here and says who comes."""

    add_students = Bool(False, config=True, help="Put who comes from the platform on the roster.")

    async def authenticate(self, handler: Any, data: Any = None) -> dict[str, Any]:
        told = await LTI13Authenticator.authenticate(self, handler, data)
        person = await self.in_thread(self.whom, told["name"], data or {})
        if person is None:
            self.log.warning("%r is not on the roster", told["name"][:100])
            raise web.HTTPError(403, _NOT_ON_ROSTER)
        return self.model(person)

    def whom(self, told: str, claims: dict[str, Any]) -> Person | None:
        found = whom(self.course, told)
        if found is not None or not self.add_students:
            return found
        full_name, email, own_id = (str(claims.get(x, "")) for x in ("name", "email", "sub"))
        entry = people.Entry(
            full_name=full_name[:200], email=email[:200], lms_id=own_id[:100], lms_login=told[:100]
        )
        try:
            with self.course.database.writing() as session:
                if people.is_known(session, entry):
                    return None  # someone else's name, or one who has left: a teacher decides
                (name,) = people.add_people(session, [entry], "LTI").added
                return people.find(session, name)
        except people.RosterError as problem:
            self.log.warning("%r cannot be added to the roster: %s", told[:100], problem)
            return None

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        return [*LTI13Authenticator.get_handlers(self, app), *handlers(invitations=False)]


def groups_of(person: Person) -> list[str]:
    """The hub's groups that someone is in."""
    return [TEACHERS] if person.role == "teacher" else []


def whom(course: Course, told: str) -> Person | None:
    """The one active person whom another system calls so: by name, its login, or email."""
    with course.database.reading() as session:
        found = people.whom(session, told)
    return found if found is not None and found.active else None
