"""Forms after they were sent: what was typed into a refused one is kept, and no form acts twice.

Both are kept in this process for a minute, in few places: after a restart a form is merely empty.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import FormData

#: Seconds that a page may take to follow its form, and within which a form is "sent again".
LASTS_S = 60.0
_MOST = 200
#: Characters of a form that are kept; a longer one is a file.
_LONGEST = 500_000
#: Fields that are no part of what was typed.
_PLUMBING = ("csrf", "once", "sure")


@dataclass
class _Sent:
    mark: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    said: str | None = None
    at: float = field(default_factory=time.monotonic)


class SentForms:
    """What the forms of all sessions left behind; a session is named by its form token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, str, str, dict[str, str]]] = OrderedDict()
        self._last: OrderedDict[str, _Sent] = OrderedDict()

    def keep(self, session: str, address: str, fields: Mapping[str, str]) -> str:
        """Keep what was typed into the form of that address; the word by which it is found."""
        if sum(map(len, fields.values())) > _LONGEST:
            return ""
        word = secrets.token_urlsafe(9)
        with self._lock:
            self._kept[word] = (time.monotonic(), session, address, dict(fields))
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return word

    def take(self, session: str, word: str) -> tuple[str, dict[str, str]]:
        """The address and the fields that were kept under a word, once; empty if there are none."""
        with self._lock:
            at, whose, address, fields = self._kept.pop(word, (0.0, "", "", {}))
        if whose != session or time.monotonic() - at > LASTS_S:
            return "", {}
        return address, fields

    def once(self, session: str, mark: str, act: Callable[[], str]) -> str:
        """What `act` said when this form was sent just before; else what it says now.

        A form is the same if its `mark` is, and no other was sent by this session in between. One
        whose `act` raised may be sent again. A second click waits for the first.
        """
        if not mark:
            return act()
        with self._lock:
            sent = self._last.get(session)
            if sent is None or sent.mark != mark or time.monotonic() - sent.at > LASTS_S:
                sent = _Sent(mark)
            self._last[session] = sent
            self._last.move_to_end(session)
            while len(self._last) > _MOST:
                self._last.popitem(last=False)
        with sent.lock:
            if sent.said is None:
                sent.said = act()
            return sent.said


def typed(form: FormData) -> dict[str, str]:
    """The texts of a form by name, without its plumbing and files."""
    return dict(all_typed(form))


def all_typed(form: FormData) -> list[tuple[str, str]]:
    """The same, with every value of a name that is there several times."""
    return [
        (key, value)
        for key, value in form.multi_items()
        if isinstance(value, str) and key not in _PLUMBING
    ]


def mark_of(path: str, form: FormData) -> str:
    """A name for this form as it was sent: its page's own word, its address and all its texts.

    Empty for a form that carries no such word.
    """
    if not form.get("once"):
        return ""
    digest = hashlib.sha256(path.encode())
    for key, value in form.multi_items():
        text = value if isinstance(value, str) else ""
        digest.update(f"\0{len(key)} {key} {len(text)} {text}".encode("utf-8", "replace"))
    return digest.hexdigest()
