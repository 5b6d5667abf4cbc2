"""What a teacher decides about grades: dates, extensions, overrides. Each is written in the log.

A decision and its line in the log are one transaction: neither is there without the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.grader.lab import Lab
from introml.grader.text import plain
from introml.hub.course import (
    Course,
    Event,
    Extension,
    Grading,
    LabSchedule,
    Override,
    Person,
    Refused,
    now,
)
from introml.hub.grades.exports import points_of
from introml.hub.grades.submissions import dates_of
from introml.hub.people import someone

LONGEST_REASON = 2000
MOST_MORE_ATTEMPTS = 1000


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


_SAID = {
    "opens_at": "opens",
    "due_at": "due",
    "closes_at": "closes",
    "feedback_at": "feedback",
    "solutions_at": "solutions",
}


def dates_now(row: LabSchedule | None) -> Dates:
    """The dates in a lab's row, or no dates where there is no row yet."""
    return Dates(**{name: getattr(row, name, None) for name in _SAID})


def set_dates(course: Course, by: str, lab: Lab, dates: Dates) -> list[str]:
    """Set all dates of a lab. Returns what changed, in words. Raises `Refused`."""
    _refuse_disorder(dates)
    with course.database.writing() as session:
        row = dates_of(session, lab.name)
        session.refresh(row, with_for_update=True)
        changes = []
        for one in fields(Dates):
            old, new = getattr(row, one.name), getattr(dates, one.name)
            if old != new:
                setattr(row, one.name, new)
                changes.append(f"{_SAID[one.name]}: {_words(old)} → {_words(new)}")
        if changes:
            _log(session, by, "set dates", lab=lab.name, detail="; ".join(changes))
    return changes


def extend(
    course: Course,
    by: str,
    person: str,
    lab: Lab,
    *,
    due_at: datetime | None,
    more_attempts: int,
    reason: str,
) -> None:
    """Give one person a due date of their own, or further attempts, in place of any earlier ones.

    Neither a date nor attempts takes the extension back. Raises `Refused`.
    """
    reason = checked_reason(reason)
    if not 0 <= more_attempts <= MOST_MORE_ATTEMPTS:
        raise Refused(
            f"Further attempts are {more_attempts}; write a number from 0 to {MOST_MORE_ATTEMPTS}."
        )
    with course.database.writing() as session:
        whom = someone(session, person)
        row = session.scalar(
            sa.select(Extension).filter_by(person_id=whom.id, lab=lab.name).with_for_update()
        )
        had = "none" if row is None else _extension_words(row.due_at, row.more_attempts)
        has = _extension_words(due_at, more_attempts)
        if due_at is None and not more_attempts:
            if row is None:
                raise Refused("There is no extension to take back. Give a date, or attempts.")
            session.delete(row)
            has = "none"
        else:
            if row is None:
                row = Extension(person_id=whom.id, lab=lab.name)
                session.add(row)
            row.due_at, row.more_attempts, row.reason = due_at, more_attempts, reason
        _log(
            session, by, "extension", person=person, lab=lab.name,
            detail=f"{had} → {has}: {reason}",
        )  # fmt: skip


def override(course: Course, by: str, person: str, lab: Lab, score: float, reason: str) -> None:
    """Set a grade by hand, in place of the computed one. Earlier overrides stay in the log.

    Raises `Refused` for a score outside 0 … the lab's points, and without a reason.
    """
    reason = checked_reason(reason)
    most = points_of(course, lab)
    if not math.isfinite(score) or not 0 <= score <= most:
        raise Refused(f"The grade is {score:g}; it must be a number from 0 to {most:g}.")
    with course.database.writing() as session:
        whom = someone(session, person)
        had = _override_of(session, whom, lab)
        session.add(_override(by, whom, lab, score, reason))
        _log(
            session, by, "override", person=person, lab=lab.name,
            detail=f"{_score_words(had)} → {score:g}: {reason}",
        )  # fmt: skip


def take_back_override(course: Course, by: str, person: str, lab: Lab, reason: str) -> None:
    """Let the computed grade count again. Raises `Refused` without a reason or an override."""
    reason = checked_reason(reason)
    with course.database.writing() as session:
        whom = someone(session, person)
        had = _override_of(session, whom, lab)
        if had is None or had.score is None:
            raise Refused("No grade was set by hand here, so there is none to take back.")
        session.add(_override(by, whom, lab, None, reason))
        _log(
            session, by, "override taken back", person=person, lab=lab.name,
            detail=f"{had.score:g} → computed: {reason}",
        )  # fmt: skip


def looked_at(course: Course, by: str, grading: int, note: str) -> None:
    """Say that a person has looked at what was flagged in a grading; the flags stay in its result.

    Raises `Refused` without a note on what was found, or if nothing waits to be looked at.
    """
    note = checked_reason(note)
    with course.database.writing() as session:
        row = session.scalar(sa.select(Grading).filter_by(id=grading).with_for_update())
        if row is None or not row.flagged:
            raise Refused("Nothing in this grading waits for a person.")
        row.flagged = False
        submission = row.submission
        _log(
            session, by, "looked at", person=submission.person.name, lab=submission.lab,
            detail=f"{submission.id}, grading {row.id}: {note}",
        )  # fmt: skip


def checked_reason(reason: str) -> str:
    """The reason, without invisible characters. Raises `Refused` if there is none."""
    reason = plain(reason, 10 * LONGEST_REASON).strip()
    if not reason:
        raise Refused("A reason is missing. Write one: the log keeps it, so that you can tell why.")
    if len(reason) > LONGEST_REASON:
        raise Refused(f"The reason has {len(reason)} characters; at most {LONGEST_REASON} fit.")
    return reason


def _refuse_disorder(dates: Dates) -> None:
    order = [("opens", dates.opens_at), ("is due", dates.due_at), ("closes", dates.closes_at)]
    known = [(word, at) for word, at in order if at is not None]
    for (first, early), (second, late) in pairwise(known):
        if early > late:
            raise Refused(
                f"The lab {first} at {_words(early)} and {second} at {_words(late)}; it must open, "
                "then be due, then close. Change one of the two."
            )
    out = dates.solutions_at
    if out is not None and (dates.closes_at is None or dates.closes_at > out):
        raise Refused(
            f"Solutions would be shown from {_words(out)}, while the lab can still be handed in. "
            "Set “Closes” to that time or an earlier one."
        )


def _override_of(session: Session, person: Person, lab: Lab) -> Override | None:
    return session.scalar(
        sa.select(Override)
        .filter_by(person_id=person.id, lab=lab.name)
        .order_by(Override.id.desc())
        .limit(1)
    )


def _override(by: str, person: Person, lab: Lab, score: float | None, reason: str) -> Override:
    return Override(person_id=person.id, lab=lab.name, score=score, reason=reason, by=by, at=now())


def _score_words(one: Override | None) -> str:
    return "computed" if one is None or one.score is None else f"{one.score:g}"


def _extension_words(due_at: datetime | None, more_attempts: int) -> str:
    due = f"due {_words(due_at)}" if due_at is not None else ""
    more = f"{more_attempts} more attempts" if more_attempts else ""
    return ", ".join(part for part in (due, more) if part)


def _words(at: datetime | None) -> str:
    return "none" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _log(
    session: Session, by: str, what: str, *, person: str = "", lab: str = "", detail: str = ""
) -> None:
    session.add(Event(at=now(), who=by, what=what, person=person, lab=lab, detail=detail))
