"""The roster: who is in the course, as what, and the one-time links by which they first sign in."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.hub.course import ROLES, Event, Invitation, Person, Refused, now
from introml.hub.people import passwords

INVITATION_LASTS = timedelta(days=14)
#: A name must do as a unix user, a JupyterHub user, and a part of an address.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
_MOST_ROWS = 10_000
#: What rosters of other systems call our columns; the first ones are our own.
_COLUMNS = {
    "name": ("name", "username", "user", "login", "login_id"),
    "full_name": ("full_name", "full name", "student", "display name", "student name"),
    "email": ("email", "email address", "e-mail"),
    "role": ("role",),
    "lms_id": ("lms_id", "id", "id number", "identifier", "sid", "student id"),
    "lms_login": ("lms_login", "sis login id", "sis user id"),
}
#: Accounts that a machine has of its own; nobody may come in under one of them.
_RESERVED = {
    "root",
    "daemon",
    "bin",
    "sys",
    "sync",
    "games",
    "man",
    "lp",
    "mail",
    "news",
    "uucp",
    "proxy",
    "www-data",
    "backup",
    "list",
    "irc",
    "nobody",
    "admin",
    "adm",
    "sshd",
    "messagebus",
    "systemd-network",
    "postgres",
    "munge",
    "slurm",
    # Groups that give power over the machine, and may come to it after a student of that name.
    "docker",
    "lxd",
    "libvirt",
    "sudo",
    "wheel",
    "introml",
    "service",
    "hub",
}


class RosterError(Exception):
    """The roster cannot be used; the text names the line and says what is allowed."""


@dataclass(frozen=True)
class Entry:
    """One row of a roster."""

    name: str
    full_name: str = ""
    email: str = ""
    role: str = "student"
    lms_id: str = ""
    lms_login: str = ""


@dataclass(frozen=True)
class Imported:
    """What an import did: names of people who are new, changed, or as before."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]


def check_name(name: str) -> str:
    """`name` if someone may be called so. Raises `RosterError`."""
    if not _NAME.fullmatch(name):
        raise RosterError(
            f"{name!r} cannot be a user's name; use a small letter, then small letters, digits and "
            "hyphens, 30 at most"
        )
    if name in _RESERVED:
        raise RosterError(f"{name!r} is an account of the machine; choose another name")
    return name


def read_roster(text: str) -> list[Entry]:
    """The people in a CSV file with a header. Raises `RosterError`.

    A column `name` is needed, or `email`, of which the part before the @ is taken. Known too are
    full_name, role, lms_id and lms_login, and what Canvas, Moodle and Gradescope call these.
    """
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline="")))
    if not rows or len(rows) > _MOST_ROWS:
        raise RosterError(f"the roster has {len(rows)} lines; it must have 2 to {_MOST_ROWS}")
    header = [cell.strip().lower() for cell in rows[0]]
    places = {
        ours: next((header.index(one) for one in theirs if one in header), None)
        for ours, theirs in _COLUMNS.items()
    }
    if places["name"] is None and places["email"] is None:
        raise RosterError(
            "the first line must name the columns, with 'name' or 'email' among them; it is: "
            + ", ".join(rows[0])[:200]
        )
    entries: list[Entry] = []
    lines: dict[str, int] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        values = {
            key: row[place].strip() if place is not None and place < len(row) else ""
            for key, place in places.items()
        }
        values["name"] = values["name"] or _name_from(values["email"])
        values["role"] = values["role"].lower() or "student"
        try:
            check_name(values["name"])
        except RosterError as problem:
            raise RosterError(f"line {number}: {problem}") from None
        if values["role"] not in ROLES:
            raise RosterError(
                f"line {number}: the role is {values['role']!r}; it must be one of "
                f"{', '.join(ROLES)}"
            )
        if values["name"] in lines:
            raise RosterError(
                f"line {number}: {values['name']!r} is in line {lines[values['name']]} already"
            )
        lines[values["name"]] = number
        entries.append(Entry(**{key: value[:200] for key, value in values.items()}))
    if not entries:
        raise RosterError("the roster names nobody")
    return entries


def add_people(session: Session, entries: Iterable[Entry], by: str) -> Imported:
    """Put people on the roster, or bring what is known of them up to date. Nobody is removed.

    A role is set when someone is added and never changed by an import: `set_role` does that.
    """
    added, changed, same = [], [], []
    for entry in entries:
        person = find(session, entry.name)
        known = {
            key: value
            for key, value in vars(entry).items()
            if key not in ("name", "role") and value
        }
        if person is None:
            session.add(
                Person(name=check_name(entry.name), role=entry.role, made_at=now(), **known)
            )
            added.append(entry.name)
        elif not person.active or any(getattr(person, key) != x for key, x in known.items()):
            person.active = True
            for key, value in known.items():
                setattr(person, key, value)
            changed.append(entry.name)
        else:
            same.append(entry.name)
    for what, names in (("added", added), ("changed", changed)):
        for name in names:
            session.add(Event(at=now(), who=by, what=f"roster: {what}", person=name))
    session.flush()
    return Imported(tuple(added), tuple(changed), tuple(same))


def find(session: Session, name: str) -> Person | None:
    """The person of that name, also one who has left."""
    return session.scalar(sa.select(Person).filter_by(name=name))


def invite(session: Session, person: Person, by: str) -> str:
    """The secret of a new one-time invitation, kept nowhere; this person's earlier ones end."""
    at = now()
    for one in session.scalars(sa.select(Invitation).filter_by(person_id=person.id, used_at=None)):
        session.delete(one)
    secret = secrets.token_urlsafe(32)
    session.add(
        Invitation(person_id=person.id, secret_hash=_hash(secret), expires_at=at + INVITATION_LASTS)
    )
    session.add(Event(at=at, who=by, what="invited", person=person.name))
    return secret


def invited(session: Session, secret: str) -> Person | None:
    """Whom an invitation is for, or None if it is used, over, or none."""
    one = _invitation(session, secret)
    return one.person if one is not None else None


def accept(session: Session, secret: str, password: str) -> Person | None:
    """Use an invitation up, and set the password. None if it is used, over, or none.

    Raises `ValueError` for a password that is too short; the invitation then stays good.
    """
    one = _invitation(session, secret, lock=True)
    if one is None:
        return None
    one.person.password = passwords.hashed(password)
    one.used_at = now()
    session.add(Event(at=now(), who=one.person.name, what="set a password", person=one.person.name))
    return one.person


def set_password(session: Session, name: str, password: str) -> None:
    """Give an active person another password. Raises `ValueError` for one that is too short."""
    person = session.scalar(sa.select(Person).filter_by(name=name, active=True))
    if person is None:
        raise ValueError(f"{name!r} is not in this course")
    person.password = passwords.hashed(password)
    session.add(Event(at=now(), who=name, what="set a password", person=name))


def scrypt_is_left(session: Session) -> bool:
    """Whether an active person's password is still kept by scrypt, as all were before argon2id."""
    old = Person.password.startswith(passwords.SCRYPT, autoescape=True)
    return session.scalar(sa.select(Person.id).where(old, Person.active).limit(1)) is not None


def keep_anew(session: Session, name: str, before: str, after: str) -> None:
    """Put a new hash of the same password in the place of `before`, if that is still kept."""
    same = (Person.name == name, Person.password == before)
    session.execute(sa.update(Person).where(*same).values(password=after))


def _invitation(session: Session, secret: str, lock: bool = False) -> Invitation | None:
    wanted = sa.select(Invitation).filter_by(secret_hash=_hash(secret), used_at=None)
    one = session.scalar(wanted.with_for_update() if lock else wanted)
    if one is None or one.expires_at < now() or not one.person.active:
        return None
    return one


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _name_from(email: str) -> str:
    """ "j.doe+x@example.edu" -> "j-doe-x"."""
    return re.sub(r"[^a-z0-9]+", "-", email.partition("@")[0].lower()).strip("-")[:30]


def someone(session: Session, name: str) -> Person:
    """The person of that name, locked until the end of the transaction. Raises `Refused`."""
    try:
        # What cannot be a name is no question for the database, which takes not every text for one.
        person = find(session, check_name(name))
    except RosterError:
        person = None
    if person is None:
        raise Refused(f"Nobody on the roster is called {name[:40]!r}.")
    # Two decisions on one person wait for each other, so that what the log says of before is true.
    return session.scalars(sa.select(Person).filter_by(id=person.id).with_for_update()).one()
