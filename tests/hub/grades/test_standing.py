"""Where someone stands: late rule, attempts, extensions and overrides, in one lab."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_course import grade_next

from introml.grader.lab import LateRule
from introml.grader.results.late import Attempt, grade_of
from introml.grader.results.results import Flag, Verdict
from introml.hub.course.database import now
from introml.hub.course.models import Extension, Grading, Override, Submission
from introml.hub.grades.rules import Rules
from introml.hub.grades.standing import class_standing, standing, standing_of
from introml.hub.grades.submissions import dates_of, hand_in
from introml.hub.people import people
from introml.hub.web.phrases import attempts_shown


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


def test_an_extension_never_shortens(course):
    """The later of the two dates holds, and no date at all is the latest."""
    day, due = timedelta(days=1), now()
    for theirs, own, holds in (
        (due, due + day, due + day), (due, due - day, due), (None, due, None), (due, None, due)
    ):  # fmt: skip
        with course.database.writing() as session:
            row = dates_of(session, "tiny")
            row.due_at = row.closes_at = theirs
            session.execute(sa.delete(Extension))
            session.add(Extension(person_id=people.find(session, "ann").id, lab="tiny", due_at=own))
        assert (of(course).rules.due_at, of(course).rules.closes_at) == (holds, holds)


def test_a_grade_set_by_hand_is_flagged_when_a_later_attempt_gives_more(course):
    handed_in_and_graded(course, 8)
    override(course, 5)
    assert not of(course).needs_a_person, "a teacher who sets 5 knows of the 8"
    handed_in_and_graded(course, 4)
    assert of(course).better is None
    handed_in_and_graded(course, 9)
    found = of(course)
    assert (found.grade, found.better.number, found.needs_a_person) == (5, 3, True)
    with course.database.reading() as session:
        assert [x.needs_a_person for x in class_standing(session, course.labs["tiny"])] == [1, 0]
    override(course, 5)
    assert not of(course).needs_a_person, "the teacher has looked, and keeps it"


def test_what_waited_when_a_grade_was_set_by_hand_is_later_than_it(course):
    hand_in(course, "ann", course.labs["tiny"], "a.ipynb", b"waits")
    override(course, 5)
    grade_next(course, 9)
    assert of(course).better is not None


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


# --- the submission that counts -----------------------------------------------------------------

DUE = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCORES = st.sampled_from([0.0, 2.5, 5.0, 9.0, 10.0])
STATES = st.sampled_from(["waiting", "leased", "done", "done", "called off"])


@dataclass(frozen=True)
class Case:
    """A student's history in a lab: of each submission, the hours after `DUE`, and its gradings."""

    tries: list[tuple[int, list[tuple[str, float, Verdict]]]]
    allowed: int
    policy: str
    late: LateRule
    due: bool
    override: float | None


gradings = st.lists(st.tuples(STATES, SCORES, st.sampled_from(list(Verdict))), max_size=3)
cases = st.builds(
    Case,
    tries=st.lists(st.tuples(st.integers(-50, 200), gradings), max_size=6),
    allowed=st.integers(0, 4),
    policy=st.sampled_from(["best", "last"]),
    late=st.builds(
        LateRule, st.sampled_from([0.0, 0.1, 0.5]), st.sampled_from([0.0, 0.5, 1.0]),
        st.sampled_from([0.0, 15.0, 1440.0]),
    ),
    due=st.booleans(),
    override=st.none() | st.just(7.25),
)  # fmt: skip


def played(case):
    """The standing of a case, with what `grade_of` is to be asked, in the order of handing in."""
    submissions, attempts = [], []
    for number, (hours, graded) in enumerate(sorted(case.tries, key=lambda one: one[0]), 1):
        at = DUE + timedelta(hours=hours, seconds=number)
        one = Submission(id=f"{number:032x}", number=number, submitted_at=at)
        one.gradings = [
            Grading(id=i, state=state, verdict=verdict, score=score, max_score=10.0, done_at=at)
            for i, (state, score, verdict) in enumerate(graded)
        ]
        submissions.append(one)
        done = [(score, verdict) for state, score, verdict in graded if state == "done"]
        if done:
            attempts.append((one, Attempt(at, *done[-1])))
    lab = SimpleNamespace(settings=SimpleNamespace(policy=case.policy, late=case.late))
    rules = Rules(None, DUE if case.due else None, None, case.allowed)
    override = Override(score=case.override, at=DUE) if case.override is not None else None
    return standing_of(None, lab, rules, submissions, override), attempts


@settings(max_examples=500, deadline=None)
@given(cases)
def test_the_submission_that_counts_is_the_one_whose_score_is_the_grade(case):
    """Against `grade_of` over all that is graded, and over the marked one alone."""
    found, attempts = played(case)
    asked = {"policy": case.policy, "rule": case.late, "deadline": DUE if case.due else None}
    grade = grade_of([one for _, one in attempts], allowed=case.allowed or None, **asked)
    marked = [one for one in attempts_shown(found) if one.counts]
    if case.override is not None:
        assert (found.grade, found.computed, marked) == (case.override, grade, [])
        return
    assert found.grade == found.computed == grade
    assert len(marked) == (grade is not None)
    for one in marked:
        (attempt,) = [x for submission, x in attempts if submission is one.submission]
        assert grade_of([attempt], allowed=None, **asked) == one.after == grade
        assert not one.fault


@settings(max_examples=500, deadline=None)
@given(cases)
def test_which_one_counts_by_the_words_of_the_rules(case):
    """The best, or the last, of the first so many that are no fault: told here a second time."""
    found, attempts = played(case)
    seen = [(one, x) for one, x in attempts if x.verdict != Verdict.FAULT]
    seen = seen[: case.allowed] if case.allowed else seen
    if not seen or case.override is not None:
        assert found.counts is None
        return
    if case.policy == "last":
        assert found.counts is seen[-1][0]
        return
    worth = []
    for _, attempt in seen:
        late_s = (attempt.submitted - DUE).total_seconds() - 60 * case.late.grace_minutes
        days = -(-late_s // 86_400) if case.due and late_s > 0 else 0
        worth.append(attempt.score * (1 - min(case.late.max, days * case.late.per_day)))
    best = max(worth)
    assert found.counts is next(
        one for (one, _), value in zip(seen, worth, strict=True) if value > best - 1e-7
    )
