"""What holds for one person in one lab: dates, attempts, handing in now, and what is shown when."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.grader.lab import Lab
from introml.hub.course import Extension, Grading, LabSchedule, Person, Submission

#: How many submissions of one person may wait at a time, over all labs.
MOST_WAITING = 5


@dataclass(frozen=True)
class Dates:
    """When a lab opens, is due and closes, and from when feedback and solutions are shown.

    None: no such limit; feedback at once; solutions from the day that the lab itself names.
    """

    opens_at: datetime | None = None
    due_at: datetime | None = None
    closes_at: datetime | None = None
    feedback_at: datetime | None = None
    solutions_at: datetime | None = None


@dataclass(frozen=True)
class Rules:
    """What holds for one person in one lab, extensions included. 0 attempts: no limit."""

    opens_at: datetime | None
    due_at: datetime | None
    closes_at: datetime | None
    attempts: int


class Why(enum.Enum):
    """Why something is not accepted."""

    NOT_ON_ROSTER = enum.auto()
    NOT_OPEN_YET = enum.auto()
    CLOSED = enum.auto()
    NO_ATTEMPT_LEFT = enum.auto()
    TOO_MANY_WAIT = enum.auto()
    EMPTY = enum.auto()
    TOO_LARGE = enum.auto()
    NO_NOTEBOOK = enum.auto()
    ANSWERS_MISSING = enum.auto()


@dataclass(frozen=True)
class Refusal:
    """Why nothing, or not this file, can be handed in; the pages put it into words.

    `at` is when the lab opens or has closed; `count` the attempts that there were, the submissions
    that wait, or the file's bytes; `most` how many bytes a file may have; `said` what the grader
    says of the file, in sentences.
    """

    why: Why
    at: datetime | None = None
    count: int = 0
    most: int = 0
    said: str = ""


def rules_for(session: Session, person: Person, lab: Lab) -> Rules:
    """The dates and the number of attempts that hold for this person."""
    return rules_of(lab, session.get(LabSchedule, lab.name), extension_of(session, person, lab))


def extension_of(session: Session, person: Person, lab: Lab) -> Extension | None:
    """The extension that someone has in a lab."""
    return session.scalar(sa.select(Extension).filter_by(person_id=person.id, lab=lab.name))


def rules_of(lab: Lab, dates: LabSchedule | Dates | None, own: Extension | None) -> Rules:
    """What holds in a lab with these dates, for someone with this extension.

    An extension gives more time and never less: of its date and the class's, the later one holds.
    """
    attempts = lab.settings.attempts
    if own is not None and attempts:
        attempts += own.more_attempts
    dates = dates or Dates()
    due, closes = dates.due_at, dates.closes_at
    if own is not None and own.due_at is not None:
        due = due and max(due, own.due_at)
        closes = closes and max(closes, own.due_at)
    return Rules(dates.opens_at, due, closes, attempts)


def refusal_now(lab: Lab, rules: Rules, used: int, waiting: int, at: datetime) -> Refusal | None:
    """Why nothing new can be handed in at this moment; None if something can.

    `used` is how many attempts in this lab are gone, `waiting` how many submissions wait in all.
    """
    if rules.opens_at is not None and at < rules.opens_at:
        return Refusal(Why.NOT_OPEN_YET, at=rules.opens_at)
    if rules.closes_at is not None and at > rules.closes_at + _grace(lab):
        return Refusal(Why.CLOSED, at=rules.closes_at)
    if rules.attempts and used >= rules.attempts:
        return Refusal(Why.NO_ATTEMPT_LEFT, count=rules.attempts)
    if waiting >= MOST_WAITING:
        return Refusal(Why.TOO_MANY_WAIT, count=waiting)
    return None


def waiting_of(session: Session, person: Person) -> int:
    """How many of this person's submissions wait for their first grade, over all labs."""
    return session.scalars(
        sa.select(sa.func.count(sa.distinct(Submission.id)))
        .join(Grading)
        .where(
            Submission.person_id == person.id,
            Grading.state.in_(("waiting", "leased")),
            Grading.reason == "handed in",
        )
    ).one()


def solution_from(session: Session, person: Person, lab: Lab) -> datetime:
    """When this person may see the solution; a teacher always may.

    A student may not before the lab's own day, or the teacher's for this course; nor while this
    student, with an extension perhaps, may still hand in something in time.
    """
    if person.role == "teacher":
        return datetime.min.replace(tzinfo=UTC)
    rules = rules_for(session, person, lab)
    return _solution_after(session, lab, [rules.due_at, rules.closes_at])


def solution_for_all_from(session: Session, lab: Lab) -> datetime:
    """When nobody is left who may not see the solution: whoever has an extension included."""
    own = session.scalars(sa.select(Extension).filter_by(lab=lab.name))
    dates = session.get(LabSchedule, lab.name)
    rules = [rules_of(lab, dates, one) for one in [None, *own]]
    return _solution_after(session, lab, [at for x in rules for at in (x.due_at, x.closes_at)])


def _solution_after(session: Session, lab: Lab, ends: Sequence[datetime | None]) -> datetime:
    """When the solution is out, for those who may hand in until then."""
    dates = session.get(LabSchedule, lab.name)
    out = dates.solutions_at if dates is not None else None
    if out is None:
        midnight = datetime.combine(lab.settings.solutions_from, time(), lab.settings.zone)
        out = midnight.astimezone(UTC)
    return max([out, *(at + _grace(lab) for at in ends if at is not None)])


def feedback_from(session: Session, lab: str) -> datetime | None:
    """From when feedback on a lab's submissions is shown; None: as soon as there is any."""
    dates = session.get(LabSchedule, lab)
    return dates.feedback_at if dates is not None else None


def _grace(lab: Lab) -> timedelta:
    return timedelta(minutes=lab.settings.late.grace_minutes)
