"""What a teacher decides: its effect, its line in the log, and what is refused without a trace."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from tiny_course import grade_next

from introml.grader.results.results import Flag
from introml.hub.course.database import now
from introml.hub.course.models import Event, Extension, Grading, LabSchedule, Override
from introml.hub.course.refused import Refused
from introml.hub.grades import decisions
from introml.hub.grades.decisions import Dates
from introml.hub.grades.standing import standing
from introml.hub.grades.submissions import NotAccepted, hand_in
from introml.hub.people import people

DUE = datetime(2030, 5, 1, 12, tzinfo=UTC)


def log_of(course, what):
    with course.database.reading() as session:
        return list(session.scalars(sa.select(Event).filter_by(what=what).order_by(Event.id)))


def stands(course, name="ann"):
    with course.database.reading() as session:
        return standing(session, people.find(session, name), course.labs["tiny"])


def test_dates_are_set_and_logged_from_what_to_what(course):
    lab = course.labs["tiny"]
    decisions.set_dates(course, "tess", lab, Dates(due_at=DUE))
    changes = decisions.set_dates(course, "tess", lab, Dates(opens_at=DUE, due_at=DUE))
    assert changes == ["opens: none → 2030-05-01 12:00 UTC"]
    assert stands(course).rules.due_at == DUE
    first, second = log_of(course, "set dates")
    assert (first.who, first.lab, first.detail) == (
        "tess",
        "tiny",
        "due: none → 2030-05-01 12:00 UTC",
    )
    assert second.detail == changes[0]
    assert decisions.set_dates(course, "tess", lab, Dates(opens_at=DUE, due_at=DUE)) == []
    assert len(log_of(course, "set dates")) == 2, "no change, no line"


def test_new_dates_keep_the_seed(course):
    lab = course.labs["tiny"]
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    with course.database.reading() as session:
        seed = session.get_one(LabSchedule, "tiny").seed
    decisions.set_dates(course, "tess", lab, Dates(due_at=DUE))
    with course.database.reading() as session:
        assert session.get_one(LabSchedule, "tiny").seed == seed


@pytest.mark.parametrize(
    "dates", [Dates(solutions_at=DUE), Dates(solutions_at=DUE, closes_at=DUE + timedelta(hours=1))]
)
def test_solutions_are_not_shown_while_the_lab_is_open(sqlite_course, dates):
    with pytest.raises(Refused, match="Set “Closes” to that time"):
        decisions.set_dates(sqlite_course, "tess", sqlite_course.labs["tiny"], dates)
    good = Dates(solutions_at=DUE, closes_at=DUE)
    assert decisions.set_dates(sqlite_course, "tess", sqlite_course.labs["tiny"], good)


@pytest.mark.parametrize(
    "dates",
    [
        Dates(opens_at=DUE, due_at=DUE - timedelta(hours=1)),
        Dates(due_at=DUE, closes_at=DUE - timedelta(hours=1)),
        Dates(opens_at=DUE, closes_at=DUE - timedelta(hours=1)),
    ],
)
def test_dates_out_of_order_are_refused(sqlite_course, dates):
    with pytest.raises(Refused, match="must open, then be due, then close"):
        decisions.set_dates(sqlite_course, "tess", sqlite_course.labs["tiny"], dates)
    assert log_of(sqlite_course, "set dates") == []


def test_an_extension_moves_one_persons_date_and_is_logged(course):
    lab = course.labs["tiny"]
    decisions.set_dates(course, "tess", lab, Dates(due_at=DUE, closes_at=DUE))
    later = DUE + timedelta(days=3)
    decisions.extend(
        course, "tess", "ann", lab, due_at=later, more_attempts=2, reason=" ill\x00 \n"
    )
    assert (stands(course).rules.due_at, stands(course).rules.closes_at) == (later, later)
    assert stands(course).rules.attempts == 12
    assert stands(course, "bob").rules.due_at == DUE
    (line,) = log_of(course, "extension")
    assert (line.who, line.person, line.lab) == ("tess", "ann", "tiny")
    assert line.detail == "none → due 2030-05-04 12:00 UTC, 2 more attempts: ill␀"


def test_an_extension_that_gives_no_more_time_is_refused(sqlite_course):
    lab = sqlite_course.labs["tiny"]
    decisions.set_dates(sqlite_course, "tess", lab, Dates(due_at=DUE))
    early = {"due_at": DUE - timedelta(days=1), "more_attempts": 0, "reason": "x"}
    with pytest.raises(Refused, match="2030-04-30 12:00 UTC, and the class has until 2030-05-01"):
        decisions.extend(sqlite_course, "tess", "ann", lab, **early)
    assert log_of(sqlite_course, "extension") == []
    # One that the class has overtaken since can still be changed in what else it gives.
    decisions.extend(
        sqlite_course, "tess", "ann", lab, **early | {"due_at": DUE + timedelta(days=1)}
    )
    decisions.set_dates(sqlite_course, "tess", lab, Dates(due_at=DUE + timedelta(days=9)))
    given = {"due_at": DUE + timedelta(days=1), "more_attempts": 3, "reason": "x"}
    decisions.extend(sqlite_course, "tess", "ann", lab, **given)
    assert stands(sqlite_course).rules.due_at == DUE + timedelta(days=9)


def test_whose_grade_dates_would_change_is_told_and_nothing_is_changed(course):
    """tiny.lab takes a share off for each day begun; ann hands in 8 points now, bob nothing."""
    lab, late = course.labs["tiny"], course.labs["tiny"].settings.late
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    grade_next(course, 8)
    past = now() - timedelta(hours=2)
    (change,) = decisions.grades_by_dates(course, lab, Dates(due_at=past))
    assert (change.person.name, change.before) == ("ann", 8)
    assert change.after == pytest.approx(8 * (1 - late.per_day))
    assert stands(course).grade == 8
    decisions.set_dates(course, "tess", lab, Dates(due_at=past))
    assert stands(course).grade == change.after
    (back,) = decisions.grades_by_extension(course, "ann", lab, now(), 0)
    assert (back.before, back.after) == (change.after, 8)
    assert stands(course).grade == change.after
    assert decisions.grades_by_extension(course, "bob", lab, now(), 0) == []
    decisions.override(course, "tess", "ann", lab, 5, "oral")
    assert decisions.grades_by_dates(course, lab, Dates()) == [], "a grade set by hand stays"


def test_a_second_extension_replaces_the_first_and_an_empty_one_takes_it_back(course):
    lab = course.labs["tiny"]
    for more in (2, 3):
        decisions.extend(course, "tess", "ann", lab, due_at=None, more_attempts=more, reason="x")
    assert stands(course).rules.attempts == 13
    decisions.extend(course, "tess", "ann", lab, due_at=None, more_attempts=0, reason="mistake")
    assert stands(course).rules.attempts == 10
    with course.database.reading() as session:
        assert session.scalars(sa.select(Extension)).all() == []
    assert log_of(course, "extension")[-1].detail == "3 more attempts → none: mistake"
    with pytest.raises(Refused, match="no extension to take back"):
        decisions.extend(course, "tess", "ann", lab, due_at=None, more_attempts=0, reason="again")


def test_an_extension_lets_a_student_hand_in_after_the_close(course):
    lab = course.labs["tiny"]
    past = datetime.now(UTC) - timedelta(days=1)
    decisions.set_dates(course, "tess", lab, Dates(due_at=past, closes_at=past))
    with pytest.raises(NotAccepted):
        hand_in(course, "ann", lab, "a.ipynb", b"one")
    decisions.extend(
        course, "tess", "ann", lab, due_at=past + timedelta(days=3), more_attempts=0, reason="ill"
    )
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    with pytest.raises(NotAccepted):
        hand_in(course, "bob", lab, "a.ipynb", b"one")


@pytest.mark.parametrize("more", [-1, 1001])
def test_attempts_out_of_range_are_refused(sqlite_course, more):
    lab = sqlite_course.labs["tiny"]
    with pytest.raises(Refused, match="0 to 1000"):
        decisions.extend(
            sqlite_course, "tess", "ann", lab, due_at=None, more_attempts=more, reason="x"
        )


def test_an_override_counts_and_is_logged_with_its_reason(course):
    lab = course.labs["tiny"]
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    grade_next(course, points=3)
    decisions.override(course, "tess", "ann", lab, 8.5, "explained it in person")
    decisions.override(course, "tess", "ann", lab, 9, "and more")
    found = stands(course)
    assert (found.grade, found.computed) == (9, 3)
    first, second = log_of(course, "override")
    assert first.detail == "computed → 8.5: explained it in person"
    assert second.detail == "8.5 → 9: and more"
    with course.database.reading() as session:
        assert len(session.scalars(sa.select(Override)).all()) == 2, "both are kept"


def test_an_override_is_taken_back_with_a_reason(course):
    lab = course.labs["tiny"]
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    grade_next(course, points=3)
    decisions.override(course, "tess", "ann", lab, 8, "a mistake")
    decisions.take_back_override(course, "tess", "ann", lab, "wrong person")
    assert stands(course).grade == 3
    (line,) = log_of(course, "override taken back")
    assert (line.who, line.person, line.detail) == ("tess", "ann", "8 → computed: wrong person")
    with pytest.raises(Refused, match="none to take back"):
        decisions.take_back_override(course, "tess", "ann", lab, "again")


@pytest.mark.parametrize("score", [-0.01, 10.01, float("nan"), float("inf"), -float("inf")])
def test_a_score_out_of_range_is_refused(sqlite_course, score):
    with pytest.raises(Refused, match="from 0 to 10"):
        decisions.override(sqlite_course, "tess", "ann", sqlite_course.labs["tiny"], score, "why")
    assert stands(sqlite_course).grade is None
    assert log_of(sqlite_course, "override") == []


@pytest.mark.parametrize("score", [0, 10])
def test_the_ends_of_the_range_are_scores(sqlite_course, score):
    decisions.override(sqlite_course, "tess", "ann", sqlite_course.labs["tiny"], score, "why")
    assert stands(sqlite_course).grade == score


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001])
def test_nothing_is_decided_without_a_reason(sqlite_course, reason):
    lab = sqlite_course.labs["tiny"]
    with pytest.raises(Refused, match="reason"):
        decisions.override(sqlite_course, "tess", "ann", lab, 1, reason)
    with pytest.raises(Refused, match="reason"):
        decisions.extend(
            sqlite_course, "tess", "ann", lab, due_at=DUE, more_attempts=0, reason=reason
        )
    assert log_of(sqlite_course, "override") == log_of(sqlite_course, "extension") == []


def test_a_decision_on_nobody_is_refused(sqlite_course):
    with pytest.raises(Refused, match="'zoe'"):
        decisions.override(sqlite_course, "tess", "zoe", sqlite_course.labs["tiny"], 1, "why")


def test_a_decision_that_fails_leaves_no_line_in_the_log(sqlite_course, monkeypatch):
    lab = sqlite_course.labs["tiny"]

    def fails(*arguments, **more):
        raise OSError("the power went")

    monkeypatch.setattr(decisions, "_override", fails)
    with pytest.raises(OSError, match="power"):
        decisions.override(sqlite_course, "tess", "ann", lab, 5, "why")
    assert log_of(sqlite_course, "override") == []


def test_a_decision_whose_log_fails_is_undone(sqlite_course, monkeypatch):
    lab = sqlite_course.labs["tiny"]

    def fails(*arguments, **more):
        raise OSError("the power went")

    monkeypatch.setattr(decisions, "_log", fails)
    with pytest.raises(OSError, match="power"):
        decisions.override(sqlite_course, "tess", "ann", lab, 5, "why")
    assert stands(sqlite_course).grade is None


def test_what_was_looked_at_needs_nobody_and_keeps_its_flags(course):
    lab = course.labs["tiny"]
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    grade_next(course, flags=[Flag("library answer", "mse_loss by name")])
    assert stands(course).needs_a_person
    with course.database.reading() as session:
        grading = session.scalar(sa.select(Grading.id))
    decisions.looked_at(course, "tess", grading, "only in a comment")
    assert not stands(course).needs_a_person
    with course.database.reading() as session:
        assert "mse_loss by name" in session.get_one(Grading, grading).result
    (line,) = log_of(course, "looked at")
    assert (line.who, line.person) == ("tess", "ann")
    assert line.detail.endswith("only in a comment")
    with pytest.raises(Refused, match="Nothing"):
        decisions.looked_at(course, "tess", grading, "again")
