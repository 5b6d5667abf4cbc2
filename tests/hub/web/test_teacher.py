"""The teacher's pages: who may see them, what their forms do, and that nothing in them is run."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from big_class import fill
from bs4 import BeautifulSoup
from fastapi.openapi.utils import get_openapi
from served import PREFIX, Browser, app_of
from tiny_course import grade_next, make_course

from introml.grader.results.results import CellError, Flag
from introml.hub.course.models import (
    Event,
    Extension,
    Grading,
    LabSchedule,
    Override,
    Person,
    Submission,
)
from introml.hub.grades import regrades
from introml.hub.grades.submissions import dates_of, hand_in
from introml.hub.people import people

NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
#: What the page that asks first sends along.
SURE = {"sure": "yes"}


class Visitor(Browser):
    """Someone with a browser that follows where a form leads."""

    def __init__(self, course, name="tess"):
        super().__init__(app_of(course, public_url="https://hub.example.edu/x/"), name)

    def form(self, address, **fields):
        files = {key: fields.pop(key) for key in list(fields) if isinstance(fields[key], tuple)}
        answer = self.send_form(address, files=files or None, **fields)
        if answer.status_code != 303:
            return answer
        return self.get(answer.headers["location"].removeprefix(PREFIX))


@pytest.fixture
def course(sqlite_course):
    """The tiny course, in which ann has handed in something with 3 points of 10."""
    hand_in(sqlite_course, "ann", sqlite_course.labs["tiny"], "a.ipynb", b"one")
    grade_next(sqlite_course, points=3)
    return sqlite_course


@pytest.fixture
def tess(course):
    return Visitor(course)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request, tmp_path):
    """The same course, on each database."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").database()
    course = make_course(tmp_path, url)
    hand_in(course, "ann", course.labs["tiny"], "a.ipynb", b"one")
    grade_next(course, points=3)
    yield course
    course.database.close()


def one(course, table):
    with course.database.reading() as session:
        return session.scalars(sa.select(table)).one()


def logged(course, what):
    with course.database.reading() as session:
        found = session.scalars(sa.select(Event).filter_by(what=what))
        return [(x.who, x.person, x.lab, x.detail) for x in found]


def routes(course):
    """All of the teacher's routes, with something that is there in place of each parameter."""
    submission, grading = one(course, Submission), one(course, Grading)
    values = {
        "lab": "tiny", "name": "ann", "number": "1", "submission": submission.id,
        "grading": str(grading.id), "form": "canvas", "one": "ann", "other": "bob",
    }  # fmt: skip
    known = get_openapi(title="", version="", routes=app_of(course).routes)["paths"]
    for path, methods in known.items():
        if path.startswith(f"{PREFIX}teach"):
            there = re.sub(r"{(\w+)(:\w+)?}", lambda found: values[found[1]], path)
            for method in methods:
                yield method.upper(), there.removeprefix(PREFIX)


def test_a_student_gets_403_on_every_teachers_route(course):
    ann, known = Visitor(course, "ann"), list(routes(course))
    fields = {"csrf": ann.form_token()}
    answers = {
        (method, path): ann.request(
            method, path, data=fields if method == "POST" else None
        ).status_code
        for method, path in known
    }
    assert set(answers.values()) == {403}, answers
    assert len(known) >= 24
    assert ("POST", "teach/labs/tiny/regrade") in known


def test_whoever_is_not_signed_in_sees_no_teachers_page(course):
    nobody, stranger = Visitor(course, ""), Visitor(course, "mallory")
    for method, path in routes(course):
        assert nobody.request(method, path).status_code in (302, 401)
        assert stranger.request(method, path).status_code == 403


def test_every_form_needs_its_token(course, tess):
    forms = [path for method, path in routes(course) if method == "POST"]
    events = one_count(course)
    for path in forms:
        for fields in ({}, {"csrf": "0" * 64}, {"csrf": Visitor(course, "ann").form_token()}):
            answer = tess.post(path, data=fields | {"reason": "why", "score": "1"})
            assert answer.status_code == 403, path
    assert one_count(course) == events, "nothing was done"


def one_count(course):
    with course.database.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Event))


def test_every_page_of_a_teacher_opens(either):
    tess = Visitor(either)
    for method, path in routes(either):
        if method == "GET" and not path.endswith(("/regrades/1", "/similar/ann/bob")):
            answer = tess.get(path)
            assert answer.status_code == 200, (path, answer.text)
    assert tess.get("teach/labs/tiny/regrades/1").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "teach/labs/nope", "teach/labs/tiny/people/zoe", "teach/gradings/999",
        f"teach/submissions/{'0' * 32}/notebook", "teach/exports/course/xls.csv",
        "teach/labs/tiny/regrades/99",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(tess, path):
    assert tess.get(path).status_code == 404


def test_odd_addresses_are_no_fault_of_the_service(either):
    tess = Visitor(either)
    for path in (
        "teach/labs/tiny/people/a%00b", "teach/gradings/99999999999999999999",
        "teach/submissions/..%2f..%2fcourse.toml/notebook", "teach/log?person=%00&before=x",
        "teach/labs/tiny?page=-1&sort=%00&show=%00&q=%00", "teach/roster?page=99999999999999999999",
        "teach/log?before=999999999&lab=%00", "teach/labs/%00", "teach/exports/labs/%00/canvas.csv",
    ):  # fmt: skip
        assert tess.get(path).status_code in (200, 404, 422), path


def test_odd_words_in_forms_are_no_fault_of_the_service(either):
    tess = Visitor(either)
    there = "teach/labs/tiny/people/ann"
    assert "8 now" in tess.form(f"{there}/override", score="8", reason="a\0b\ud7ff").text
    assert "saved" in tess.form(f"{there}/extension", more_attempts="1", reason="\0\u202e").text
    assert "again" in tess.form("teach/labs/tiny/regrade", reason="\0").text
    refused = {
        f"{there}/extension": {"more_attempts": "9" * 40, "reason": "x"},
        f"{there}/override": {"score": "1\0", "reason": "x"},
        "teach/labs/tiny/dates": {"due_at": "2030-13-01T00:00"},
        "teach/roster/invite": {"name": "a\0b"},
        "teach/roster/people/ann/role": {"role": "\0"},
        "teach/roster/import": {"roster": "name,full_name\ncy,a\0b\n"},
    }
    for path, fields in refused.items():
        assert 'role="alert"' in tess.form(path, **fields).text, path


def test_the_lab_page_tells_of_the_class(tess):
    soup = BeautifulSoup(tess.get("teach/labs/tiny").text, "html.parser")
    text = " ".join(soup.get_text(" ").split())
    assert "1 of 2 handed in" in text
    assert "3 of 10" in text
    assert "3 to 4: 1;" in soup.find("svg", role="img")["aria-label"]
    rows = soup.select("table.students tbody tr")
    assert [row.th.a.get_text() for row in rows] == ["Ann Able", "Bob Baker"]


def test_rows_are_chosen_and_ordered(course, tess):
    def names(query):
        soup = BeautifulSoup(tess.get(f"teach/labs/tiny?{query}").text, "html.parser")
        return [row.th.a["href"].split("/")[-1] for row in soup.select("table.students tbody tr")]

    assert names("show=none") == ["bob"]
    assert names("show=in") == ["ann"]
    assert names("show=person") == []
    assert names("sort=-grade") == ["ann", "bob"]
    assert names("sort=grade") == ["bob", "ann"]
    assert names("sort=-name") == ["bob", "ann"]
    assert names("q=BAKER") == ["bob"]


def test_dates_are_set_and_told(course, tess):
    page = tess.form("teach/labs/tiny/dates", due_at="2030-05-01T12:00", closes_at="")
    assert "Dates changed: due: none → 2030-05-01 12:00 UTC." in page.text
    assert f"{one(course, LabSchedule).due_at}" == "2030-05-01 12:00:00+00:00"
    assert 'value="2030-05-01T12:00"' in page.text
    assert "Dates changed" not in tess.get("teach/labs/tiny").text, "it is said once"
    page = tess.form("teach/labs/tiny/dates", due_at="tomorrow")
    assert "such as 2026-10-31T23:59" in page.text
    assert f"{one(course, LabSchedule).due_at}" == "2030-05-01 12:00:00+00:00"


@pytest.fixture
def berlin(tmp_path):
    """The course in Berlin, with ann's 3 points of 10."""
    course = make_course(tmp_path, time_zone="Europe/Berlin")
    hand_in(course, "ann", course.labs["tiny"], "a.ipynb", b"one")
    grade_next(course, points=3)
    yield course
    course.database.close()


def test_forms_take_and_show_the_courses_time_and_pages_its_zones_name(berlin):
    tess = Visitor(berlin)
    page = tess.form(
        "teach/labs/tiny/dates", opens_at="2026-03-28T12:00", due_at="2050-07-01T23:59"
    )
    assert (
        "Dates changed: opens: none → 2026-03-28 12:00 CET; due: none → 2050-07-01 23:59 CEST."
        in page.text
    )
    assert 'value="2026-03-28T12:00"' in page.text
    assert 'value="2050-07-01T23:59"' in page.text
    assert '<time datetime="2050-07-01T23:59:00+02:00">2050-07-01 23:59 CEST</time>' in page.text
    assert f"{one(berlin, LabSchedule).due_at}" == "2050-07-01 21:59:00+00:00"
    assert f"{one(berlin, LabSchedule).opens_at}" == "2026-03-28 11:00:00+00:00"
    home = BeautifulSoup(Visitor(berlin, "ann").get("").text, "html.parser")
    assert "2050-07-01 23:59 CEST" in home.main.get_text(" ")
    assert "Times are those of Europe/Berlin (UTC+0" in home.footer.get_text(" ")


def test_a_date_that_a_form_shows_and_nobody_changes_stays_to_the_second(berlin):
    """Also in the hour that comes twice, of which a form that was changed means the second."""
    kept = [
        datetime(2049, 12, 31, 22, 59, 59, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ]
    tess = Visitor(berlin)
    for at in kept:
        with berlin.database.writing() as session:
            dates_of(session, "tiny").closes_at = at
        field = BeautifulSoup(tess.get("teach/labs/tiny").text, "html.parser").find(id="closes_at")
        page = tess.form("teach/labs/tiny/dates", closes_at=field["value"])
        assert "The dates are as before." in page.text
        assert one(berlin, LabSchedule).closes_at == at
    tess.form("teach/labs/tiny/dates", feedback_at="2026-10-25T02:30")
    assert f"{one(berlin, LabSchedule).feedback_at}" == "2026-10-25 01:30:00+00:00"


def test_an_hour_that_clocks_skip_is_refused(berlin):
    page = Visitor(berlin).form("teach/labs/tiny/dates", due_at="2026-03-29T02:30")
    assert "no 02:30 on 2026-03-29 in Europe/Berlin, where clocks go forward" in page.text


def seen(page):
    """The fields of the form that shows whose grade changes."""
    form = BeautifulSoup(page.text, "html.parser").main.find("form")
    return {one["name"]: one["value"] for one in form.find_all("input") if one["name"] != "csrf"}


def test_moving_a_date_says_first_whose_grade_changes_from_what_to_what(course, tess):
    path = "teach/labs/tiny/dates"
    page = tess.form(path, due_at="2020-05-01T12:00")
    words = " ".join(BeautifulSoup(page.text, "html.parser").main.get_text(" ").split())
    assert "due: none → 2020-05-01 12:00 UTC. It changes the grade of 1 student" in words
    late = course.labs["tiny"].settings.late
    assert f"Ann Able 3 {3 * (1 - late.max):g} −{3 * late.max:g}" in words
    assert logged(course, "set dates") == [], "nothing is saved"
    # Somebody hands in better while the teacher reads: that was not seen, and is shown.
    hand_in(course, "ann", course.labs["tiny"], "a.ipynb", b"two")
    grade_next(course, points=5)
    page = tess.form(path, **seen(page))
    assert f"Ann Able 5 {5 * (1 - late.max):g}" in " ".join(
        BeautifulSoup(page.text, "html.parser").main.get_text(" ").split()
    )
    assert "Dates changed" in tess.form(path, **seen(page)).text
    assert f"{one(course, LabSchedule).due_at}" == "2020-05-01 12:00:00+00:00"
    assert [x[0] for x in logged(course, "set dates")] == ["tess"]


def test_an_extension_that_changes_the_grade_says_so_first(course, tess):
    with course.database.writing() as session:
        dates_of(session, "tiny").due_at = datetime(2020, 5, 1, tzinfo=UTC)
    there = "teach/labs/tiny/people/ann/extension"
    page = tess.form(there, due_at="2050-01-01T00:00", more_attempts="1", reason="ill & <well>")
    assert "An extension for Ann Able. It changes the grade of 1 student" in page.text
    assert logged(course, "extension") == []
    assert "Extension saved." in tess.form(there, **seen(page)).text
    (line,) = logged(course, "extension")
    assert line[3].endswith("1 more attempts: ill & <well>")
    page = tess.form(there, due_at="2019-01-01T00:00", reason="x")
    assert "It changes the grade" in page.text
    assert "An extension gives more time" in tess.form(there, **seen(page)).text


def test_an_overtaken_grade_by_hand_is_shown_with_both_ways_out(course, tess):
    there = "teach/labs/tiny/people/ann"
    tess.form(f"{there}/override", score="2.5", reason="oral exam")
    assert "Keep 2.5" not in tess.get(there).text
    hand_in(course, "ann", course.labs["tiny"], "a.ipynb", b"two")
    grade_next(course, points=7)
    assert "1 need" in tess.get("teach/labs/tiny").text
    assert "overtaken" in tess.get("teach/labs/tiny").text
    page = BeautifulSoup(tess.get(there).text, "html.parser")
    form = page.find("section", {"aria-labelledby": "overtaken"}).form
    assert "would count with 7" in " ".join(form.parent.get_text(" ").split())
    keep, take = form.find_all("button")
    assert (keep.get_text(), take["formaction"]) == ("Keep 2.5", f"{PREFIX}{there}/take-back")
    assert form.find("input", {"name": "score"})["value"] == "2.5"
    tess.form(f"{there}/override", score="2.5", reason="kept")
    assert "Keep 2.5" not in tess.get(there).text
    assert "1 need" not in tess.get("teach/labs/tiny").text


def test_a_form_ends_in_a_redirect_to_its_page(course, tess):
    answer = tess.send_form("teach/labs/tiny/dates", due_at="2030-05-01T12:00")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PREFIX}teach/labs/tiny")


def test_a_message_is_for_its_own_session(course, tess):
    tess.send_form("teach/labs/tiny/dates", due_at="2030-05-01T12:00")
    with course.database.writing() as session:
        people.add_people(session, [people.Entry("tim", role="teacher")], "test")
    tim = Visitor(course, "tim")
    tim.cookies.set("introml-said", tess.cookies["introml-said"])
    assert "Dates changed" not in tim.get("teach").text
    tess.cookies.set("introml-said", "forged")
    assert tess.get("teach").status_code == 200


def test_an_override_and_its_taking_back(course, tess):
    there = "teach/labs/tiny/people/ann"
    page = tess.form(f"{there}/override", score="8,5", reason="oral exam")
    assert "The grade is 8.5 now" in page.text
    assert "set by tess" in page.text
    assert one(course, Override).score == 8.5
    for score in ("10.5", "-1", "nan", "inf", "1e999", "x", ""):
        page = tess.form(f"{there}/override", score=score, reason="why")
        assert 'role="alert"' in page.text, score
    assert 'role="alert"' in tess.form(f"{there}/override", score="5", reason=" ").text
    assert one(course, Override).score == 8.5
    assert "counts again" in tess.form(f"{there}/take-back", reason="mistake").text
    assert [x[0] for x in logged(course, "override taken back")] == ["tess"]


def test_an_extension(course, tess):
    there = "teach/labs/tiny/people/bob/extension"
    page = tess.form(there, due_at="2030-05-04T12:00", more_attempts="2", reason="ill")
    assert "Extension saved." in page.text
    assert one(course, Extension).more_attempts == 2
    assert 'role="alert"' in tess.form(there, more_attempts="2.5", reason="ill").text
    assert [x[:3] for x in logged(course, "extension")] == [("tess", "bob", "tiny")]


def test_regrading_keeps_what_was_graded_before_in_sight(course, tess):
    submission = one(course, Submission)
    page = tess.form(f"teach/submissions/{submission.id}/regrade", reason="a mended check")
    assert "Attempt 1 is graded again" in page.text
    assert "waiting" in page.text
    grade_next(course, points=6, lab_version="v2")
    page = tess.get("teach/labs/tiny/people/ann")
    soup = BeautifulSoup(page.text, "html.parser")
    rows = [row.get_text(" ", strip=True) for row in soup.select(".attempt tbody tr")]
    assert len(rows) == 2
    assert "6 of 10" in rows[0]
    assert "counts" in rows[0]
    assert "3 of 10" in rows[1]
    assert "counts" not in rows[1]
    old = soup.select(".attempt tbody tr a")[1]["href"].removeprefix(PREFIX)
    assert "kept; a newer grading counts" in tess.get(old).text


def test_regrading_all_tells_whose_grade_changed(course, tess):
    page = tess.form("teach/labs/tiny/regrade", reason="a mended check")
    assert "1 submission is graded again" in page.text
    (link,) = re.findall(r"teach/labs/tiny/regrades/\d+", page.text)
    assert "0 of 1 graded again" in tess.get(link).text
    grade_next(course, points=6, lab_version="v2")
    text = " ".join(BeautifulSoup(tess.get(link).text, "html.parser").get_text(" ").split())
    assert "1 of 1 graded again" in text
    assert "Ann Able 3 6 +3" in text
    assert 'role="alert"' in tess.form("teach/labs/tiny/regrade", reason="").text


def test_a_lower_grade_is_shown_old_and_new_and_waits_for_the_teacher(course, tess):
    tess.form("teach/labs/tiny/regrade", reason="a mended check")
    (link,) = re.findall(r"teach/labs/tiny/regrades/\d+", tess.get("teach/labs/tiny").text)
    held = grade_next(course, points=1, lab_version="v2").grading

    def words(path):
        return " ".join(BeautifulSoup(tess.get(path).text, "html.parser").get_text(" ").split())

    assert "Ann Able 3 of 10 1 of 10" in words(link)
    assert "it would be lower: 3 of 10 → 1 of 10" in words("teach/labs/tiny/people/ann")
    assert "waits for a teacher" in words(f"teach/gradings/{held}")
    assert 'role="alert"' in tess.form(f"teach/gradings/{held}/take", reason="").text
    page = tess.form(f"teach/gradings/{held}/keep", reason="the check was wrong", **SURE)
    assert "The old grade is kept." in page.text
    assert "not taken" in page.text
    tess.form("teach/labs/tiny/regrade", reason="mended again")
    link = max(re.findall(r"teach/labs/tiny/regrades/\d+", tess.get("teach/labs/tiny").text))
    grade_next(course, points=2, lab_version="v3")
    assert "1 new grade counts now." in tess.form(f"{link}/take", reason="announced", **SURE).text
    assert "2 of 10" in words("teach/labs/tiny/people/ann")
    assert 'role="alert"' in tess.form(f"{link}/take", reason="again").text


def test_what_was_flagged_is_looked_at(course, tess):
    hand_in(course, "bob", course.labs["tiny"], "b.ipynb", b"two")
    lease = grade_next(course, flags=[Flag("library answer", "mse_loss by name")])
    assert "1 need" in tess.get("teach/labs/tiny").text
    assert "mse_loss by name" in tess.get(f"teach/gradings/{lease.grading}").text
    page = tess.form(f"teach/gradings/{lease.grading}/looked-at", reason="in a comment")
    assert "Noted in the log" in page.text
    assert "1 need" not in tess.get("teach/labs/tiny").text
    assert "mse_loss by name" in tess.get(f"teach/gradings/{lease.grading}").text


def test_nothing_of_a_students_is_run_in_a_teachers_page(course, tess):
    with course.database.writing() as session:
        ann = people.find(session, "ann")
        ann.full_name = ann.email = ann.lms_id = NASTY[:100]
    hand_in(course, "ann", course.labs["tiny"], f"{NASTY}.ipynb", b"nasty")
    lease = grade_next(
        course,
        flags=[Flag(NASTY, NASTY)],
        cell_errors=[CellError(NASTY, NASTY)],
        notes=[NASTY],
        public_output=NASTY,
        message=NASTY,
        teacher={NASTY: NASTY},
        measured={"x": NASTY},
        environment={"y": [NASTY]},
    )
    tess.form("teach/labs/tiny/people/ann/override", score="1", reason=NASTY)
    tess.form("teach/labs/tiny/people/ann/extension", more_attempts="1", reason=NASTY)
    tess.form("teach/labs/tiny/regrade", reason=NASTY)
    number = logged_number(course, "regrade all")
    pages = [
        "teach", "teach/roster", "teach/log", "teach/labs/tiny", "teach/labs/tiny/people/ann",
        f"teach/gradings/{lease.grading}", f"teach/labs/tiny/regrades/{number}",
    ]  # fmt: skip
    for path in pages:
        answer = tess.get(path)
        soup = BeautifulSoup(answer.text, "html.parser")
        assert answer.status_code == 200
        assert not soup.find_all("img"), path
        assert {x.get("src", "")[: len(PREFIX)] for x in soup.find_all("script")} == {PREFIX}
        assert all(not key.startswith("on") for x in soup.find_all() for key in x.attrs), path
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert NASTY in BeautifulSoup(tess.get(pages[5]).text, "html.parser").get_text()


def logged_number(course, what):
    with course.database.reading() as session:
        return session.scalar(sa.select(Event.id).filter_by(what=what))


def test_a_notebook_is_saved_and_never_shown(course, tess):
    answer = tess.get(f"teach/submissions/{one(course, Submission).id}/notebook")
    assert answer.content == b"one"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="tiny-ann-1.ipynb"'


@pytest.mark.parametrize("scope", ["course", "labs/tiny"])
@pytest.mark.parametrize("form", ["canvas", "moodle", "gradescope", "everything"])
def test_grades_are_saved_as_files(tess, scope, form):
    answer = tess.get(f"teach/exports/{scope}/{form}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    found = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert any("Ann Able" in row and "3" in row for row in found)


@pytest.fixture
def grace(course):
    """Whom the roster knows by an address alone, and a student whose account has another name."""
    with course.database.writing() as session:
        both = [
            people.Entry(email="grace.hopper@example.edu", role="teacher"),
            people.Entry("zoe.mueller", full_name="Zoë Müller", lms_id="S5001"),
        ]
        people.add_people(session, both, "test")
    return Visitor(course, "grace-hopper")


def text_of(answer):
    return " ".join(BeautifulSoup(answer.text, "html.parser").get_text(" ").split())


def test_every_page_says_by_what_its_reader_signs_in(grace):
    for address in ("teach", "labs", "receipts"):
        assert "signed in as grace.hopper@example.edu" in text_of(grace.get(address))


def test_a_lab_s_page_tells_user_names_and_finds_people_by_all_that_they_are_called(grace):
    assert "Zoë Müller zoe.mueller nothing yet" in text_of(grace.get("teach/labs/tiny"))
    for words in ("zoe.mueller", "s5001", "zoe-mueller", "zoë"):
        found = text_of(grace.get(f"teach/labs/tiny?q={words}"))
        assert "Zoë Müller" in found, words
        assert "Ann Able" not in found, words


def test_the_roster_tells_what_its_file_for_gradescope_leaves_out_and_no_name_twice(grace):
    words = text_of(grace.get("teach/roster"))
    without = [x for x in grace.get("teach/exports/roster/roster.csv").text.split("\n") if x]
    count = sum("@" not in line for line in without[1:])
    assert count > 0
    assert f"wants an email address of everybody and so leaves out {count}" in words
    assert "grace-hopper grace-hopper" not in words


def test_a_preview_calls_no_account_a_user_name_and_people_by_their_names(grace):
    page = grace.form("teach/roster/preview", roster="email\njose@uni.example.es\n")
    row = BeautifulSoup(page.text, "html.parser").select_one("tbody th")
    assert row.get_text(" ", strip=True) == "account jose"
    assert "not in this file, and stay: Ann Able, Bob Baker, Zoë Müller." in text_of(page)


def test_a_roster_is_seen_before_it_is_taken(course, tess):
    text = "name,full_name,role\nann,Ann Other,\ncy,Cy 王,\ndee,Dee,teacher\n"
    page = tess.form("teach/roster/preview", file=("r.csv", text.encode("utf-8-sig")))
    soup = BeautifulSoup(page.text, "html.parser")
    words = " ".join(soup.get_text(" ").split())
    assert "2 will be added, 1 changed, 0 are as before. Nothing is done yet." in words
    assert "full name: Ann Able → Ann Other" in words
    assert "1 will be a teacher and can see and change all grades: Dee" in words
    assert "1 student of the course is not in this file, and stays: Bob Baker." in words
    with course.database.reading() as session:
        assert people.find(session, "cy") is None
    kept = {name: soup.find("input", {"name": name})["value"] for name in ("roster", "seen")}
    assert "changed since you looked" in tess.form("teach/roster/import", roster=text).text
    page = tess.form("teach/roster/import", **kept)
    assert "2 added, 1 changed, 0 as before." in page.text
    with course.database.reading() as session:
        assert people.find(session, "cy").full_name == "Cy 王"
        assert people.find(session, "ann").full_name == "Ann Other"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "There is no roster."),
        ({"roster": "name\nNo Good\n"}, "cannot be a user"),
        ({"file": ("r.csv", b"name\n\xff\xfe\n")}, "not in UTF-8"),
        ({"file": ("r.csv", b"PK\x03\x04\0\0name")}, "This is an Excel workbook"),
    ],
)
def test_a_roster_that_is_none_is_refused_in_words(tess, fields, words):
    assert words in tess.form("teach/roster/preview", **fields).text


def test_all_that_is_wrong_with_a_roster_is_told_at_once_and_can_be_mended_there(course, tess):
    data = "name,email\nzo ë,\nann,bob@example.edu\nx,x\n".encode("cp1252")
    soup = BeautifulSoup(
        tess.form("teach/roster/preview", file=("r.csv", data)).text, "html.parser"
    )
    assert [one.get_text()[:6] for one in soup.main.select("ul li")] == [
        "Line 2",
        "Line 3",
        "Line 4",
    ]
    assert "3 things are to be mended. Nothing was changed." in soup.text
    typed = soup.find("textarea").get_text()
    assert "zo ë" in typed
    mended = typed.replace("zo ë", "zoe").replace("bob@", "ann@").replace("x,x", "x,")
    assert "2 will be added" in tess.form("teach/roster/preview", roster=mended).text


def test_invitation_links_are_shown_once_and_work(course, tess):
    answer = tess.form("teach/roster/invite")
    links = re.findall(r'value="(https://hub\.example\.edu/hub/invite#([\w-]{43}))"', answer.text)
    assert len(links) == 3
    assert answer.headers["cache-control"] == "no-store"
    assert answer.history == [], "no redirect: the secrets are in this page alone"
    with course.database.reading() as session:
        assert {people.invited(session, secret).name for _, secret in links} == {
            "ann", "bob", "tess",
        }  # fmt: skip
    for path in ("teach/roster", "teach/log", "teach"):
        assert not any(secret in tess.get(path).text for _, secret in links)
    assert all(secret not in f"{x}" for x in logged(course, "invited") for _, secret in links)


def links_in(answer):
    return re.findall(r"/hub/invite#([\w-]{43})\"", answer.text)


def names_of(course, secrets):
    with course.database.reading() as session:
        found = [people.invited(session, secret) for secret in secrets]
    return [one.name if one is not None else None for one in found]


def test_one_person_is_added_by_a_form_and_gets_a_link(course, tess):
    answer = tess.form(
        "teach/roster/add", full_name="Zoë Zu", email="Zoe.Zu@example.edu", name="", role="student"
    )
    assert "Zoë Zu is in the course now, as a student." in answer.text
    (secret,) = links_in(answer)
    (name,) = names_of(course, [secret])
    with course.database.reading() as session:
        added = people.find(session, name)
        assert (added.email, added.role, added.active) == ("Zoe.Zu@example.edu", "student", True)
        assert people.whom(session, "zoe.zu@example.edu").id == added.id
    assert "signs in as Zoe.Zu@example.edu" in answer.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "ann"}, "Ann Able (ann) is on the roster already, a student."),
        ({"email": "ANN@example.edu", "name": "other"}, "ann"),
        ({"full_name": "Nobody Known"}, "Give a user name, or an email address."),
        ({"name": "new", "role": "dean"}, "The role is 'dean'"),
        ({"email": "no address"}, "no address"),
    ],
)
def test_a_person_who_cannot_be_added_is_refused_and_what_was_typed_is_kept(
    course, tess, fields, words
):
    with course.database.reading() as session:
        before = [(x.name, x.full_name, x.email, x.role) for x in session.query(Person)]
    answer = tess.form("teach/roster/add", **fields)
    soup = BeautifulSoup(answer.text, "html.parser")
    assert words in soup.select_one("[role=alert]").get_text()
    form = soup.select_one('form[action$="roster/add"]')
    for key, value in fields.items():
        if key != "role":
            assert form.select_one(f"[name={key}]")["value"] == value
    with course.database.reading() as session:
        assert [(x.name, x.full_name, x.email, x.role) for x in session.query(Person)] == before


def test_a_new_link_for_some_leaves_the_links_of_the_others_good(course, tess):
    first = links_in(tess.form("teach/roster/invite"))
    assert set(names_of(course, first)) == {"ann", "bob", "tess"}
    chosen = links_in(tess.form("teach/roster/invite", whom="chosen", name=["ann", "tess"], **SURE))
    assert sorted(names_of(course, chosen)) == ["ann", "tess"]
    assert [name for name in names_of(course, first) if name] == ["bob"]
    with course.database.writing() as session:
        people.add_people(session, [people.Entry("zoe")], "test")
    assert names_of(course, links_in(tess.form("teach/roster/invite"))) == ["zoe"]
    assert sorted(names_of(course, chosen)) == ["ann", "tess"]
    again = tess.form("teach/roster/invite")
    assert "Everybody in the course has a password, or a link" in again.text
    everyone = links_in(tess.form("teach/roster/invite", whom="all", **SURE))
    assert sorted(names_of(course, everyone)) == ["ann", "bob", "tess", "zoe"]
    assert names_of(course, chosen) == [None, None]


def test_where_nobody_is_ticked_nobody_gets_a_link(course, tess):
    first = links_in(tess.form("teach/roster/invite"))
    assert "Nobody is chosen" in tess.form("teach/roster/invite", whom="chosen").text
    assert None not in names_of(course, first)


def test_the_list_has_a_box_to_tick_for_everyone_in_the_course(course, tess):
    with course.database.writing() as session:
        people.find(session, "bob").active = False
    soup = BeautifulSoup(tess.get("teach/roster").text, "html.parser")
    boxes = soup.select("input[type=checkbox][name=name]")
    assert {box["value"] for box in boxes} == {"ann", "tess"}
    assert {box["form"] for box in boxes} == {soup.select_one("form#chosen")["id"]}


def test_invitation_links_are_saved_as_a_file(course, tess):
    with course.database.writing() as session:
        people.find(session, "ann").full_name = "=HYPERLINK(1)"
    page = tess.form("teach/roster/invite", name="ann")
    (secret,) = re.findall(r'name="secret" value="([\w-]+)"', page.text)
    answer = tess.form("teach/roster/links.csv", secret=[secret, "made-up", "<script>"])
    assert answer.content.startswith("\ufeff".encode()), "without it Excel spoils the names"
    found = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert found == [
        ["name", "full_name", "email", "link"],
        [
            "ann", "'=HYPERLINK(1)", "ann@example.edu",
            f"https://hub.example.edu/hub/invite#{secret}",
        ],
    ]  # fmt: skip
    assert answer.headers["content-disposition"].startswith("attachment; ")


def test_an_address_never_makes_an_invitation(course, tess):
    assert tess.get("teach/roster/invite").status_code == 405
    assert logged(course, "invited") == []


def test_roles_and_leaving(course, tess):
    page = tess.form("teach/roster/people/bob/role", role="teacher", **SURE)
    assert "bob is a teacher now." in page.text
    page = tess.form("teach/roster/people/tess/role", role="student", **SURE)
    assert "your own role" in page.text
    page = tess.form("teach/roster/people/bob/active", active="no", **SURE)
    assert "no longer in the course" in page.text
    assert Visitor(course, "bob").get("teach").status_code == 403
    tess.form("teach/roster/people/bob/active", active="yes")
    assert Visitor(course, "bob").get("teach").status_code == 200


def test_the_log_is_of_whom_it_is_asked(course, tess):
    hand_in(course, "bob", course.labs["tiny"], "b.ipynb", b"two")

    def whom(query):
        soup = BeautifulSoup(tess.get(f"teach/log?{query}").text, "html.parser")
        return {row.select("td")[3].get_text() for row in soup.select("tbody tr")}

    assert whom("") == {"ann", "bob", "tess"}
    assert whom("person=bob") == {"bob"}
    assert whom("lab=tiny") == {"ann", "bob"}
    assert whom("person=zoe") == set()


def test_a_long_log_is_turned_page_by_page(course, tess):
    with course.database.writing() as session:
        for i in range(250):
            session.add(Event(at=one(course, Person and Submission).submitted_at, who="x",
                              what=f"event {i}"))  # fmt: skip
    seen, address = [], "teach/log"
    while address:
        soup = BeautifulSoup(tess.get(address).text, "html.parser")
        found = [row.select("td")[2].get_text() for row in soup.select("tbody tr")]
        assert len(found) <= 100
        seen += found
        further = soup.find("a", rel="next")
        address = "teach/log" + further["href"] if further else None
    assert [x for x in seen if x.startswith("event")] == [f"event {i}" for i in range(249, -1, -1)]


def test_a_class_of_500_is_shown_page_by_page_with_few_questions_to_the_database(tmp_path):
    course = make_course(tmp_path)
    fill(course, 500)
    number, _ = regrades.regrade_all(course, "tess", course.labs["tiny"], "a mended check")
    tess = Visitor(course)
    asked = []
    sa.event.listen(course.database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    for path in (
        "teach", "teach/labs/tiny", "teach/labs/tiny?show=person&sort=-grade",
        "teach/labs/tiny?page=6", "teach/labs/tiny/people/s007", "teach/roster", "teach/log",
        "teach/exports/course/everything.csv", f"teach/labs/tiny/regrades/{number}",
    ):  # fmt: skip
        asked.clear()
        answer = tess.get(path)
        assert answer.status_code == 200
        assert len(asked) < 40, path
        soup = BeautifulSoup(answer.text, "html.parser")
        assert len(soup.select("tbody tr")) <= 150, "every list is turned page by page"
