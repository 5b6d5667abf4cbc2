"""Handing in: a submission is on disk, and in the database, before its receipt is signed."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.grader.lab import Lab
from introml.grader.notebook import Invalid, read_submission
from introml.grader.results import Attempt, Verdict
from introml.hub.course import (
    Course,
    Event,
    Grading,
    LabSchedule,
    Person,
    Receipt,
    Submission,
    now,
)
from introml.hub.grades.rules import Refusal, Why, refusal_now, rules_for, waiting_of
from introml.hub.queue import queue

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class NotAccepted(Exception):
    """A submission is refused; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True)
class HandedIn:
    """What became of a notebook: the submission's name, its signed receipt, whether it is new."""

    submission: str
    receipt: str
    new: bool


def dates_of(session: Session, lab: str) -> LabSchedule:
    """The lab's row, made with a fresh seed if the course has not seen the lab before."""
    row = session.get(LabSchedule, lab)
    if row is None:
        row = LabSchedule(lab=lab, seed=secrets.randbits(62))
        session.add(row)
        session.flush()
    return row


def submissions_of(session: Session, person: Person, lab: str) -> list[Submission]:
    """This person's submissions in a lab, the first one first."""
    return list(
        session.scalars(
            sa.select(Submission)
            .filter_by(person_id=person.id, lab=lab)
            .order_by(Submission.number)
        )
    )


def current_grading(submission: Submission) -> Grading | None:
    """The newest grading that is done, or None before the first."""
    done = [one for one in submission.gradings if one.state == "done"]
    return done[-1] if done else None


def attempt_of(submission: Submission, done: Grading) -> Attempt:
    """A submission with a grading that is done, as the rules for a grade see it."""
    assert done.score is not None, "a grading that is done has a score"
    return Attempt(submission.submitted_at, done.score, Verdict(done.verdict))


def attempts_used(submissions: list[Submission]) -> int:
    """How many attempts are gone: those graded, and those that wait. A grader fault costs none."""
    gradings = [current_grading(one) for one in submissions]
    return sum(one is None or one.verdict != Verdict.FAULT for one in gradings)


def look_at(lab: Lab, data: bytes, *, all_answers: bool = False) -> None:
    """Raise `NotAccepted` for what is no notebook of the lab, as the grader would see it.

    So a photo, an archive, a page of the book or another lab's notebook costs no attempt. With
    `all_answers`, raise it as well where an answer cell is missing, which costs its points alone.
    """
    read = read_submission(data, lab)
    if isinstance(read, Invalid):
        raise NotAccepted(Refusal(Why.NO_NOTEBOOK, said=read.message))
    if all_answers and read.missing:
        said = " ".join(x for x in read.notes if any(repr(one) in x for one in read.missing))
        raise NotAccepted(Refusal(Why.ANSWERS_MISSING, said=said))


def hand_in(
    course: Course,
    name: str,
    lab: Lab,
    file_name: str,
    data: bytes,
    look: Callable[[Lab, bytes], None] | None = None,
) -> HandedIn:
    """Accept a notebook of the person `name`; `look` may raise `NotAccepted` before it is kept.

    The same bytes again, with nothing handed in between, are no new attempt: the receipt is that
    of the first time, so that a client that heard no answer can ask again. Raises `NotAccepted`.
    """
    if len(data) > course.settings.largest:
        raise NotAccepted(Refusal(Why.TOO_LARGE, count=len(data), most=course.settings.largest))
    if not data:
        raise NotAccepted(Refusal(Why.EMPTY))
    sha256 = hashlib.sha256(data).hexdigest()
    # Looked at first, and again under the lock below: what is refused must not fill the disk.
    with course.database.reading() as session:
        earlier = _earlier(session, _person(session, name), lab, sha256, now())
    if look is not None and not (earlier and earlier[-1].sha256 == sha256):
        look(lab, data)
    course.blobs.keep(data)
    with course.database.writing() as session:
        person = _person(session, name, lock=True)
        at = now()
        earlier = _earlier(session, person, lab, sha256, at)
        if earlier and earlier[-1].sha256 == sha256:
            return _handed_in(course, earlier[-1], person, new=False)
        submission = Submission(
            id=secrets.token_hex(16),
            person_id=person.id,
            lab=lab.name,
            number=len(earlier) + 1,
            file_name=harmless_name(file_name),
            sha256=sha256,
            size=len(data),
            submitted_at=at,
        )
        dates_of(session, lab.name)
        session.add(submission)
        queue(session, submission, course)
        session.add(
            Event(at=at, who=name, what="handed in", person=name, lab=lab.name, detail=sha256)
        )
        session.flush()
        # Whoever erased the same file of someone else's is done now, since the row above is in.
        course.blobs.keep(data)
    # Only now, when the database has it too, is there a receipt.
    return _handed_in(course, submission, person, new=True)


def _handed_in(course: Course, submission: Submission, person: Person, *, new: bool) -> HandedIn:
    receipt = course.signer.sign(receipt_of(course, submission, person))
    return HandedIn(submission.id, receipt, new)


def _person(session: Session, name: str, lock: bool = False) -> Person:
    wanted = sa.select(Person).filter_by(name=name, active=True)
    person = session.scalar(wanted.with_for_update() if lock else wanted)
    if person is None:
        raise NotAccepted(Refusal(Why.NOT_ON_ROSTER))
    return person


def _earlier(
    session: Session, person: Person, lab: Lab, sha256: str, at: datetime
) -> list[Submission]:
    """What was handed in before. Raises `NotAccepted` if these bytes are new, and one too many."""
    earlier = submissions_of(session, person, lab.name)
    if not earlier or earlier[-1].sha256 != sha256:
        rules, waiting = rules_for(session, person, lab), waiting_of(session, person)
        refusal = refusal_now(lab, rules, attempts_used(earlier), waiting, at)
        if refusal is not None:
            raise NotAccepted(refusal)
    return earlier


def receipt_of(course: Course, submission: Submission, person: Person) -> Receipt:
    """What a receipt says of a submission."""
    return Receipt(
        course=course.settings.title,
        submission=submission.id,
        person=person.name,
        lab=submission.lab,
        number=submission.number,
        file_name=submission.file_name,
        sha256=submission.sha256,
        size=submission.size,
        submitted_at=submission.submitted_at.isoformat(timespec="seconds"),
    )


def harmless_name(name: str) -> str:
    """The last part of a file's name, without what could mislead a reader or a file system."""
    last = re.split(r"[/\\]", name)[-1]
    last = _CONTROL.sub("", last.encode("utf-8", "replace").decode("utf-8")).strip(". ")
    return unicodedata.normalize("NFC", last)[:200] or "notebook.ipynb"
