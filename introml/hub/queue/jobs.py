"""The queue of gradings. A worker leases one, keeps the lease alive while it grades, and reports.

A lease that lapses is given to another worker; a report under a lapsed or foreign lease is refused.
So a worker that dies loses nothing, and nothing is graded twice.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.grader.results import (
    FAULT_MESSAGE,
    CheckResult,
    Flag,
    Regraded,
    SubmissionResult,
    Verdict,
    change_in_words,
    from_json,
    regraded,
    to_json,
)
from introml.grader.text import plain
from introml.hub.course import Course, Event, Grading, LabSchedule, Submission, now

#: A worker asks for more well before this is over.
LEASE = timedelta(seconds=60)
#: How often a grading is begun before it is given up as a fault of the grader.
MOST_TRIES = 4
#: The state of a grading that would lower a grade, and waits for a teacher's word.
HELD = "held"


class LeaseLost(Exception):
    """The grading is not this worker's any more: drop the work, lease anew."""


@dataclass(frozen=True)
class Lease:
    """A grading in a worker's hands. `token` is the one proof of it."""

    grading: int
    token: str
    submission: str
    lab: str
    seed: int
    file_name: str
    sha256: str
    until: datetime
    tier: str


def lease(
    course: Course, worker: str, tiers: Sequence[str], labs: Sequence[str] | None = None
) -> Lease | None:
    """The next grading for this worker, or None if there is none. Lapsed leases come back first."""
    with course.database.writing() as session:
        _take_back_lapsed(session)
        wanted = [Grading.state == "waiting", Grading.tier.in_(tiers)]
        if labs is not None:
            wanted.append(Submission.lab.in_(labs))
        row = session.execute(
            sa.select(Grading, Submission)
            .join(Submission)
            .where(*wanted)
            .order_by(Grading.priority, Grading.id)
            .limit(1)
            .with_for_update(skip_locked=True, of=Grading)
        ).first()
        if row is None:
            return None
        grading, submission = row
        token = secrets.token_urlsafe(24)
        grading.state = "leased"
        grading.lease = _hash(token)
        grading.lease_until = now() + LEASE
        grading.worker = worker[:100]
        grading.tries += 1
        grading.started_at = now()
        return Lease(
            grading.id,
            token,
            submission.id,
            submission.lab,
            session.get_one(LabSchedule, submission.lab).seed,
            submission.file_name,
            submission.sha256,
            grading.lease_until,
            grading.tier,
        )


def renew(course: Course, grading: int, token: str) -> datetime:
    """Keep a lease for another while. Raises `LeaseLost`."""
    with course.database.writing() as session:
        row = _leased(session, grading, token)
        row.lease_until = now() + LEASE
        return row.lease_until


def hand_back(course: Course, grading: int, token: str, why: str, *, tried: bool = True) -> None:
    """Give a grading back undone, for another worker to try. Raises `LeaseLost`.

    With `tried` false it is no failed try: the worker was told to end, by a teacher or by Slurm.
    """
    with course.database.writing() as session:
        row = _leased(session, grading, token)
        if not tried:
            row.tries -= 1
        _try_again(session, row, why)


def report(course: Course, grading: int, token: str, node: dict[str, Any]) -> SubmissionResult:
    """Keep a result. Raises `LeaseLost`, or `ValueError` for what is no result of this submission.

    A fault of the grader's is tried again, up to `MOST_TRIES` times in all.
    """
    result = from_json(node)
    with course.database.writing() as session:
        row = _leased(session, grading, token)
        submission = row.submission
        if (result.lab, result.sha256) != (submission.lab, submission.sha256):
            raise ValueError("this is the result of another submission")
        if result.verdict == Verdict.FAULT and row.tries < MOST_TRIES:
            _try_again(session, row, "; ".join(flag.evidence for flag in result.flags)[:4000])
        else:
            _finish(session, row, result)
    return result


def queue_place(session: Session, grading: Grading) -> int:
    """How many gradings are before this one: 0 when it is next, or under way."""
    if grading.state != "waiting":
        return 0
    before = sa.or_(
        Grading.priority < grading.priority,
        sa.and_(Grading.priority == grading.priority, Grading.id < grading.id),
    )
    return session.scalars(
        sa.select(sa.func.count()).where(
            Grading.state == "waiting", Grading.tier == grading.tier, before
        )
    ).one()


def _take_back_lapsed(session: Session) -> None:
    lapsed = session.scalars(
        sa.select(Grading)
        .where(Grading.state == "leased", Grading.lease_until < now())
        .with_for_update(skip_locked=True)
    )
    for row in lapsed:
        _try_again(session, row, f"worker {row.worker} was not heard of again")


def _try_again(session: Session, row: Grading, why: str) -> None:
    # PostgreSQL keeps no text with a NUL in it, and what failed may hold anything.
    row.trouble = f"{row.trouble}{plain(why, 8000)}\n"[-20_000:]
    row.lease, row.lease_until = "", None
    if row.tries < MOST_TRIES:
        row.state = "waiting"
        return
    submission = row.submission
    dates = session.get_one(LabSchedule, submission.lab)
    fault = SubmissionResult(
        submission.id, submission.sha256, submission.lab, row.lab_version, dates.seed,
        Verdict.FAULT, FAULT_MESSAGE, flags=[Flag("grader fault", row.trouble)],
    )  # fmt: skip
    _finish(session, row, fault)


def _finish(session: Session, row: Grading, result: SubmissionResult) -> None:
    """Keep a result. One that lowers the grade is held: a teacher lets it count, or does not."""
    submission = row.submission
    before = _counting(submission)
    found = Regraded(result) if before is None else regraded(before, result)
    if result.verdict != Verdict.FAULT:  # what an earlier regrade has proposed is out of date
        for one in submission.gradings:
            if one.state == HELD:
                one.state = "called off"
    held = before is not None and found.counts is before
    _fill(row, HELD if held else "done", result if held else found.counts)
    if found.proposed is not None and not held:
        beside = Grading(
            submission=submission, tier=row.tier, priority=row.priority, reason=row.reason,
            made_at=row.made_at, worker=row.worker,
        )  # fmt: skip
        _fill(beside, HELD, found.proposed)
        session.add(beside)
    words = f", held: {change_in_words(before, result)}" if before and found.proposed else ""
    session.add(
        Event(
            at=row.done_at,
            who=row.worker or "service",
            what="graded",
            lab=submission.lab,
            person=submission.person.name,
            detail=plain(f"{submission.id} {row.reason}: {row.verdict}{words}", 2000),
        )
    )


def _counting(submission: Submission) -> SubmissionResult | None:
    """The result that counts for a submission now; None before the first."""
    done = [one for one in submission.gradings if one.state == "done"]
    if not done:
        return None
    newest = done[-1]
    try:
        return from_json(json.loads(newest.result))
    except ValueError:  # written by a version that is no more: its score is known still
        check = CheckResult("all", "All", newest.score or 0, newest.max_score or 0, "partial")
        return SubmissionResult(
            submission.id, submission.sha256, submission.lab, newest.lab_version, 0,
            Verdict(newest.verdict), checks=[check],
        )  # fmt: skip


def _fill(row: Grading, state: str, result: SubmissionResult) -> None:
    row.state = state
    row.lease, row.lease_until = "", None
    row.done_at = now()
    row.lab_version = result.lab_version
    row.verdict = str(result.verdict)
    row.score, row.max_score = result.score, result.max_score
    row.flagged = bool(result.flags) or result.verdict == Verdict.FAULT
    row.result = json.dumps(to_json(result))


def _leased(session: Session, grading: int, token: str) -> Grading:
    row = session.scalar(sa.select(Grading).filter_by(id=grading).with_for_update())
    if row is None or row.state != "leased" or row.lease != _hash(token):
        raise LeaseLost("this grading was given to another worker, or is done")
    return row


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()


def queue(
    session: Session, submission: Submission, course: Course, reason: str = "handed in"
) -> Grading:
    """Put a submission in the queue. A grading of it that waits, unleased, is called off."""
    for one in submission.gradings:
        if one.state == "waiting":
            one.state = "called off"
    grading = Grading(
        submission=submission,
        tier="cuda" if submission.lab in course.settings.gpu_labs else "cpu",
        priority=0 if reason == "handed in" else 1,
        reason=reason[:200],
        made_at=now(),
    )
    session.add(grading)
    return grading
