"""Whom somebody means who types a name, an email address, or what another system calls them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.hub.course import Person

_LONGEST = 200


def called(session: Session, told: str) -> Person | None:
    """The one person whom the roster calls so, in small letters or capitals; None if not one.

    A name goes before a login, and a login that two have is nobody's. Who has left is found by
    name alone.
    """
    told = told.strip()
    if not told or len(told) > _LONGEST or "\0" in told:
        return None
    if named := session.scalar(sa.select(Person).filter_by(name=told.lower())):
        return named
    # The database's lower() on both sides: not every one knows other letters than a to z.
    wanted = sa.func.lower(told)
    same = [sa.func.lower(Person.lms_login) == wanted]
    if "@" in told:
        same.append(sa.func.lower(Person.email) == wanted)
    found = list(session.scalars(sa.select(Person).where(sa.or_(*same), Person.active).limit(2)))
    return found[0] if len(found) == 1 else None
