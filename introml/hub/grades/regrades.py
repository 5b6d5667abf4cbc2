"""Grading again: one submission, or all of a lab. What was graded before is kept, and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from introml.grader.lab import Lab
from introml.grader.results import Verdict, grade_of
from introml.hub.course import Course, Event, Grading, Person, Refused, Submission, now
from introml.hub.grades.decisions import checked_reason
from introml.hub.grades.rules import Rules
from introml.hub.grades.standing import Change, Standing
from introml.hub.grades.submissions import attempt_of, current_grading, dates_of
from introml.hub.queue import HELD, queue

_ONE, _ALL = "regrade one", "regrade all"


@dataclass(frozen=True)
class Held:
    """A grading that would lower a grade: `before` is the one that counts, None without one."""

    person: Person
    grading: Grading
    before: Grading | None


@dataclass(frozen=True)
class Regrade:
    """A regrade of a whole lab: who asked for it and why, and how far it is.

    `changes` are final once `over` is true; before, they are those known so far.
    """

    id: int
    by: str
    at: datetime
    why: str
    total: int
    done: int
    called_off: int
    changes: tuple[Change, ...]
    #: Those whose grade it would lower, which waits for a teacher's word.
    held: tuple[Held, ...] = ()

    @property
    def over(self) -> bool:
        return self.done + self.called_off >= self.total


def regrade_one(course: Course, by: str, submission_id: str, why: str) -> Grading:
    """Queue one submission again. Raises `Refused` if it waits already, or without a reason."""
    why = checked_reason(why)
    with course.database.writing() as session:
        submission = session.get(Submission, submission_id)
        if submission is None:
            raise Refused("There is no such submission.")
        _lock(session, submission.lab)
        if any(one.state == "waiting" for one in submission.gradings):
            raise Refused("This submission waits to be graded already.")
        event = _event(session, by, _ONE, submission.lab, f"{submission_id}: {why}")
        event.person = submission.person.name
        return queue(session, submission, course, _reason(event, why))


def regrade_all(course: Course, by: str, lab: Lab, why: str) -> tuple[int, int]:
    """Queue all submissions of a lab again: the regrade's number, and how many are queued.

    Those that wait already are left where they are: they are graded by today's checks anyway, and
    someone waits for them. Raises `Refused` if there is nothing to grade, or without a reason.
    """
    why = checked_reason(why)
    with course.database.writing() as session:
        _lock(session, lab.name)
        found = session.scalars(
            sa.select(Submission)
            .filter_by(lab=lab.name)
            .order_by(Submission.submitted_at, Submission.id)
            .options(selectinload(Submission.gradings).defer(Grading.result))
        )
        submissions = [
            one for one in found if all(grading.state != "waiting" for grading in one.gradings)
        ]
        if not submissions:
            raise Refused("There is nothing to grade again: no submission, or all of them wait.")
        event = _event(session, by, _ALL, lab.name, f"{len(submissions)} submissions: {why}")
        for one in submissions:
            queue(session, one, course, _reason(event, why))
        return event.id, len(submissions)


def regrades(session: Session, lab: Lab, most: int = 5) -> list[Event]:
    """The newest regrades of a whole lab, as the log has them."""
    return list(
        session.scalars(
            sa.select(Event)
            .filter_by(what=_ALL, lab=lab.name)
            .order_by(Event.id.desc())
            .limit(most)
        )
    )


def regrade(
    session: Session, lab: Lab, number: int, standings: Sequence[Standing]
) -> Regrade | None:
    """How a regrade of a whole lab stands, or None if there is none of that number.

    `standings` are those of the class in this lab: whose changes are looked for.
    """
    event = session.get(Event, number)
    if event is None or (event.what, event.lab) != (_ALL, lab.name):
        return None
    # The reason is cut to a column's length; its beginning names the event.
    states = dict(
        session.execute(
            sa.select(Grading.id, Grading.state).where(
                Grading.reason.startswith(_mark(event), autoescape=True)
            )
        ).all()
    )
    counts = Counter(states.values())
    held = session.scalars(
        sa.select(Grading)
        .where(Grading.id.in_(states), Grading.state == HELD)
        .order_by(Grading.id)
        .options(selectinload(Grading.submission))
    ).all()
    # Beside a grading that counts without what was not asked then, the whole one is held.
    beside = sum(not one.tries for one in held)
    return Regrade(
        id=event.id,
        by=event.who,
        at=event.at,
        why=event.detail.partition(": ")[2],
        total=len(states) - beside,
        done=counts["done"] + counts["declined"] + len(held) - beside,
        called_off=counts["called off"],
        changes=tuple(_changes(lab, standings, states.keys())),
        held=tuple(
            Held(one.submission.person, one, current_grading(one.submission)) for one in held
        ),
    )


def settle(course: Course, by: str, grading: int, why: str, *, take: bool) -> None:
    """Let a held grading count, or keep the grade that counts. Raises `Refused`."""
    why = checked_reason(why)
    with course.database.writing() as session:
        row = session.scalar(sa.select(Grading).filter_by(id=grading).with_for_update())
        if row is None or row.state != HELD:
            raise Refused("This grading waits for nobody's word.")
        _settle(session, by, row, why, take=take)


def take_all(course: Course, by: str, lab: Lab, number: int, why: str) -> int:
    """Let all count that a regrade holds; how many they are. Raises `Refused` if there are none."""
    why = checked_reason(why)
    with course.database.writing() as session:
        held = _held_by(session, lab, number)
        for one in held:
            _settle(session, by, one, why, take=True)
        return len(held)


def waiting_for_a_word(course: Course, lab: Lab, number: int) -> int:
    """How many grades `take_all` would let count. Raises `Refused` if there are none."""
    with course.database.reading() as session:
        return len(_held_by(session, lab, number))


def _held_by(session: Session, lab: Lab, number: int) -> list[Grading]:
    run = regrade(session, lab, number, [])
    held = [one.grading for one in run.held] if run is not None else []
    held = [one for one in held if one.verdict != Verdict.FAULT]
    if not held:
        raise Refused("No grade of this regrade waits for a teacher's word.")
    return held


def _settle(session: Session, by: str, row: Grading, why: str, *, take: bool) -> None:
    if take and row.verdict == Verdict.FAULT:
        raise Refused("The grader failed there, so there is no grade to take. Grade it again.")
    before = current_grading(row.submission)
    row.state = "done" if take else "declined"
    old = f"{before.score:g} of {before.max_score:g}" if before is not None else "none"
    words = f"{old} → {row.score:g} of {row.max_score:g} ({row.verdict})"
    event = _event(
        session, by, "lower grade taken" if take else "old grade kept", row.submission.lab,
        f"{row.submission_id}, grading {row.id}: {words}: {why}",
    )  # fmt: skip
    event.person = row.submission.person.name


def _changes(lab: Lab, standings: Sequence[Standing], of_this: Collection[int]) -> list[Change]:
    """Whose grade differs between what was done before the regrade, and what it has found."""
    first = min(of_this, default=0)
    changes = []
    for one in standings:
        # Only what was handed in before the regrade: what came later changes grades by itself.
        known = [
            x for x in one.submissions if any(g.id in of_this or g.id < first for g in x.gradings)
        ]
        before = _grade(lab, one.rules, known, lambda grading: grading.id < first)
        after = _grade(
            lab, one.rules, known, lambda grading: grading.id < first or grading.id in of_this
        )
        if before != after:
            changes.append(Change(one.person, before, after))
    return changes


def _grade(
    lab: Lab, rules: Rules, submissions: list[Submission], counts: Callable[[Grading], bool]
) -> float | None:
    attempts = []
    for one in submissions:
        done = [x for x in one.gradings if x.state == "done" and counts(x)]
        if done:
            attempts.append(attempt_of(one, done[-1]))
    return grade_of(
        attempts,
        policy=lab.settings.policy,
        allowed=rules.attempts or None,
        rule=lab.settings.late,
        deadline=rules.due_at,
    )


def _lock(session: Session, lab: str) -> None:
    """One at a time in a lab: two teachers who ask at the same time queue a submission once."""
    session.refresh(dates_of(session, lab), with_for_update=True)


def _event(session: Session, by: str, what: str, lab: str, detail: str) -> Event:
    event = Event(at=now(), who=by, what=what, lab=lab, detail=detail)
    session.add(event)
    session.flush()
    return event


def _mark(event: Event) -> str:
    return f"regrade {event.id}: "


def _reason(event: Event, why: str) -> str:
    return _mark(event) + why
