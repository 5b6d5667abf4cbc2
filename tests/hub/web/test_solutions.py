"""A solution is seen by nobody who may still hand in, and by all others from its day on."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from served import Browser, app_of
from tiny_course import make_course, set_dates

from introml.hub.course.database import now
from introml.hub.course.models import Extension
from introml.hub.grades.rules import solution_from
from introml.hub.people import people

HOUR = timedelta(hours=1)


@pytest.fixture
def app(sqlite_course):
    return app_of(sqlite_course)


def seen_by(app, name):
    answer = Browser(app, name).get("labs/tiny/solution")
    assert answer.status_code in (200, 403), answer.text
    assert (b"tiny_solution" in answer.content) == (answer.status_code == 200)
    return answer.status_code == 200


def test_it_is_out_from_the_labs_own_day_on(sqlite_course, app):
    day = sqlite_course.labs["tiny"].settings.solutions_from
    assert isinstance(day, date)
    out = datetime(day.year, day.month, day.day, tzinfo=UTC) <= now()
    assert seen_by(app, "ann") == out


def test_the_labs_own_day_begins_at_the_courses_midnight(tmp_path):
    course = make_course(tmp_path, time_zone="Pacific/Auckland")
    day = course.labs["tiny"].settings.solutions_from
    with course.database.reading() as session:
        out = solution_from(session, people.find(session, "ann"), course.labs["tiny"])
    local = out.astimezone(ZoneInfo("Pacific/Auckland"))
    assert (local.date(), local.hour, local.minute) == (day, 0, 0)
    course.database.close()


def test_the_teachers_date_takes_the_place_of_the_labs(sqlite_course, app):
    set_dates(sqlite_course, solutions_at=now() + HOUR)
    assert not seen_by(app, "ann")
    set_dates(sqlite_course, solutions_at=now() - HOUR)
    assert seen_by(app, "ann")


def test_nobody_sees_it_before_their_own_time_is_over(sqlite_course, app):
    set_dates(sqlite_course, solutions_at=now() - HOUR, due_at=now() - 9 * HOUR)
    assert seen_by(app, "ann")
    with sqlite_course.database.writing() as session:
        ann = people.find(session, "ann")
        session.add(Extension(person_id=ann.id, lab="tiny", due_at=now() + HOUR))
    assert not seen_by(app, "ann")
    assert seen_by(app, "bob")
    set_dates(sqlite_course, closes_at=now() + HOUR)
    assert not seen_by(app, "bob")


def test_a_teacher_always_sees_it_and_nobody_else_without_signing_in(sqlite_course, app):
    set_dates(sqlite_course, solutions_at=now() + HOUR)
    assert seen_by(app, "tess")
    assert Browser(app).get("labs/tiny/solution").status_code == 302
    assert Browser(app, "eve").get("labs/tiny/solution").status_code == 403


def test_the_labs_page_says_when_and_then_links_it(sqlite_course, app):
    ann = Browser(app, "ann")
    set_dates(sqlite_course, solutions_at=now() + HOUR)
    assert "labs/tiny/solution" not in ann.get("labs/tiny").text
    set_dates(sqlite_course, solutions_at=now() - HOUR)
    assert "labs/tiny/solution" in ann.get("labs/tiny").text
