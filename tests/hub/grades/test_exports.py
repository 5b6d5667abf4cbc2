"""Exports: the forms that Canvas, Moodle and Gradescope read; none holds a formula."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from tiny_course import grade_next, make_course

from introml.hub.course.models import Person
from introml.hub.grades import exports
from introml.hub.grades.decisions import Dates, override, set_dates
from introml.hub.grades.submissions import hand_in
from introml.hub.people import people, roster


@pytest.fixture
def columns(sqlite_course):
    """The tiny lab's grades: ann has 7.25 of 10, bob has handed nothing in."""
    hand_in(sqlite_course, "ann", sqlite_course.labs["tiny"], "a.ipynb", b"one")
    grade_next(sqlite_course, points=7.25)
    return lambda: _columns(sqlite_course)


def _columns(course):
    with course.database.reading() as session:
        return [exports.column(session, course, lab) for lab in course.labs.values()]


def rows(text):
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_times_are_those_of_the_courses_clocks_with_their_offset(tmp_path):
    course = make_course(tmp_path, time_zone="Asia/Kathmandu")
    lab = course.labs["tiny"]
    set_dates(course, "tess", lab, Dates(due_at=datetime(2100, 1, 1, 12, tzinfo=UTC)))
    hand_in(course, "ann", lab, "a.ipynb", b"one")
    ann = next(csv.DictReader(io.StringIO(exports.everything(_columns(course))[1:])))
    assert ann["due"] == "2100-01-01T17:45:00+05:45"
    assert ann["last_submitted"].endswith("+05:45")
    handed_in = datetime.fromisoformat(ann["last_submitted"])
    told = rows(exports.gradescope(_columns(course)))[1][7]
    assert told.endswith(" +0545")
    assert datetime.strptime(told, "%Y-%m-%d %H:%M:%S %z") == handed_in
    course.database.close()


def test_canvas_has_the_columns_and_rows_that_its_importer_asks_for(columns):
    header, points, *students = rows(exports.canvas(columns()))
    # What canvas-lms's GradebookImporter tests before it takes a file:
    assert "Student" in header[0]
    assert "ID" in header[1]
    assert re.search(r"SIS\s+User\s+ID", header[2])
    assert re.search(r"SIS\s+Login\s+ID", header[3])
    assert "Section" in header[4]
    assert header[5:] == ["Least squares by hand"]
    assert "Points Possible" in points[0]
    assert points[5:] == ["10"]
    assert students == [
        ["Ann Able", "101", "", "ann1", "", "7.25"],
        ["Bob Baker", "102", "", "bob1", "", ""],
    ]


def test_moodle_has_a_column_to_know_people_by_and_rows_of_one_length(columns):
    header, *students = rows(exports.moodle(columns()))
    assert {"ID number", "Email address", "Username"} <= set(header)
    # As in Moodle's own export, whose form its import takes: "Assignment: <name>".
    assert header[-1] == "Assignment: Least squares by hand"
    assert {len(row) for row in students} == {len(header)}
    assert students[0] == ["Ann Able", "ann1", "101", "ann@example.edu", "7.25"]
    assert students[1][-1] == "-", "Moodle's word for no grade"


def test_gradescope_has_the_columns_of_its_own_scores_file(columns):
    header, ann, bob = rows(exports.gradescope(columns()))
    assert ",".join(header) == (
        "Name,SID,Email,Total Score,Max Points,Status,Submission ID,Submission Time,"
        "Lateness (H:M:S)"
    )
    assert ann[:6] == ["Ann Able", "101", "ann@example.edu", "7.25", "10", "Graded"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000", ann[7])
    assert ann[8] == "00:00:00"
    assert bob == ["Bob Baker", "102", "bob@example.edu", "", "10", "Missing", "", "", ""]


def test_gradescope_of_several_labs_says_which(columns):
    one = columns()[0]
    header, first, *_ = rows(exports.gradescope([one, one]))
    assert header[0] == "Assignment"
    assert first[0] == "Least squares by hand"


def test_gradescope_roster_has_names_and_unique_addresses(sqlite_course):
    with sqlite_course.database.writing() as session:
        people.add_people(session, [people.Entry("cy", "Cy"), people.Entry("dan", "Dan")], "test")
        # A course of before may have one address twice.
        people.find(session, "cy").email = "ANN@example.edu"
        everyone = [people.find(session, name) for name in ("tess", "ann", "bob", "cy", "dan")]
    header, *found = rows(exports.gradescope_roster(everyone))
    assert header == ["Name", "Email", "SID", "Role"]
    assert found == [
        ["Tess Teacher", "tess@example.edu", "", "Instructor"],
        ["Ann Able", "ann@example.edu", "101", "Student"],
        ["Bob Baker", "bob@example.edu", "102", "Student"],
    ]


def test_everything_tells_how_a_grade_came_about(sqlite_course, columns):
    override(sqlite_course, "tess", "bob", sqlite_course.labs["tiny"], 4.5, "oral exam")
    text = exports.everything(columns())
    assert text.startswith("\ufeff")
    ann, bob = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline="")))
    assert (ann["name"], ann["grade"], ann["last_verdict"]) == ("ann", "7.25", "graded")
    assert (ann["attempts_used"], ann["last_lab_version"]) == ("1", "v1")
    assert (bob["grade"], bob["override_by"], bob["override_reason"]) == (
        "4.5", "tess", "oral exam",
    )  # fmt: skip
    assert bob["last_submission"] == bob["computed"] == ""


@pytest.mark.parametrize("form", ["canvas", "moodle", "everything", "roster"])
def test_what_a_teacher_opens_in_excel_has_the_mark_by_which_it_knows_utf8(columns, form):
    made = exports.roster if form == "roster" else exports.FORMS[form][1]
    arguments = [] if form == "roster" else columns()
    assert made(arguments).startswith("\ufeff")


@pytest.mark.parametrize("form", [*exports.FORMS, "roster", "gradescope_roster"])
def test_each_file_of_ours_is_read_back_as_the_same_people(sqlite_course, form):
    entries = [
        people.Entry("Ada.L", "Ada Lovelace", "ada@a.edu"),
        people.Entry(full_name="An A", email="an@a.org"),
        people.Entry(full_name="An B", email="an@b.org"),
        people.Entry("12345678", "Zoë =Ü", "z@a.edu", lms_id="0042", lms_login="zoe@a.edu"),
        people.Entry("x-y", "=SUM(A1)", "x@a.edu"), people.Entry("q", "-Q the 2nd (Q)", "q@a.edu"),
        people.Entry(full_name="张伟", email="张伟@example.cn"),
    ]  # fmt: skip
    if form != "canvas":
        entries.append(people.Entry("comma", "Lovelace, Ada", "comma@a.edu"))
    with sqlite_course.database.writing() as session:
        people.add_people(session, entries, "test")
    if form in exports.FORMS:
        columns = _columns(sqlite_course)
        text = exports.FORMS[form][1](columns + columns)
    else:
        with sqlite_course.database.reading() as session:
            everyone = list(session.scalars(sa.select(Person)))
        text = getattr(exports, form)(everyone)
    with sqlite_course.database.reading() as session:
        plan = roster.plan(session, roster.read(text.encode()))
    assert (plan.added, plan.changed, plan.absent) == ((), (), ())
    assert plan.same >= len(entries) + 2


HOSTILE = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "|x"]


@pytest.mark.parametrize("form", exports.FORMS)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_a_formula(sqlite_course, form, name):
    with sqlite_course.database.writing() as session:
        person = people.find(session, "ann")
        person.full_name = person.email = person.lms_id = person.lms_login = name
    text = exports.FORMS[form][1](_columns(sqlite_course))
    cells = [cell for row in rows(text.lstrip("\ufeff")) for cell in row]
    harmful = [x for x in cells if x.lstrip()[:1] in tuple("=+-@＝|") and x.strip()]
    assert [x for x in harmful if x != "-"] == []
    assert any(name.strip()[-2:] in cell for cell in cells), "the name is there, defused"


def test_numbers_stay_numbers(sqlite_course):
    with sqlite_course.database.writing() as session:
        people.find(session, "ann").lms_id = "-17"
        people.find(session, "bob").lms_id = "00420"
    found = rows(exports.canvas(_columns(sqlite_course)))
    assert [row[1] for row in found[2:]] == ["-17", "00420"]


def test_a_grade_is_written_without_noise(sqlite_course):
    override(sqlite_course, "tess", "ann", sqlite_course.labs["tiny"], 0.1 + 0.2, "rounding")
    assert rows(exports.canvas(_columns(sqlite_course)))[2][5] == "0.3"


def test_points_count_gpu_checks_only_where_a_gpu_grades(sqlite_course, monkeypatch):
    lab = sqlite_course.labs["tiny"]
    on_cpu = sum(one.points for one in lab.check_list() if one.tier == "cpu")
    assert exports.points_of(sqlite_course, lab) == on_cpu
    settings = sqlite_course.settings.model_copy(update={"gpu_labs": ("tiny",)})
    monkeypatch.setattr(sqlite_course, "settings", settings)
    assert exports.points_of(sqlite_course, lab) > on_cpu
