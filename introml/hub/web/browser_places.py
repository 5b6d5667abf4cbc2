"""From which place a browser asks, and whether it signed in there: a session is bound to its place.

The hub's proxy names the place of each request (`jupyter/browser_places.mjs`): the network and the
browser or, for a program of this machine, the account that it runs as. Whoever signs in gets a
cookie that names them and the place, signed. A copy of all cookies opens nothing at another place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import pwd
import re
import threading
import time
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from introml.hub.course import Course, Event, now

_log = logging.getLogger(__name__)

#: The header by which the proxy tells of a place, and what it calls those whom it tells.
HEADER = "X-Introml-Place"
HUB, SERVICE = "hub", "service"
#: What people read whose session is not of the place that they ask from.
ELSEWHERE = (
    "Your network or your browser is another one than when you signed in, so sign in here as well. "
    "Nothing that you saved or handed in is lost."
)
#: So many places a browser is signed in at: a laptop at home, on the campus, at a telephone.
MOST = 8
#: What the proxy told of a request is no use to anybody a minute later.
_FRESH_S = 60
_COOKIE = "introml-signed-in-as"
#: Of a copied session that is tried a thousand times the log speaks once an hour.
_AGAIN_S = 3600
_MOST_NOTED = 1000


@dataclass(frozen=True)
class Place:
    """Where a browser is: a name for that place, which tells nothing, and words for people."""

    name: str
    words: str


class BrowserPlaces:
    """Places as the proxy tells them to one reader, and the cookie of who signed in where."""

    def __init__(self, secret: str, reader: str) -> None:
        self._key = key_from(secret).encode("ascii")
        self._reader = reader

    def told(self, header: str | None) -> Place | None:
        """The place that the proxy told just now; None for what is not from it."""
        try:
            at, name, words, seal = (header or "").split(".")
            fresh = abs(time.time() - int(at)) <= _FRESH_S
            text = base64.urlsafe_b64decode(words + "==").decode("utf-8", "replace")
        except (ValueError, binascii.Error):
            return None
        same = hmac.compare_digest(self._seal(self._reader, at, name, words), seal.encode("utf-8"))
        return Place(name, text) if same and fresh else None

    def is_signed_in(self, cookie: str | None, user: str, place: Place | None) -> bool:
        """Whether the cookie says that this user signed in at this place."""
        if place is None:
            return False
        name, *seals = (cookie or "").split(":")
        wanted = self._seal("signed in", user, place.name)
        here = [hmac.compare_digest(wanted, one.encode("utf-8", "replace")) for one in seals]
        return name == user and any(here)

    def signed_in(self, cookie: str | None, user: str, place: Place) -> str:
        """The cookie of a user who signs in at a place: the places before go on, the last ones."""
        name, *seals = (cookie or "").split(":")
        new = self._seal("signed in", user, place.name).decode("ascii")
        before = [one for one in seals if name == user and one != new]
        return ":".join([user, *before[1 - MOST :], new])

    def _seal(self, *parts: str) -> bytes:
        text = "\n".join(parts).encode("utf-8", "replace")
        return _base64(hmac.digest(self._key, text, "sha256")[:16])


class Elsewhere:
    """Notes in the course's log who was refused, as their session was used at another place."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._noted: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def note(self, user: str, place: Place | None) -> None:
        """Write it down, unless that was done within the hour."""
        words = _in_words(place)
        with self._lock:
            since = time.monotonic() - _AGAIN_S
            self._noted = {one: at for one, at in self._noted.items() if at > since}
            if (user, words) in self._noted or len(self._noted) >= _MOST_NOTED:
                return
            self._noted[user, words] = time.monotonic()
        detail = f"their session was used from {words}, where they did not sign in: nothing opened"
        _log.warning("%s: %s", user, detail)
        event = Event(at=now(), who="sign-in", what="refused a session", person=user, detail=detail)
        try:
            with self._course.database.writing() as session:
                session.add(event)
        except SQLAlchemyError as problem:
            _log.warning("the course's log could not be written: %s", str(problem)[:300])


def _in_words(place: Place | None) -> str:
    """A place, with the name of this machine's account where it is one."""
    if place is None:
        return "a program that went round the hub's proxy"
    number = re.search(r" account (\d+)$", place.words)
    try:
        return f"{place.words} ({pwd.getpwuid(int(number[1])).pw_name})" if number else place.words
    except (KeyError, OverflowError):
        return place.words


def key_from(secret: str) -> str:
    """The key of all seals, which the proxy knows as well, from the secret of the sessions."""
    return hmac.new(secret.encode("ascii"), b"browser places", hashlib.sha256).hexdigest()


def cookie_name(base_url: str, *, secure: bool) -> str:
    """The cookie's name: over TLS, one that a browser takes from the hub over TLS alone.

    A student can listen at another port of the hub's name, without TLS, and set cookies from there:
    the browser that comes by would be signed out, or be led to that student's server.
    """
    if not secure:
        return _COOKIE
    return f"__{'Host' if base_url == '/' else 'Secure'}-{_COOKIE}"


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
