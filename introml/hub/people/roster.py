"""What a teacher does to the roster: see what an import would change, invite, set roles, let go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.hub.course import ROLES, Course, Event, Invitation, Person, Refused, now
from introml.hub.people import people
from introml.hub.people.people import someone

#: The largest roster file that is read, in characters.
LARGEST = 1_000_000


@dataclass(frozen=True)
class PlannedChange:
    """Someone whom an import would change: what of them, from what to what."""

    name: str
    changes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Plan:
    """What an import would do. `kept_role` are those whose role in the file is not taken over."""

    added: tuple[people.Entry, ...]
    changed: tuple[PlannedChange, ...]
    same: int
    kept_role: tuple[str, ...]


@dataclass(frozen=True)
class Invited:
    """A fresh one-time secret for someone; it is kept nowhere."""

    name: str
    full_name: str
    email: str
    secret: str


def read(text: str) -> list[people.Entry]:
    """The people in a roster file. Raises `Refused`."""
    if len(text) > LARGEST:
        raise Refused(f"The file has {len(text)} characters; at most {LARGEST} are read.")
    if "\0" in text:
        raise Refused("This is no CSV file. Save the roster as CSV (UTF-8), and try again.")
    try:
        return people.read_roster(text)
    except people.RosterError as problem:
        words = str(problem)
        raise Refused(words[:1].upper() + words[1:]) from problem


def plan(session: Session, entries: Iterable[people.Entry]) -> Plan:
    """What `people.add_people` would do with these entries, changing nothing."""
    known = {one.name: one for one in session.scalars(sa.select(Person))}
    added, changed, kept, same = [], [], [], 0
    for entry in entries:
        person = known.get(entry.name)
        if person is None:
            added.append(entry)
            continue
        changes = [] if person.active else [("active", "no", "yes")]
        changes += [
            (key, getattr(person, key), value)
            for key, value in vars(entry).items()
            if key not in ("name", "role") and value and getattr(person, key) != value
        ]
        if entry.role != person.role:
            kept.append(entry.name)
        if changes:
            changed.append(PlannedChange(entry.name, tuple(changes)))
        else:
            same += 1
    return Plan(tuple(added), tuple(changed), same, tuple(kept))


def put(course: Course, by: str, entries: Sequence[people.Entry]) -> people.Imported:
    """Put people on the roster, or bring what is known of them up to date."""
    with course.database.writing() as session:
        return people.add_people(session, entries, by)


def invite(course: Course, by: str, names: Sequence[str]) -> list[Invited]:
    """One-time secrets for these people; the ones that they had before end. Raises `Refused`.

    Who has a password already can choose a new one with it: so a forgotten one is replaced.
    """
    with course.database.writing() as session:
        invited = []
        for name in names:
            person = someone(session, name)
            if not person.active:
                raise Refused(f"{name} is no longer in the course. Bring them back first.")
            secret = people.invite(session, person, by)
            invited.append(Invited(name, person.full_name, person.email, secret))
        return invited


def without_password(session: Session) -> list[str]:
    """The names of active people who have not chosen a password yet."""
    wanted = sa.select(Person.name).filter_by(active=True, password="").order_by(Person.name)
    return list(session.scalars(wanted))


def open_invitations(session: Session) -> set[int]:
    """The ids of people who have an invitation that can still be used."""
    at = now()
    wanted = sa.select(Invitation.person_id).where(
        Invitation.used_at.is_(None), Invitation.expires_at >= at
    )
    return set(session.scalars(wanted))


def set_role(course: Course, by: str, name: str, role: str) -> None:
    """Make someone a teacher, or a student. Raises `Refused`; nobody changes their own role."""
    if role not in ROLES:
        raise Refused(f"The role is {role!r}; it must be one of {', '.join(ROLES)}.")
    with course.database.writing() as session:
        person = someone(session, name)
        if name == by:
            raise Refused("You cannot change your own role. Ask another teacher.")
        if person.role == role:
            raise Refused(f"{name} is a {role} already.")
        old, person.role = person.role, role
        _log(session, by, "role", name, f"{old} → {role}")


def set_active(course: Course, by: str, name: str, active: bool) -> None:
    """Let someone go, or bring them back; what they handed in is kept. Raises `Refused`."""
    with course.database.writing() as session:
        person = someone(session, name)
        if name == by:
            raise Refused("You cannot take yourself off the roster. Ask another teacher.")
        if person.active == active:
            state = "on the roster" if active else "off the roster"
            raise Refused(f"{name} is {state} already.")
        person.active = active
        if not active:
            session.execute(
                sa.delete(Invitation).where(
                    Invitation.person_id == person.id, Invitation.used_at.is_(None)
                )
            )
        _log(session, by, "brought back" if active else "let go", name, "")


def _log(session: Session, by: str, what: str, person: str, detail: str) -> None:
    session.add(Event(at=now(), who=by, what=what, person=person, detail=detail))
