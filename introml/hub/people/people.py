"""The roster: who is in the course, as what, and the one-time links by which they first sign in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.hub.course import Event, Invitation, Person, Refused, now
from introml.hub.people import passwords, roster_file
from introml.hub.people.matching import Entry as Entry
from introml.hub.people.matching import faults, match, refuse
from introml.hub.people.names import RosterError as RosterError
from introml.hub.people.names import check_email as check_email
from introml.hub.people.names import check_name as check_name

INVITATION_LASTS = timedelta(days=14)


@dataclass(frozen=True)
class Imported:
    """What an import did: names of people who are new, changed, or as before."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]


def read_roster(data: bytes | str) -> list[Entry]:
    """The people in a roster file. Raises `RosterError` with all that is wrong in it."""
    file = roster_file.read(data)
    refuse([*file.problems, *faults(file.entries)])
    return list(file.entries)


def add_people(session: Session, entries: Iterable[Entry], by: str) -> Imported:
    """Put people on the roster, or bring what is known of them up to date. Nobody is removed.

    A role is set when someone is added and never changed by an import: `set_role` does that.
    Raises `RosterError` with all that is wrong; then nothing has changed.
    """
    added, changed, same = [], [], []
    for one in match(session, entries):
        entry, person = one.entry, one.person
        if person is None:
            facts = {key: getattr(entry, key) for key in ("full_name", "lms_id", "lms_login")}
            session.add(
                Person(
                    name=check_name(one.name), login=one.login, email=entry.email_address,
                    role=entry.role, made_at=now(), **facts,
                )
            )  # fmt: skip
            added.append(one.name)
        elif one.changes:
            person.active = True
            for key, _, value in one.changes:
                if key != "active":
                    setattr(person, key, value)
            changed.append(one.name)
        else:
            same.append(one.name)
    for what, names in (("added", added), ("changed", changed)):
        for name in names:
            session.add(Event(at=now(), who=by, what=f"roster: {what}", person=name))
    session.flush()
    return Imported(tuple(added), tuple(changed), tuple(same))


def find(session: Session, name: str) -> Person | None:
    """The person of that name, also one who has left."""
    return session.scalar(sa.select(Person).filter_by(name=name))


def is_known(session: Session, entry: Entry) -> bool:
    """Whether this is someone of the roster, also one who has left. Raises `RosterError`."""
    (one,) = match(session, [entry])
    return one.person is not None


def whom(session: Session, told: str) -> Person | None:
    """The one person who is called so: by the user name, the name made of it, or the e-mail.

    Capitals make no difference. None where nobody or more than one is called so.
    """
    if not told or len(told) > 200 or "\0" in told:
        return None
    asked = {told, told.lower()}
    same = [
        sa.or_(column.in_(asked), sa.func.lower(column) == told.lower())
        for column in (Person.name, Person.login, Person.lms_login)
    ]
    if "@" in told:
        same.append(sa.func.lower(Person.email) == told.lower())
    found = list(session.scalars(sa.select(Person).where(sa.or_(*same)).limit(2)))
    return found[0] if len(found) == 1 else None


def login_of(person: Person) -> str:
    """By what someone signs in, as they know it: the user name, or else the e-mail address."""
    return person.login or person.email or person.name


def cluster_account(session: Session, person: Person) -> str:
    """The account that someone has on a cluster: of the user name that the roster gives.

    Where it gives an e-mail alone, of the part before the @. Raises `Refused` where several have
    that part, for it is not known whose the account is.
    """
    if person.login and "@" not in person.login:
        return person.login
    part = person.email.partition("@")[0].lower()
    others = sa.func.lower(Person.email).startswith(f"{part}@", autoescape=True)
    if part and session.scalar(sa.select(Person.id).where(others, Person.id != person.id).limit(1)):
        raise Refused(
            f"more than one person on the roster has an address {part}@…, so it is not known whose "
            f"the account {part!r} is; give their user names on the cluster in the roster's column "
            "'name'"
        )
    return person.name


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


def someone(session: Session, name: str) -> Person:
    """The person of that name, locked until the end of the transaction. Raises `Refused`."""
    try:
        # What cannot be a name is no question for the database, which takes not every text for one.
        person = find(session, check_name(name))
    except RosterError:
        person = None
    return _locked(session, person, name)


def called(session: Session, told: str) -> Person:
    """The one person whom people call so, as `whom` finds them, locked. Raises `Refused`."""
    return _locked(session, whom(session, told), told)


def _locked(session: Session, person: Person | None, told: str) -> Person:
    if person is None:
        raise Refused(f"Nobody on the roster is called {told[:40]!r}.")
    # Two decisions on one person wait for each other, so that what the log says of before is true.
    return session.scalars(sa.select(Person).filter_by(id=person.id).with_for_update()).one()
