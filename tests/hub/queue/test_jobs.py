"""Leases: each grading is done once, whoever dies."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tiny_course import grade_next, result_of

from introml.grader.results.results import Verdict, from_json
from introml.hub.course.database import now
from introml.hub.course.models import Grading, Submission
from introml.hub.grades.submissions import current_grading, hand_in
from introml.hub.queue import jobs
from introml.hub.queue.jobs import queue


def hand_in_as(course, *names, data=b"work"):
    for name in names:
        hand_in(course, name, course.labs["tiny"], "tiny.ipynb", data + name.encode())


def lapse(course):
    """Let all leases be over."""
    with course.database.writing() as session:
        session.execute(sa.update(Grading).values(lease_until=now() - timedelta(seconds=1)))


def rows(course):
    with course.database.reading() as session:
        return list(session.scalars(sa.select(Grading).order_by(Grading.id)))


def test_a_grading_goes_to_one_worker_and_its_result_is_kept(course):
    hand_in_as(course, "ann")
    lease = jobs.lease(course, "w1", ["cpu"])
    assert course.blobs.read(lease.sha256) == b"workann"
    assert jobs.lease(course, "w2", ["cpu"]) is None
    jobs.report(course, lease.grading, lease.token, result_of(lease, 7))
    row = rows(course)[0]
    assert (row.state, row.verdict, row.score, row.max_score) == ("done", "graded", 7, 10)
    with pytest.raises(jobs.LeaseLost):
        jobs.report(course, lease.grading, lease.token, result_of(lease, 10))
    assert rows(course)[0].score == 7


def test_first_come_first_served_and_a_regrade_waits_for_those_who_wait(course):
    hand_in_as(course, "ann")
    grade_next(course)
    with course.database.writing() as session:
        queue(session, session.scalar(sa.select(Submission)), course, reason="regrade")
    hand_in_as(course, "bob")
    lease = jobs.lease(course, "w", ["cpu"])
    assert course.blobs.read(lease.sha256) == b"workbob"
    assert [row.state for row in rows(course)] == ["done", "waiting", "leased"]


def test_a_lapsed_lease_is_taken_up_again_and_the_late_report_refused(course):
    hand_in_as(course, "ann")
    dead = jobs.lease(course, "dead", ["cpu"])
    lapse(course)
    lease = jobs.lease(course, "alive", ["cpu"])
    assert lease.grading == dead.grading
    with pytest.raises(jobs.LeaseLost):
        jobs.report(course, dead.grading, dead.token, result_of(dead, 10))
    with pytest.raises(jobs.LeaseLost):
        jobs.renew(course, dead.grading, dead.token)
    jobs.report(course, lease.grading, lease.token, result_of(lease, 2))
    row = rows(course)[0]
    assert (row.score, row.tries) == (2, 2)
    assert "worker dead was not heard of again" in row.trouble


def test_a_renewed_lease_stays(course):
    hand_in_as(course, "ann")
    lease = jobs.lease(course, "w", ["cpu"])
    lapse(course)
    assert jobs.renew(course, lease.grading, lease.token) > now() + timedelta(seconds=30)
    assert jobs.lease(course, "other", ["cpu"]) is None


def test_what_kills_every_worker_ends_as_a_fault_and_not_in_a_circle(course):
    hand_in_as(course, "ann")
    for _ in range(jobs.MOST_TRIES):
        assert jobs.lease(course, "w", ["cpu"]) is not None
        lapse(course)
    assert jobs.lease(course, "w", ["cpu"]) is None
    row = rows(course)[0]
    assert (row.state, row.verdict, row.flagged, row.score) == ("done", "grader fault", True, 0)


def test_a_fault_of_the_grader_is_tried_again(course):
    hand_in_as(course, "ann")
    grade_next(course, verdict=Verdict.FAULT)
    assert rows(course)[0].state == "waiting"
    grade_next(course, 9)
    assert rows(course)[0].score == 9


def test_a_grading_that_is_handed_back_waits_again(course):
    hand_in_as(course, "ann")
    lease = jobs.lease(course, "w", ["cpu"])
    jobs.hand_back(course, lease.grading, lease.token, "the disk is full")
    assert jobs.lease(course, "w2", ["cpu"]).grading == lease.grading
    assert "the disk is full" in rows(course)[0].trouble


def test_workers_get_only_what_they_can_do(course):
    hand_in_as(course, "ann")
    assert jobs.lease(course, "w", ["cuda"]) is None
    assert jobs.lease(course, "w", ["cpu"], labs=["other"]) is None
    assert jobs.lease(course, "w", ["cpu"], labs=["tiny"]) is not None


@pytest.mark.parametrize("change", [{"lab": "other"}, {"sha256": "0" * 64}, {"verdict": "perfect"}])
def test_the_result_of_something_else_is_refused_and_the_lease_stays(course, change):
    hand_in_as(course, "ann")
    lease = jobs.lease(course, "w", ["cpu"])
    with pytest.raises(ValueError, match=r"another submission|not a valid"):
        jobs.report(course, lease.grading, lease.token, result_of(lease) | change)
    jobs.report(course, lease.grading, lease.token, result_of(lease))


def test_many_workers_at_once_never_get_the_same_grading(course):
    for number in range(4):
        hand_in_as(course, "ann", "bob", data=b"%d" % number)
    with ThreadPoolExecutor(6) as pool:
        leases = list(pool.map(lambda n: jobs.lease(course, f"w{n}", ["cpu"]), range(10)))
    got = [one.grading for one in leases if one is not None]
    assert len(got) == len(set(got)) == 8


def test_a_regrade_keeps_what_was_graded_before(course):
    hand_in_as(course, "ann")
    grade_next(course, 3, lab_version="old")
    with course.database.writing() as session:
        queue(session, session.scalar(sa.select(Submission)), course, reason="regrade")
        queue(session, session.scalar(sa.select(Submission)), course, reason="regrade")
    grade_next(course, 8, lab_version="new")
    states = [(row.state, row.lab_version, row.score) for row in rows(course)]
    assert states == [("done", "old", 3), ("called off", "", None), ("done", "new", 8)]
    with course.database.reading() as session:
        assert current_grading(session.scalar(sa.select(Submission))).score == 8


def test_the_place_in_the_queue_counts_who_is_before(course):
    hand_in_as(course, "ann", "bob")
    first, second = rows(course)
    with course.database.reading() as session:
        assert [jobs.queue_place(session, row) for row in (first, second)] == [0, 1]
    jobs.lease(course, "w", ["cpu"])
    with course.database.reading() as session:
        assert [jobs.queue_place(session, row) for row in rows(course)] == [0, 0]


def test_a_kept_result_can_be_read_again(course):
    hand_in_as(course, "ann")
    lease = grade_next(course, 5)
    kept = from_json(json.loads(rows(course)[0].result))
    assert (kept.submission, kept.score, kept.seed) == (lease.submission, 5, lease.seed)
