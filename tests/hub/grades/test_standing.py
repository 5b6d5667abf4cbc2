"""Where someone stands: late rule, attempts, extensions and overrides, in one lab."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tiny_course import grade_next

from introml.grader.results.results import Flag
from introml.hub.course.database import now
from introml.hub.course.models import Extension, Override, Submission
from introml.hub.grades.standing import class_standing, standing
from introml.hub.grades.submissions import dates_of, hand_in
from introml.hub.people import people


def handed_in_and_graded(course, points, name="ann", data=None, **more):
    hand_in(course, name, course.labs["tiny"], "a.ipynb", data or b"work worth %d" % points)
    grade_next(course, points, **more)


def of(course, name="ann"):
    with course.database.reading() as session:
        return standing(session, people.find(session, name), course.labs["tiny"])


def override(course, score, name="ann"):
    with course.database.writing() as session:
        person = people.find(session, name)
        session.add(
            Override(
                person_id=person.id, lab="tiny", score=score, reason="oral", by="tess", at=now()
            )
        )


def test_without_a_submission_there_is_no_grade(course):
    assert (of(course).grade, of(course).used, of(course).waiting) == (None, 0, False)


def test_the_best_attempt_counts(course):
    assert course.labs["tiny"].settings.policy == "best"
    for points in (3, 8, 5):
        handed_in_and_graded(course, points)
    assert (of(course).grade, of(course).max_score, of(course).used) == (8, 10, 3)


def test_a_submission_that_waits_has_no_grade_yet(course):
    hand_in(course, "ann", course.labs["tiny"], "a.ipynb", b"x")
    assert (of(course).waiting, of(course).grade, of(course).used) == (True, None, 1)


def test_late_points_come_off_and_an_extension_gives_them_back(course):
    rule = course.labs["tiny"].settings.late
    assert rule.per_day > 0
    handed_in_and_graded(course, 8)
    with course.database.writing() as session:
        over = timedelta(minutes=rule.grace_minutes + 1)
        dates_of(session, "tiny").due_at = now() - over
    one_day = 1 - min(rule.per_day, rule.max)
    assert of(course).grade == pytest.approx(8 * one_day)
    assert list(of(course).late.values()) == [pytest.approx(one_day)]
    with course.database.writing() as session:
        ann = people.find(session, "ann")
        session.add(Extension(person_id=ann.id, lab="tiny", due_at=now()))
    assert of(course).grade == 8


def test_an_override_counts_until_it_is_taken_back_and_only_for_its_person(course):
    handed_in_and_graded(course, 3)
    handed_in_and_graded(course, 4, "bob")
    override(course, 9)
    assert (of(course).grade, of(course).computed) == (9, 3)
    assert of(course, "bob").grade == 4
    override(course, None)
    assert (of(course).grade, of(course).override) == (3, None)


def test_the_class_is_each_students_own_standing(course):
    handed_in_and_graded(course, 3)
    handed_in_and_graded(course, 4, "bob")
    override(course, 9)
    with course.database.reading() as session:
        found = class_standing(session, course.labs["tiny"])
    assert [one.person.name for one in found] == ["ann", "bob"], "teachers are no students"
    assert [one.grade for one in found] == [of(course, name).grade for name in ("ann", "bob")]


def test_what_a_person_should_see_is_flagged(course):
    handed_in_and_graded(course, 3)
    assert not of(course).needs_a_person
    handed_in_and_graded(course, 5, flags=[Flag("reads files", "open('/etc/passwd')")])
    assert of(course).needs_a_person


def test_a_class_of_five_hundred_is_few_queries(sqlite_course):
    with sqlite_course.database.writing() as session:
        people.add_people(session, [people.Entry(f"s{n}") for n in range(500)], "test")
    handed_in_and_graded(sqlite_course, 3, "s7")
    asked = []
    sa.event.listen(
        sqlite_course.database.engine, "before_cursor_execute", lambda *a: asked.append(a[2])
    )
    with sqlite_course.database.reading() as session:
        found = class_standing(session, sqlite_course.labs["tiny"])
    assert len(found) == 502
    assert len(asked) < 15, asked[-3:]


def test_submissions_of_another_lab_do_not_count(course):
    handed_in_and_graded(course, 3)
    with course.database.writing() as session:
        session.scalar(sa.select(Submission)).lab = "other"
    assert of(course).grade is None
