"""Handing in: rules, attempts, receipts, and that a receipt never comes without its submission."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tiny_course import grade_next, set_dates

from introml.grader.results.results import Verdict
from introml.hub.course.database import now
from introml.hub.course.models import Event, Extension, Grading, Submission
from introml.hub.grades.rules import MOST_WAITING, Refusal, Why
from introml.hub.grades.submissions import (
    HandedIn,
    NotAccepted,
    dates_of,
    hand_in,
    harmless_name,
    submissions_of,
)
from introml.hub.people import people
from introml.hub.queue import jobs


def handed_in(course, data=b"one", name="ann", file_name="tiny.ipynb"):
    return hand_in(course, name, course.labs["tiny"], file_name, data)


def refused(course, data=b"one", name="ann"):
    """Why something is not accepted."""
    with pytest.raises(NotAccepted) as problem:
        handed_in(course, data, name)
    return problem.value.refusal


def graded_times(course, count):
    """Hand in and grade `count` different notebooks of ann's."""
    for number in range(count):
        handed_in(course, b"notebook %d" % number)
        grade_next(course)


def test_a_receipt_tells_what_was_handed_in_and_the_bytes_are_kept(course):
    done = handed_in(course, b"my work")
    receipt = course.signer.read(done.receipt)
    assert done.new
    assert done.submission == receipt.submission
    assert (receipt.person, receipt.lab, receipt.number) == ("ann", "tiny", 1)
    assert course.blobs.read(receipt.sha256) == b"my work"
    with course.database.reading() as session:
        kept = session.get(Submission, receipt.submission)
        assert kept.sha256 == receipt.sha256
        assert kept.submitted_at.isoformat(timespec="seconds") == receipt.submitted_at
        assert session.scalar(sa.select(Event.detail).filter_by(what="handed in")) == receipt.sha256


def test_the_same_bytes_again_give_the_same_receipt_and_no_new_attempt(course):
    first = handed_in(course, b"same")
    second = handed_in(course, b"same", file_name="other name.ipynb")
    assert second == HandedIn(first.submission, first.receipt, new=False)
    handed_in(course, b"other")
    third = handed_in(course, b"same")
    assert third.new
    assert course.signer.read(third.receipt).number == 3


def test_attempts_end_and_an_extension_gives_more(course):
    allowed = course.labs["tiny"].settings.attempts
    assert allowed > 0
    graded_times(course, allowed)
    assert refused(course, b"one too many") == Refusal(Why.NO_ATTEMPT_LEFT, count=allowed)
    with course.database.writing() as session:
        ann = people.find(session, "ann")
        session.add(Extension(person_id=ann.id, lab="tiny", more_attempts=1))
    handed_in(course, b"one too many")
    assert refused(course, b"two too many") == Refusal(Why.NO_ATTEMPT_LEFT, count=allowed + 1)


def test_a_fault_of_the_grader_costs_no_attempt(course):
    allowed = course.labs["tiny"].settings.attempts
    graded_times(course, allowed - 1)
    handed_in(course, b"unlucky")
    for _ in range(jobs.MOST_TRIES):
        grade_next(course, verdict=Verdict.FAULT)
    handed_in(course, b"another try")
    with course.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count(Submission.id))) == allowed + 1


def test_a_lab_opens_and_closes(course):
    soon = now() + timedelta(hours=1)
    set_dates(course, opens_at=soon)
    assert refused(course) == Refusal(Why.NOT_OPEN_YET, at=soon)
    grace = timedelta(minutes=course.labs["tiny"].settings.late.grace_minutes)
    over = now() - grace - timedelta(minutes=1)
    set_dates(course, opens_at=None, closes_at=over)
    assert refused(course) == Refusal(Why.CLOSED, at=over)
    with course.database.writing() as session:
        ann = people.find(session, "ann")
        session.add(Extension(person_id=ann.id, lab="tiny", due_at=now() + timedelta(hours=1)))
    handed_in(course)
    assert refused(course, name="bob") == Refusal(Why.CLOSED, at=over)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("eve", b"x", Refusal(Why.NOT_ON_ROSTER)),
        ("ann", b"", Refusal(Why.EMPTY)),
        ("ann", b"x" * 10_000_001, Refusal(Why.TOO_LARGE, count=10_000_001, most=10_000_000)),
    ],
)
def test_what_is_refused_is_not_kept(sqlite_course, name, data, why):
    assert refused(sqlite_course, data, name) == why
    with sqlite_course.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Submission)) == 0


def test_someone_who_left_cannot_hand_in(sqlite_course):
    with sqlite_course.database.writing() as session:
        people.find(session, "ann").active = False
    assert refused(sqlite_course) == Refusal(Why.NOT_ON_ROSTER)


def test_only_so_many_of_one_person_wait_at_a_time(sqlite_course):
    with sqlite_course.database.writing() as session:
        ann = people.find(session, "ann")
        session.add(Extension(person_id=ann.id, lab="tiny", more_attempts=100))
    for number in range(MOST_WAITING):
        handed_in(sqlite_course, b"%d" % number)
    assert refused(sqlite_course, b"flood") == Refusal(Why.TOO_MANY_WAIT, count=MOST_WAITING)
    handed_in(sqlite_course, b"flood", name="bob")


def test_many_at_once_are_each_kept_once_and_numbered_in_turn(course):
    with ThreadPoolExecutor(4) as pool:
        mine = list(pool.map(lambda n: handed_in(course, b"%d" % n), range(4)))
        again = list(pool.map(lambda _: handed_in(course, b"bob's", "bob"), range(4)))
    receipts = [course.signer.read(one.receipt) for one in mine]
    assert sorted(one.number for one in receipts) == [1, 2, 3, 4]
    assert len({(one.submission, one.receipt) for one in again}) == 1
    assert sorted(one.new for one in again) == [False, False, False, True]
    with course.database.reading() as session:
        ann = people.find(session, "ann")
        assert len(submissions_of(session, ann, "tiny")) == 4
        waiting = session.scalar(sa.select(sa.func.count()).select_from(Grading))
        assert waiting == 5


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\work\\lab.ipynb", "lab.ipynb"),
        ("a\u202egpj.ipynb\r\nX-Header: 1", "agpj.ipynbX-Header: 1"),
        ("...", "notebook.ipynb"),
        ("x" * 500, "x" * 200),
        ("U\u0308bung.ipynb", "\u00dcbung.ipynb"),
    ],
)
def test_a_file_name_is_kept_without_what_misleads(name, kept):
    assert harmless_name(name) == kept


def test_a_lab_draws_its_seed_once(course):
    with course.database.writing() as session:
        first = dates_of(session, "tiny").seed
    with course.database.writing() as session:
        assert dates_of(session, "tiny").seed == first
    assert first >= 2**32, "small seeds can be guessed"


def test_a_receipt_holds_no_secret_of_the_course(sqlite_course):
    text = handed_in(sqlite_course).receipt
    with sqlite_course.database.reading() as session:
        seed = dates_of(session, "tiny").seed
    assert str(seed) not in text
    assert sqlite_course.secret("worker") not in text
