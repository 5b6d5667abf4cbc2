"""Which lines of a roster are whom: people who are known, and new ones with a name of their own.

A line is someone's by the user name, an id of the platform's, or the e-mail address. Two people
are never taken for one: where these point at different people, or at one who is another by all
signs, the line is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.hub.course import Person
from introml.hub.people.names import (
    RosterError,
    check_email,
    check_login,
    free_name,
    one_line,
    safe_name,
)

#: What is known of someone beside the names, and may change.
_FACTS = ("full_name", "email", "lms_id", "lms_login")
#: By what a line is someone's, as it is told to the teacher.
_KEYS = {"login": "user name", "lms_id": "ID", "email": "e-mail"}


@dataclass(frozen=True)
class Entry:
    """One line of a roster. `name` is the user name as it is given, "" if only others are.

    Texts are in Unicode's composed form (NFC), however they were typed.
    """

    name: str = ""
    full_name: str = ""
    email: str = ""
    role: str = "student"
    lms_id: str = ""
    lms_login: str = ""
    line: int = field(default=0, compare=False)
    #: What the file calls the role, where that is another word: "TA".
    told_role: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        # An accent may be a letter's own or a sign of its own, and both look the same.
        for one in ("name", "full_name", "email", "lms_id", "lms_login"):
            object.__setattr__(self, one, unicodedata.normalize("NFC", getattr(self, one)))
        # A learning platform tells what its people call themselves.
        for one in ("full_name", "lms_id"):
            object.__setattr__(self, one, one_line(getattr(self, one)))

    @property
    def at(self) -> str:
        """How a problem of this line begins."""
        return f"line {self.line}: " if self.line else ""

    @property
    def email_address(self) -> str:
        """The address: it may be given as the user name."""
        return self.email or next((x for x in (self.name, self.lms_login) if "@" in x), "")

    @property
    def logins(self) -> tuple[str, ...]:
        """The user names that are given, this course's first."""
        return tuple(x for x in (self.name, self.lms_login) if x)

    @cached_property
    def keys(self) -> dict[str, set[str]]:
        """By what the line is someone's: each key's values, in small letters."""
        return {
            "login": {x.casefold() for x in self.logins},
            "lms_id": {self.lms_id} - {""},
            "email": {self.email_address.casefold()} - {""},
        }


@dataclass(frozen=True)
class Match:
    """Whose a line is: a known `person`, or someone new, who gets this `name` and `login`."""

    entry: Entry
    person: Person | None
    name: str
    login: str
    #: What would change of a known person: what, from what, to what.
    changes: tuple[tuple[str, str, str], ...] = ()


def match(session: Session, entries: Iterable[Entry], problems: Iterable[str] = ()) -> list[Match]:
    """Whose each line is. Raises `RosterError` with all that is wrong, and changes nothing.

    `problems` are those of lines that could not be read.
    """
    entries = list(entries)
    problems = [*problems, *faults(entries)]
    everyone = list(session.scalars(sa.select(Person).order_by(Person.id)))
    index = _Index(everyone)
    found: list[tuple[Entry, Person | None]] = []
    lines: dict[int, Entry] = {}
    for entry in dict.fromkeys(entries):
        try:
            person = index.person_of(entry)
        except RosterError as problem:
            problems += problem.problems
            continue
        before = lines.setdefault(person.id, entry) if person is not None else entry
        if person is not None and before is not entry:
            problems.append(
                f"{entry.at}this is {_told(person)}, and so is line {before.line}; keep one of them"
            )
        found.append((entry, person))
    refuse(problems)
    return _named(found, everyone)


def faults(entries: Sequence[Entry]) -> list[str]:
    """What is wrong with lines by themselves, and beside each other."""
    return [problem for entry in entries for problem in _faults(entry)] + _repeated(entries)


def refuse(problems: Iterable[str]) -> None:
    """Raise a `RosterError` with these problems, in the order of their lines, if there are any."""

    def line(problem: str) -> int:
        told = re.match(r"line (\d+)", problem)
        return int(told[1]) if told else 0

    if told := sorted(dict.fromkeys(problems), key=line):
        raise RosterError(*told)


def _faults(entry: Entry) -> list[str]:
    """What is wrong with a line by itself."""
    problems = []
    if not entry.keys["login"] | entry.keys["email"] | entry.keys["lms_id"]:
        called = f" of {entry.full_name!r}" if entry.full_name else ""
        problems.append(f"{entry.at}there is neither a user name nor an e-mail address{called}")
    emails = [entry.email] if entry.email else []
    for check, values in ((check_login, entry.logins), (check_email, emails)):
        for value in values:
            try:
                check(value)
            except RosterError as problem:
                problems += [f"{entry.at}{one}" for one in problem.problems]
    return problems


def _repeated(entries: Sequence[Entry]) -> list[str]:
    """What two lines have in common that one person alone can have."""
    problems = []
    seen: dict[tuple[str, str], Entry] = {}
    for entry in dict.fromkeys(entries):
        for key, values in entry.keys.items():
            for value in sorted(values):
                before = seen.setdefault((key, value), entry)
                if before is not entry:
                    where = (
                        f" is in line {before.line} already" if before.line else " is there twice"
                    )
                    problems.append(
                        f"{entry.at}the {_KEYS[key]} {value!r}{where}; each person has their own"
                    )
    return problems


class _Index:
    """Known people by what is theirs alone."""

    def __init__(self, everyone: Sequence[Person]) -> None:
        self._by: dict[tuple[str, str], list[Person]] = {}
        for person in everyone:
            keys = [("login", x) for x in _logins(person)]
            keys += [("lms_id", person.lms_id)] * bool(person.lms_id)
            keys += [("email", person.email.casefold())] * bool(person.email)
            for key in keys:
                self._by.setdefault(key, []).append(person)

    def person_of(self, entry: Entry) -> Person | None:
        """Whose line it is, None for somebody new. Raises `RosterError` where that is unclear."""
        hits: dict[str, dict[int, Person]] = {}
        for key, values in entry.keys.items():
            people = {x.id: x for value in values for x in self._by.get((key, value), ())}
            if people:
                hits[key] = people
        if not hits:
            if entry.lms_id and not entry.keys["login"] | entry.keys["email"]:
                raise RosterError(
                    f"{entry.at}nobody here has the ID {entry.lms_id!r}, and there is neither a "
                    "user name nor an e-mail address to add somebody"
                )
            return None
        everywhere = set.intersection(*(set(people) for people in hits.values()))
        if len(everywhere) != 1:
            whose = "; ".join(
                f"the {_KEYS[key]} is that of {_told(one)}"
                for key, people in hits.items()
                for one in people.values()
            )
            raise RosterError(f"{entry.at}it is not clear who this is: {whose}")
        (person,) = (x for x in hits[next(iter(hits))].values() if x.id in everywhere)
        if _is_another(entry, person, set(hits)):
            by = " and the ".join(_KEYS[key] for key in hits)
            raise RosterError(
                f"{entry.at}the {by} is that of {_told(person)} here, and this is "
                f"{entry.full_name} ({entry.email_address or entry.lms_id}). Give somebody else "
                "another user name; if it is the same person, leave the full name out this once"
            )
        return person


def _is_another(entry: Entry, person: Person, agreed: set[str]) -> bool:
    """Whether someone found by user name or ID has another e-mail or ID, and no name in common."""
    if "email" in agreed or len(agreed) > 1:
        return False
    address = entry.email_address
    others = bool(address and person.email and address.casefold() != person.email.casefold())
    if "lms_id" not in agreed:
        others |= bool(entry.lms_id and person.lms_id and entry.lms_id != person.lms_id)
    ours, theirs = (set(x.casefold().split()) for x in (person.full_name, entry.full_name))
    return bool(others and ours and theirs and not ours & theirs)


def _named(found: Sequence[tuple[Entry, Person | None]], everyone: Sequence[Person]) -> list[Match]:
    """A name for everyone who is new: their own user name where it can be, if not one near it."""
    taken = {x for one in everyone for x in _logins(one)}
    given = {x for entry, person in found if person is None for x in entry.keys["login"]}
    names: dict[Entry, str] = {}
    new = [entry for entry, person in found if person is None]
    # Who has a safe user name keeps it; names that are made up come after, and around these.
    for entry in sorted(new, key=lambda one: safe_name(_source(one)) != _source(one).casefold()):
        own = entry.keys["login"]
        name = free_name(safe_name(_source(entry)), taken | (given - own))
        names[entry] = name
        taken.add(name)
    return [
        _new(entry, names[entry]) if person is None else _known(entry, person)
        for entry, person in found
    ]


def _source(entry: Entry) -> str:
    return (*entry.logins, entry.email)[0]


def _new(entry: Entry, name: str) -> Match:
    return Match(entry, None, name, _login(entry))


def _login(entry: Entry) -> str:
    """The user name that a line gives; an address that is the person's e-mail is none."""
    told = entry.name or ("" if "@" in entry.lms_login else entry.lms_login)
    return "" if told.casefold() == entry.email_address.casefold() else told


def _known(entry: Entry, person: Person) -> Match:
    changes = [] if person.active else [("active", "no", "yes")]
    names = _logins(person)
    login = person.login
    if entry.name and _login(entry).casefold() not in {"", login.casefold()} | (
        names if login else set()
    ):
        login = entry.name
        changes.append(("login", person.login, login))
    # An address that is given as a login is a guess at the e-mail: it takes no other's place.
    email = entry.email or ("" if person.email else entry.email_address)
    facts = {key: getattr(entry, key) for key in _FACTS} | {"email": email}
    for key, value in facts.items():
        old = getattr(person, key)
        # An export of ours gives another name where the platform's is not known.
        known = key == "lms_login" and not old and value.casefold() in names | entry.keys["email"]
        if value and value != old and not known:
            changes.append((key, old, value))
    return Match(entry, person, person.name, login, tuple(changes))


def _logins(person: Person) -> set[str]:
    """All that someone is called here as a user name, in small letters."""
    return {x.casefold() for x in (person.name, person.login, person.lms_login) if x}


def _told(person: Person) -> str:
    """A person as a teacher knows them: by all that tells them apart."""
    name = person.login or person.name
    more = ", ".join(x for x in (person.full_name, person.email) if x)
    return f"{name} ({more})" if more else name
