"""Grading again: what was graded before is kept, students go first, and changes are told."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest
import sqlalchemy as sa
from tiny_course import grade_next, result_of

from introml.grader.results.results import CheckResult, Verdict
from introml.hub.course.models import Event, Grading, Submission
from introml.hub.course.refused import Refused
from introml.hub.grades import regrades
from introml.hub.grades.standing import class_standing, standing
from introml.hub.grades.submissions import hand_in
from introml.hub.people import people
from introml.hub.queue import jobs


def grades(course):
    with course.database.reading() as session:
        return {
            name: standing(session, people.find(session, name), course.labs["tiny"]).grade
            for name in ("ann", "bob")
        }


def told(course, number):
    with course.database.reading() as session:
        lab = course.labs["tiny"]
        return regrades.regrade(session, lab, number, class_standing(session, lab))


def submission_of(course, name):
    with course.database.reading() as session:
        return session.scalar(
            sa.select(Submission).where(Submission.person.has(people.Person.name == name))
        )


@pytest.fixture
def graded(course):
    """Ann has 3 points, bob 5."""
    lab = course.labs["tiny"]
    for name, points in (("ann", 3), ("bob", 5)):
        hand_in(course, name, lab, "a.ipynb", name.encode())
        grade_next(course, points=points)
    return course


def test_a_regrade_keeps_the_old_grading_and_the_new_one_counts(graded):
    submission = submission_of(graded, "ann")
    regrades.regrade_one(graded, "tess", submission.id, "she asked")
    assert grades(graded)["ann"] == 3, "until it is done the old one counts"
    grade_next(graded, points=7, lab_version="v2")
    assert grades(graded) == {"ann": 7, "bob": 5}
    with graded.database.reading() as session:
        rows = session.scalars(
            sa.select(Grading).filter_by(submission_id=submission.id).order_by(Grading.id)
        ).all()
        line = session.scalar(sa.select(Event).filter_by(what="regrade one"))
    assert [(one.score, one.lab_version) for one in rows] == [(3, "v1"), (7, "v2")]
    assert all(one.result for one in rows)
    assert rows[1].reason == f"regrade {line.id}: she asked"
    assert (line.who, line.person, line.lab) == ("tess", "ann", "tiny")
    assert line.detail == f"{submission.id}: she asked"


def test_what_waits_is_not_queued_twice(course):
    hand_in(course, "ann", course.labs["tiny"], "a.ipynb", b"one")
    submission = submission_of(course, "ann")
    with pytest.raises(Refused, match="waits"):
        regrades.regrade_one(course, "tess", submission.id, "hurry")
    with pytest.raises(Refused, match="nothing to grade again"):
        regrades.regrade_all(course, "tess", course.labs["tiny"], "hurry")
    with course.database.reading() as session:
        (row,) = session.scalars(sa.select(Grading))
    assert (row.state, row.reason, row.priority) == ("waiting", "handed in", 0)


def test_a_regrade_of_all_tells_which_grades_changed(graded):
    number, count = regrades.regrade_all(graded, "tess", graded.labs["tiny"], "a mended check")
    assert count == 2
    run = told(graded, number)
    assert (run.by, run.why, run.total, run.done, run.over) == (
        "tess",
        "a mended check",
        2,
        0,
        False,
    )
    grade_next(graded, points=6, lab_version="v2")
    assert (told(graded, number).done, told(graded, number).over) == (1, False)
    grade_next(graded, points=5, lab_version="v2")
    run = told(graded, number)
    assert run.over
    assert [(one.person.name, one.before, one.after) for one in run.changes] == [("ann", 3, 6)]
    assert grades(graded) == {"ann": 6, "bob": 5}


def test_an_old_regrade_tells_what_it_changed_also_after_a_newer_one(graded):
    lab = graded.labs["tiny"]
    first, _ = regrades.regrade_all(graded, "tess", lab, "mended")
    grade_next(graded, points=6)
    grade_next(graded, points=5)
    second, _ = regrades.regrade_all(graded, "tess", lab, "mended again")
    grade_next(graded, points=6)
    grade_next(graded, points=7)
    changed = [
        [(one.person.name, one.before, one.after) for one in told(graded, number).changes]
        for number in (first, second)
    ]
    assert changed == [[("ann", 3, 6)], [("bob", 5, 7)]]
    with graded.database.reading() as session:
        assert [one.id for one in regrades.regrades(session, lab)] == [second, first]


def test_what_is_handed_in_meanwhile_is_no_change_of_the_regrade(graded):
    lab = graded.labs["tiny"]
    number, _ = regrades.regrade_all(graded, "tess", lab, "mended")
    hand_in(graded, "bob", lab, "a.ipynb", b"a better one")
    first = grade_next(graded, points=9)
    assert first.submission != submission_of(graded, "ann").id, "who waits goes first"
    grade_next(graded, points=3)
    grade_next(graded, points=5)
    assert grades(graded) == {"ann": 3, "bob": 9}
    run = told(graded, number)
    assert run.over
    assert run.changes == ()


def test_a_lower_grade_is_held_until_a_teacher_takes_it(graded):
    number, _ = regrades.regrade_all(graded, "tess", graded.labs["tiny"], "sharper checks")
    grade_next(graded, points=2)
    grade_next(graded, points=0, verdict=Verdict.INVALID)
    assert grades(graded) == {"ann": 3, "bob": 5}
    run = told(graded, number)
    assert run.over
    assert run.changes == ()
    assert [
        (one.person.name, one.before.score, one.grading.score, one.grading.verdict)
        for one in run.held
    ] == [("ann", 3, 2, "graded"), ("bob", 5, 0, "invalid")]
    with graded.database.reading() as session:
        assert all(x.needs_a_person for x in class_standing(session, graded.labs["tiny"]))
    ann, bob = (one.grading.id for one in run.held)
    with pytest.raises(Refused, match="reason"):
        regrades.settle(graded, "tess", ann, " ", take=True)
    regrades.settle(graded, "tess", ann, "she copied", take=True)
    regrades.settle(graded, "tess", bob, "the file is fine", take=False)
    assert grades(graded) == {"ann": 2, "bob": 5}
    assert told(graded, number).held == ()
    assert told(graded, number).over
    with pytest.raises(Refused, match="nobody's word"):
        regrades.settle(graded, "tess", bob, "again", take=True)
    with graded.database.reading() as session:
        lines = session.scalars(sa.select(Event).order_by(Event.id.desc()).limit(2)).all()
        assert not any(x.needs_a_person for x in class_standing(session, graded.labs["tiny"]))
    assert [(one.what, one.person) for one in lines] == [
        ("old grade kept", "bob"), ("lower grade taken", "ann"),
    ]  # fmt: skip
    assert "3 of 10 → 2 of 10 (graded): she copied" in lines[1].detail


def test_all_that_a_regrade_lowers_is_taken_at_once(graded):
    lab = graded.labs["tiny"]
    number, _ = regrades.regrade_all(graded, "tess", lab, "sharper checks")
    grade_next(graded, points=2)
    grade_next(graded, points=1)
    assert regrades.take_all(graded, "tess", lab, number, "announced") == 2
    assert grades(graded) == {"ann": 2, "bob": 1}
    with pytest.raises(Refused, match="No grade"):
        regrades.take_all(graded, "tess", lab, number, "announced")


def test_a_fault_of_the_grader_takes_no_grade_away(graded):
    submission = submission_of(graded, "ann")
    regrades.regrade_one(graded, "tess", submission.id, "she asked")
    for _ in range(jobs.MOST_TRIES):
        grade_next(graded, verdict=Verdict.FAULT)
    assert grades(graded)["ann"] == 3
    with graded.database.reading() as session:
        (held,) = session.scalars(sa.select(Grading.id).filter_by(state="held"))
    with pytest.raises(Refused, match="grader failed"):
        regrades.settle(graded, "tess", held, "why", take=True)


def test_a_question_added_since_is_not_asked_of_what_was_handed_in_before(graded):
    number, _ = regrades.regrade_all(graded, "tess", graded.labs["tiny"], "a question more")
    more = CheckResult("rate", "The rate", 0, 5, "failed")

    def with_more(points):
        lease = jobs.lease(graded, "w", ["cpu"])
        node = result_of(lease, points)
        node["checks"].append(asdict(more))
        jobs.report(graded, lease.grading, lease.token, node)

    with_more(3)
    with_more(6)
    assert grades(graded) == {"ann": 3, "bob": 6}, "what bob gains on the old questions counts"
    run = told(graded, number)
    assert (run.total, run.done) == (2, 2)
    assert [(x.person.name, x.before.max_score, x.grading.max_score) for x in run.held] == [
        ("ann", 10, 15), ("bob", 10, 15),
    ]  # fmt: skip


def test_a_newer_regrade_calls_off_what_an_older_one_holds(graded):
    submission = submission_of(graded, "ann")
    for points, grade in ((1, 3), (2, 3), (4, 4)):
        regrades.regrade_one(graded, "tess", submission.id, "why")
        grade_next(graded, points=points)
        assert grades(graded)["ann"] == grade
    with graded.database.reading() as session:
        states = session.scalars(
            sa.select(Grading.state).filter_by(submission_id=submission.id).order_by(Grading.id)
        ).all()
    assert states == ["done", "called off", "called off", "done"]


def test_what_is_under_way_is_queued_again_by_a_newer_regrade(graded):
    lab = graded.labs["tiny"]
    first, _ = regrades.regrade_all(graded, "tess", lab, "mended")
    lease = jobs.lease(graded, "w", ["cpu"])
    second, count = regrades.regrade_all(graded, "tess", lab, "mended again")
    assert count == 1, "the one under way may have begun with the old checks; the other waits"
    jobs.hand_back(graded, lease.grading, lease.token, "stopping")
    for _ in range(3):
        grade_next(graded, points=5)
    assert [told(graded, number).over for number in (first, second)] == [True, True]
    assert grades(graded) == {"ann": 5, "bob": 5}


def test_another_labs_number_and_other_events_are_no_regrade(graded):
    number, _ = regrades.regrade_all(graded, "tess", graded.labs["tiny"], "mended")
    assert told(graded, number - 1) is None
    assert told(graded, 10**6) is None


def test_a_number_that_begins_another_is_told_apart(graded):
    """Regrade 1 does not count the gradings of regrade 10."""
    number, _ = regrades.regrade_all(graded, "tess", graded.labs["tiny"], "mended")
    with graded.database.writing() as session:
        for one in session.scalars(sa.select(Grading).where(Grading.reason.contains("mended"))):
            one.reason = f"regrade {number}0: another"
    assert told(graded, number).total == 0


def test_a_regrade_needs_a_reason_and_a_submission(sqlite_course):
    with pytest.raises(Refused, match="reason"):
        regrades.regrade_all(sqlite_course, "tess", sqlite_course.labs["tiny"], " ")
    with pytest.raises(Refused, match="no such submission"):
        regrades.regrade_one(sqlite_course, "tess", "0" * 32, "why")
    with pytest.raises(Refused, match="nothing to grade again"):
        regrades.regrade_all(sqlite_course, "tess", sqlite_course.labs["tiny"], "why")


def test_a_long_reason_is_whole_in_the_log(graded):
    why = "because " * 100
    number, _ = regrades.regrade_all(graded, "tess", graded.labs["tiny"], why)
    assert told(graded, number).why == why.strip()
    assert told(graded, number).total == 2


def test_two_teachers_at_the_same_time_queue_each_submission_once(graded):
    lab = graded.labs["tiny"]
    one = submission_of(graded, "ann").id
    started = threading.Barrier(4)

    def ask(number):
        started.wait()
        try:
            if number % 2:
                regrades.regrade_one(graded, "tess", one, "why")
            else:
                regrades.regrade_all(graded, "tess", lab, "why")
        except Refused:
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    with graded.database.reading() as session:
        waiting = session.scalars(sa.select(Grading.submission_id).filter_by(state="waiting")).all()
    assert sorted(waiting) == sorted({one, submission_of(graded, "bob").id})
