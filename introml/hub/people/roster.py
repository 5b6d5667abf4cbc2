"""What a teacher does to the roster: see what an import would change, invite, set roles, let go."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.grader.text import one_line
from introml.hub.course import ROLES, Course, Event, Invitation, Person, Refused, now
from introml.hub.people import people, roster_file
from introml.hub.people.matching import Match, match
from introml.hub.people.names import RosterError
from introml.hub.people.people import someone
from introml.hub.people.roster_file import RosterFile

#: What a plan's changes are called before a teacher.
FACTS = {
    "active": "in the course",
    "login": "user name",
    "full_name": "full name",
    "email": "e-mail",
    "lms_id": "ID at the platform",
    "lms_login": "login at the platform",
}


@dataclass(frozen=True)
class Plan:
    """What an import would do. `kept_role` are those whose role in the file is not taken over."""

    added: tuple[Match, ...]
    changed: tuple[Match, ...]
    same: int
    kept_role: tuple[str, ...]
    #: Students of the course whom the file does not name, as people know them: they stay.
    absent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def teachers(self) -> tuple[Match, ...]:
        """Who is added as a teacher."""
        return tuple(one for one in self.added if one.entry.role == "teacher")

    @property
    def digest(self) -> str:
        """What is the same as long as the import would do the same."""
        told = [(one.name, one.login, one.entry, one.changes) for one in self.added + self.changed]
        return hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Invited:
    """A fresh one-time secret for someone; it is kept nowhere. `login`: how they sign in."""

    name: str
    login: str
    full_name: str
    email: str
    secret: str


def read(data: bytes | str) -> RosterFile:
    """The people in a roster file, and what is wrong with its lines. Raises `RosterError`."""
    return roster_file.read(data)


def plan(session: Session, file: RosterFile) -> Plan:
    """What an import would do, changing nothing. Raises `RosterError` with all that is wrong."""
    matches = match(session, file.entries, file.problems)
    known = [(one, one.person) for one in matches if one.person is not None]
    others = (
        sa.select(Person)
        .where(Person.active, Person.role == "student")
        .where(Person.id.not_in([person.id for _, person in known]))
        .order_by(Person.name)
    )
    return Plan(
        added=tuple(one for one in matches if one.person is None),
        changed=tuple(one for one, _ in known if one.changes),
        same=sum(not one.changes for one, _ in known),
        kept_role=tuple(one.name for one, person in known if one.entry.role != person.role),
        absent=tuple(one.full_name or people.login_of(one) for one in session.scalars(others)),
        notes=file.notes,
    )


def put(course: Course, by: str, file: RosterFile, seen: str) -> people.Imported:
    """Carry out a plan that was `seen`, by its digest. Raises `Refused` if it is another by now."""
    try:
        with course.database.writing() as session:
            if plan(session, file).digest != seen:
                raise Refused(
                    "The roster was changed since you looked. See again what will change."
                )
            return people.add_people(session, file.entries, by)
    except RosterError as problem:
        raise Refused(sentence(problem.problems[0])) from problem


def told(plan: Plan) -> list[str]:
    """A plan in lines of plain text: who is added, as what, and what changes of whom."""
    lines = [one_line(note) for note in plan.notes]
    for one in plan.added:
        account = f" (account {one.name})" if one.login not in ("", one.name) else ""
        words = [one.entry.full_name, one.entry.email_address, one.entry.role.upper()]
        words = words if one.entry.role == "teacher" else words[:-1]
        more = "".join(f", {one_line(word)}" for word in words if word)
        lines.append(f"+ {one.login or one.name}{account}{more}")
    for one in plan.changed:
        what = "; ".join(
            f"{FACTS[key]}: {one_line(old) or 'nothing'} → {one_line(new)}"
            for key, old, new in one.changes
        )
        lines.append(f"~ {one.login or one.name}: {what}")
    if plan.kept_role:
        lines.append(f"An import changes nobody's role; kept: {_some(plan.kept_role)}")
    if plan.absent:
        lines.append(f"Not in this file, and stay: {_some(plan.absent)}")
    count = len(plan.teachers)
    teachers = f" ({count} as {'a teacher' if count == 1 else 'teachers'})" if count else ""
    lines.append(
        f"{len(plan.added)} would be added{teachers}, {len(plan.changed)} changed, "
        f"{plan.same} as before"
    )
    return lines


def _some(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(one_line, names[:most])) + more


def sentence(problem: str) -> str:
    """A problem of a roster as a sentence."""
    return f"{problem[:1].upper()}{problem[1:].removesuffix('.')}."


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
            login, secret = people.login_of(person), people.invite(session, person, by)
            invited.append(Invited(name, login, person.full_name, person.email, secret))
        return invited


def add(course: Course, by: str, entry: people.Entry) -> str:
    """Put someone new on the roster; their name here. Raises `Refused`.

    Who is on it already, under this name, address or number, is left as they are.
    """
    if not (entry.name or entry.email):
        raise Refused("Give a user name, or an email address.")
    with course.database.writing() as session:
        try:
            (one,) = match(session, [entry])
            if one.person is None:
                people.add_people(session, [entry], by)
        except RosterError as problem:
            raise Refused(" ".join(map(sentence, problem.problems))) from problem
        if one.person is not None:
            told = f"{one.person.full_name} ({people.login_of(one.person)})".removeprefix(" ")
            state = f"a {one.person.role}" if one.person.active else "as someone who has left"
            raise Refused(f"{told} is on the roster already, {state}. Nothing was changed.")
        return one.name


def without_password(session: Session) -> list[str]:
    """The names of active people who have not chosen a password yet."""
    wanted = sa.select(Person.name).filter_by(active=True, password="").order_by(Person.name)
    return list(session.scalars(wanted))


def uninvited(session: Session) -> list[str]:
    """The names of active people with neither a password nor a link that can still be used."""
    wanted = sa.select(Person.name).filter_by(active=True, password="").order_by(Person.name)
    return list(session.scalars(wanted.where(Person.id.not_in(open_invitations(session)))))


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
