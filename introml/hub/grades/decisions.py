"""What a teacher decides about grades: dates, extensions, overrides. Each is written in the log.

A decision and its line in the log are one transaction: neither is there without the other.
"""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import datetime, tzinfo
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
    clock_words,
    now,
)
from introml.hub.grades.exports import points_of
from introml.hub.grades.rules import Dates, rules_of
from introml.hub.grades.standing import Change, changes_between, class_standing, standing
from introml.hub.grades.submissions import dates_of
from introml.hub.people import someone

LONGEST_REASON = 2000
MOST_MORE_ATTEMPTS = 1000


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


def moved(old: Dates, new: Dates, zone: tzinfo) -> list[str]:
    """Which dates differ, in words."""
    return [
        f"{_SAID[name]}: {_words(before, zone)} → {_words(after, zone)}"
        for name, before, after in ((x, getattr(old, x), getattr(new, x)) for x in _SAID)
        if before != after
    ]


def grades_by_dates(course: Course, lab: Lab, dates: Dates) -> list[Change]:
    """Whose grade these dates would change; nothing is changed yet. Raises `Refused`."""
    _refuse_disorder(dates, course.zone)
    with course.database.reading() as session:
        return changes_between(class_standing(session, lab), class_standing(session, lab, dates))


def grades_by_extension(
    course: Course, person: str, lab: Lab, due_at: datetime | None, more_attempts: int
) -> list[Change]:
    """The same for an extension of one person's, before it is given. Raises `Refused`."""
    _refuse_count(more_attempts)
    with course.database.reading() as session:
        whom = someone(session, person)
        before = standing(session, whom, lab)
        given = Extension(due_at=due_at, more_attempts=more_attempts)
        rules = rules_of(lab, session.get(LabSchedule, lab.name), given)
        return changes_between([before], [before.under(lab, rules)])


def set_dates(course: Course, by: str, lab: Lab, dates: Dates) -> list[str]:
    """Set all dates of a lab. Returns what changed, in words. Raises `Refused`."""
    _refuse_disorder(dates, course.zone)
    with course.database.writing() as session:
        row = dates_of(session, lab.name)
        session.refresh(row, with_for_update=True)
        changes = moved(dates_now(row), dates, course.zone)
        for one in fields(Dates):
            setattr(row, one.name, getattr(dates, one.name))
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

    Neither a date nor attempts takes the extension back. Raises `Refused`; also for a date that
    gives no more time than the class has.
    """
    reason = checked_reason(reason)
    _refuse_count(more_attempts)
    with course.database.writing() as session:
        whom = someone(session, person)
        row = session.scalar(
            sa.select(Extension).filter_by(person_id=whom.id, lab=lab.name).with_for_update()
        )
        zone = course.zone
        had = "none" if row is None else _extension_words(row.due_at, row.more_attempts, zone)
        has = _extension_words(due_at, more_attempts, zone)
        if due_at is not None and (row is None or row.due_at != due_at):
            _refuse_no_more_time(due_at, dates_now(session.get(LabSchedule, lab.name)), zone)
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


def _refuse_count(more_attempts: int) -> None:
    if not 0 <= more_attempts <= MOST_MORE_ATTEMPTS:
        raise Refused(
            f"Further attempts are {more_attempts}; write a number from 0 to {MOST_MORE_ATTEMPTS}."
        )


def _refuse_no_more_time(due_at: datetime, dates: Dates, zone: tzinfo) -> None:
    ends = [at for at in (dates.due_at, dates.closes_at) if at is not None]
    if ends and due_at <= min(ends):
        raise Refused(
            f"The date is {_words(due_at, zone)}, and the class has until "
            f"{_words(min(ends), zone)}. An extension gives more time: write a later date, or none."
        )


def _refuse_disorder(dates: Dates, zone: tzinfo) -> None:
    order = [("opens", dates.opens_at), ("is due", dates.due_at), ("closes", dates.closes_at)]
    known = [(word, at) for word, at in order if at is not None]
    for (first, early), (second, late) in pairwise(known):
        if early > late:
            raise Refused(
                f"The lab {first} at {_words(early, zone)} and {second} at {_words(late, zone)}; "
                "it must open, then be due, then close. Change one of the two."
            )
    out = dates.solutions_at
    if out is not None and (dates.closes_at is None or dates.closes_at > out):
        raise Refused(
            f"Solutions would be shown from {_words(out, zone)}, while the lab can still be "
            "handed in. Set “Closes” to that time or an earlier one."
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


def _extension_words(due_at: datetime | None, more_attempts: int, zone: tzinfo) -> str:
    due = f"due {_words(due_at, zone)}" if due_at is not None else ""
    more = f"{more_attempts} more attempts" if more_attempts else ""
    return ", ".join(part for part in (due, more) if part)


def _words(at: datetime | None, zone: tzinfo) -> str:
    return "none" if at is None else clock_words(at, zone)


def _log(
    session: Session, by: str, what: str, *, person: str = "", lab: str = "", detail: str = ""
) -> None:
    session.add(Event(at=now(), who=by, what=what, person=person, lab=lab, detail=detail))
