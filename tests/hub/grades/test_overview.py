"""Counts, the spread of grades, the hardest checks: against sums done by hand."""

import pytest
from big_class import fill
from tiny_course import grade_next, make_course

from introml.grader.results.results import Flag, Verdict
from introml.hub.grades import decisions, overview
from introml.hub.grades.standing import class_standing
from introml.hub.grades.submissions import hand_in
from introml.hub.people import roster


def summary(course):
    with course.database.reading() as session:
        students, (one,) = overview.lab_summaries(session, course)
    return students, one.handed_in, one.waiting, one.needs_a_person


def test_the_counts_are_of_the_newest_submission_of_active_students(course):
    lab = course.labs["tiny"]
    assert summary(course) == (2, 0, 0, 0)
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    assert summary(course) == (2, 1, 1, 0)
    grade_next(course, flags=[Flag("odd")])
    assert summary(course) == (2, 1, 0, 1)
    hand_in(course, "ann", lab, "a.ipynb", b"two")
    assert summary(course) == (2, 1, 1, 0), "the newest one waits; the flagged one is past"
    hand_in(course, "bob", lab, "a.ipynb", b"three")
    assert summary(course) == (2, 2, 2, 0)
    roster.set_active(course, "tess", "bob", False)
    assert summary(course) == (1, 1, 1, 0)


def test_an_overtaken_grade_by_hand_needs_a_person_here_too(course):
    lab = course.labs["tiny"]
    decisions.override(course, "tess", "ann", lab, 5, "oral")
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    grade_next(course, 9)
    assert summary(course) == (2, 1, 0, 1)


def test_the_counts_agree_with_the_standings_of_a_big_class(tmp_path):
    course = make_course(tmp_path)
    fill(course, 80)
    with course.database.reading() as session:
        students, (one,) = overview.lab_summaries(session, course)
        found = class_standing(session, course.labs["tiny"])
    assert students == len(found) == 82
    assert one.handed_in == sum(bool(x.submissions) for x in found) > 50
    assert one.waiting == sum(x.waiting for x in found) > 0
    assert one.needs_a_person == sum(x.needs_a_person for x in found) > 0


def test_a_histogram_holds_each_grade_once():
    bars = overview.histogram([0, 0.99, 1, 9.99, 10, 11], 10)
    assert [one.count for one in bars] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 3]
    assert (bars[0].low, bars[0].high, bars[-1].high) == (0, 1, 10)


@pytest.mark.parametrize("points", [1, 3, 7, 10, 0.7])
def test_a_grade_on_a_border_begins_the_next_bar(points):
    for place in range(10):
        bars = overview.histogram([points / 10 * place], points)
        assert [one.count for one in bars].index(1) == place


def test_a_histogram_of_a_lab_without_points():
    assert sum(one.count for one in overview.histogram([0], 0)) == 1


def test_the_hardest_check_comes_first(course):
    lab = course.labs["tiny"]
    for name, points in (("ann", 4), ("bob", 7)):  # 4 points of the first check, 6 of the second
        hand_in(course, name, lab, "a.ipynb", name.encode())
        grade_next(course, points=points)
    with course.database.reading() as session:
        hard, easy = overview.hardest_checks(session, class_standing(session, lab))
    assert (hard.title, hard.hidden, hard.points, hard.graded) == ("Steps go on", True, 6, 2)
    assert (hard.share, hard.full) == ((0 + 3 / 6) / 2, 0)
    assert (easy.title, easy.share, easy.full) == ("The loss is right", 1, 2)


def test_the_best_grading_is_what_checks_are_judged_by(course):
    lab = course.labs["tiny"]
    for points, verdict in ((8, Verdict.GRADED), (2, Verdict.GRADED), (0, Verdict.FAULT)):
        hand_in(course, "ann", lab, "a.ipynb", f"{points}".encode())
        for _ in range(4 if verdict == Verdict.FAULT else 1):
            grade_next(course, points=points, verdict=verdict)
    with course.database.reading() as session:
        hard, _ = overview.hardest_checks(session, class_standing(session, lab))
    assert (hard.share, hard.graded) == (4 / 6, 1)


def test_the_median():
    assert overview.median([]) is None
    assert overview.median([3]) == 3
    assert overview.median([5, 1, 2]) == 2
    assert overview.median([4, 1, 2, 3]) == 2.5
