"""A student's pages, and that nobody sees in them what is not theirs."""

import html
import json
import re
from datetime import timedelta

import pytest
from served import PREFIX, Browser, Tool, app_of
from tiny_course import grade_next, notebook, set_dates

from introml.grader.authoring import starter_notebook
from introml.grader.results.results import CellError, Flag, Verdict
from introml.hub.course.database import now
from introml.hub.course.models import Extension, LabSchedule, Override, Person
from introml.hub.grades.submissions import hand_in
from introml.hub.people import people

NOTEBOOK = notebook()


@pytest.fixture
def course(sqlite_course):
    return sqlite_course


@pytest.fixture
def app(course):
    return app_of(course)


def submit(course, name="ann", data=NOTEBOOK, file_name="tiny.ipynb"):
    """Hand in, and the submission's name."""
    receipt = hand_in(course, name, course.labs["tiny"], file_name, data).receipt
    return json.loads(receipt)["submission"]


def text_of(answer):
    """What a reader reads: no tags, one space between words."""
    spaced = re.sub(r"</?(p|d[dt]|t[dhr]|h\d|title|nav|span)\b", r" <\1", answer.text)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", spaced)).split())


class TestHome:
    def test_it_names_the_lab_and_what_to_do(self, app, course):
        set_dates(course, due_at=now() + timedelta(days=2))
        words = text_of(Browser(app, "ann").get(""))
        assert course.labs["tiny"].title in words
        assert "Next: hand in" in words
        assert "not yet" in words

    def test_what_is_over_is_told_as_that(self, app, course):
        set_dates(course, due_at=now() - timedelta(days=2))
        ann = Browser(app, "ann")
        assert re.search("Next: hand in .*, which was due ", text_of(ann.get("")))
        set_dates(course, closes_at=now() - timedelta(days=1))
        for path in ("", "labs/tiny"):
            assert " Closed " in text_of(ann.get(path))
        assert "Next: hand in" not in text_of(ann.get(""))

    def test_it_says_the_grade(self, app, course):
        submit(course)
        assert "Wait for the grade" in text_of(Browser(app, "ann").get(""))
        grade_next(course, 7)
        words = text_of(Browser(app, "ann").get(""))
        assert "Grade so far 7 of 10" in words
        assert "Nothing is due" in words

    def test_a_student_is_not_shown_the_way_to_teaching(self, app):
        assert "/teach" not in Browser(app, "ann").get("").text
        assert "/teach" in Browser(app, "tess").get("labs").text

    def test_a_teacher_lands_on_teaching_and_a_student_on_the_labs(self, app):
        assert Browser(app, "tess").get("").headers["location"] == f"{PREFIX}teach"
        assert Browser(app, "ann").get("").status_code == 200
        teachers = Browser(app, "tess").get("labs").text
        assert f'<a href="{PREFIX}labs" aria-current="page">Labs</a>' in teachers
        assert f'<a href="{PREFIX}teach">Teaching</a>' in teachers


class TestTheNotebook:
    def test_the_lab_s_page_says_where_the_notebook_is_and_opens_it(self, course):
        app = app_of(course, hub_url="/base/")
        page = Browser(app, "ann").get("labs/tiny")
        address = "/base/hub/user-redirect/lab/tree/labs/tiny/tiny.ipynb"
        assert f'href="{address}">Open it in JupyterLab</a>' in page.text
        assert "In your files there it is labs/tiny/tiny.ipynb." in text_of(page)

    def test_it_can_be_saved_as_it_is_handed_out(self, app, course):
        page = Browser(app, "ann").get("labs/tiny").text
        assert f'href="{PREFIX}labs/tiny/notebook" download' in page
        given = Browser(app, "ann").get("labs/tiny/notebook")
        assert given.content == starter_notebook(course.labs["tiny"])
        assert 'filename="tiny.ipynb"' in given.headers["content-disposition"]
        assert Browser(app).get("labs/tiny/notebook").status_code == 302

    def test_before_the_lab_opens_there_is_neither(self, app, course):
        set_dates(course, opens_at=now() + timedelta(hours=1))
        page = Browser(app, "ann").get("labs/tiny")
        assert "user-redirect/lab/tree" not in page.text
        assert "/notebook" not in page.text
        assert Browser(app, "ann").get("labs/tiny/notebook").status_code == 403

    def test_the_lab_s_page_in_the_book_is_named_where_there_is_one(self, app, course, tmp_path):
        assert "its page in the book" not in text_of(Browser(app, "ann").get("labs/tiny"))
        handout = tmp_path / "html/labs/tiny/handout.html"
        handout.parent.mkdir(parents=True)
        handout.write_text("<h1>Least squares</h1>")
        ann = Browser(app_of(course, book=tmp_path / "html"), "ann")
        page = ann.get("labs/tiny").text
        assert f'href="{PREFIX}book/labs/tiny/handout.html">its page in the book' in page
        assert ann.get("book/labs/tiny/handout.html").status_code == 200


class TestLab:
    def test_the_rules_are_told_in_words(self, app, course):
        due = now() + timedelta(days=2)
        set_dates(course, due_at=due)
        words = text_of(Browser(app, "ann").get("labs/tiny"))
        assert f"{due:%Y-%m-%d %H:%M} UTC" in words
        assert "Attempts" in words

    def test_who_is_late_reads_what_it_costs_now(self, app, course):
        set_dates(course, due_at=now() - timedelta(hours=30))
        assert "Handed in now, it is 20%." in text_of(Browser(app, "ann").get("labs/tiny"))
        set_dates(course, due_at=now() + timedelta(hours=1))
        assert "Handed in now" not in text_of(Browser(app, "ann").get("labs/tiny"))

    def test_the_extension_is_told_of(self, app, course):
        set_dates(course, due_at=now() + timedelta(days=1))
        later = now() + timedelta(days=9)
        with course.database.writing() as session:
            ann = people.find(session, "ann")
            session.add(Extension(person_id=ann.id, lab="tiny", due_at=later, reason="ill"))
        words = text_of(Browser(app, "ann").get("labs/tiny"))
        assert f"{later:%Y-%m-%d %H:%M} UTC (your extension)" in words
        assert "ill" not in words.split()
        assert "your extension" not in text_of(Browser(app, "bob").get("labs/tiny"))

    def test_before_it_opens_there_is_no_form(self, app, course):
        set_dates(course, opens_at=now() + timedelta(days=1))
        page = Browser(app, "ann").get("labs/tiny")
        assert "This lab opens on" in text_of(page)
        assert 'type="file"' not in page.text

    def test_the_attempts_are_listed_with_the_one_that_counts(self, app, course):
        for points, data in ((9, b"one"), (4, b"two")):
            submit(course, data=data)
            grade_next(course, points)
        page = Browser(app, "ann").get("labs/tiny").text
        rows = re.findall(r"<tr.*?</tr>", page, re.S)[1:]
        assert ["Attempt 2" in row for row in rows] == [True, False]
        assert ["counts</span>" in row for row in rows] == [False, True]
        assert "9 of 10" in rows[1]

    def test_a_fault_of_the_grader_shows_no_score(self, app, course):
        submit(course)
        for _ in range(4):
            grade_next(course, 0, verdict=Verdict.FAULT)
        words = text_of(Browser(app, "ann").get("labs/tiny"))
        assert "grader fault (costs no attempt)" in words

    def test_a_grade_set_by_the_teacher_is_told_without_the_reason(self, app, course):
        submit(course)
        grade_next(course, 3)
        with course.database.writing() as session:
            ann = people.find(session, "ann")
            session.add(Override(person_id=ann.id, lab="tiny", score=8.5, reason="GENEROUS",
                                 by="tess", at=now()))  # fmt: skip
        page = Browser(app, "ann").get("labs/tiny")
        assert "8.5 of 10, set by your teacher" in text_of(page)
        assert "GENEROUS" not in page.text


class TestHandIn:
    def test_a_file_is_kept_and_its_page_shown(self, app, course):
        ann = Browser(app, "ann")
        answer = ann.send_form("labs/tiny/submissions", files={"notebook": ("my.ipynb", NOTEBOOK)})
        assert answer.status_code == 303
        page = ann.get(answer.headers["location"].removeprefix(PREFIX))
        assert page.status_code == 200
        assert "my.ipynb" in page.text
        assert "it is next" in text_of(page)

    def test_no_file_and_an_empty_file_are_told_of(self, app):
        ann = Browser(app, "ann")
        answer = ann.send_form("labs/tiny/submissions", notebook="text")
        assert (answer.status_code, "Choose your notebook" in answer.text) == (409, True)
        answer = ann.send_form("labs/tiny/submissions", files={"notebook": ("a.ipynb", b"")})
        assert (answer.status_code, "The file is empty" in answer.text) == (409, True)

    def test_what_the_rules_refuse_is_told_on_the_labs_page(self, app, course):
        set_dates(course, closes_at=now() - timedelta(days=1))
        answer = Browser(app, "ann").send_form(
            "labs/tiny/submissions", files={"notebook": ("a.ipynb", NOTEBOOK)}
        )
        assert answer.status_code == 409
        assert "This lab closed on" in text_of(answer)

    @pytest.mark.parametrize(
        "name",
        ["../../etc/passwd", "..\\..\\evil.ipynb", "a\r\nSet-Cookie: x=1.ipynb", "é\u202e.ipynb"],
    )
    def test_a_hostile_name_is_only_a_name(self, app, course, name):
        ann = Browser(app, "ann")
        ident = submit(course, file_name=name)
        file = ann.get(f"submissions/{ident}/file")
        assert file.content == NOTEBOOK
        disposition = file.headers["content-disposition"]
        assert disposition.startswith('attachment; filename="')
        assert not set("/\\\r\n") & set(disposition)
        assert "set-cookie" not in file.headers


class TestSubmission:
    def test_the_verdict_and_the_feedback(self, app, course):
        ident = submit(course)
        ann = Browser(app, "ann")
        assert ann.get(f"submissions/{ident}/feedback").status_code == 403
        grade_next(course, 5)
        page = ann.get(f"submissions/{ident}")
        assert "Graded. 5 of 10 points. This attempt" in text_of(page)
        assert "This attempt counts." in text_of(page)
        assert 'sandbox="allow-same-origin"' in page.text
        feedback = ann.get(f"submissions/{ident}/feedback")
        assert "The loss is right" in feedback.text
        assert ident not in feedback.text
        assert "tiny.ipynb" in feedback.text

    def test_feedback_waits_for_its_date(self, app, course):
        ident = submit(course)
        grade_next(course, 5)
        set_dates(course, feedback_at=now() + timedelta(days=1))
        ann = Browser(app, "ann")
        page = ann.get(f"submissions/{ident}")
        assert "Feedback is shown from" in page.text
        assert "<iframe" not in page.text
        assert ann.get(f"submissions/{ident}/feedback").status_code == 403
        set_dates(course, feedback_at=now() - timedelta(seconds=1))
        assert ann.get(f"submissions/{ident}/feedback").status_code == 200

    def test_nothing_in_the_feedback_can_run_or_be_framed_elsewhere(self, app, course):
        ident = submit(course)
        grade_next(course, 5)
        headers = Browser(app, "ann").get(f"submissions/{ident}/feedback").headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox allow-same-origin" in policy
        assert "allow-scripts" not in policy
        assert "frame-ancestors 'self'" in policy

    def test_the_receipt_is_that_of_handing_in(self, app, course):
        receipt = hand_in(course, "ann", course.labs["tiny"], "tiny.ipynb", NOTEBOOK).receipt
        ident = json.loads(receipt)["submission"]
        answer = Browser(app, "ann").get(f"submissions/{ident}/receipt")
        assert answer.text == receipt
        assert 'filename="receipt-tiny-1.json"' in answer.headers["content-disposition"]

    def test_the_file_is_what_was_handed_in_and_no_page(self, app, course):
        ident = submit(course, data=b"<script>alert(1)</script>", file_name="x.html")
        answer = Browser(app, "ann").get(f"submissions/{ident}/file")
        assert answer.content == b"<script>alert(1)</script>"
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]

    def test_a_regrade_leaves_the_verdict_and_is_told_of(self, app, course):
        from introml.hub.course.models import Submission
        from introml.hub.queue.jobs import queue

        ident = submit(course)
        grade_next(course, 5)
        with course.database.writing() as session:
            queue(session, session.get_one(Submission, ident), course, "the check was mended")
        words = text_of(Browser(app, "ann").get(f"submissions/{ident}"))
        assert "It is being graded again" in words
        assert "Graded. 5 of 10" in words


PARTS = ["", "/events", "/feedback", "/receipt", "/file"]


class TestNobodyElse:
    @pytest.mark.parametrize("who", ["bob", "tess"])
    def test_anothers_submission_is_as_if_it_were_not_there(self, app, course, who):
        ident = submit(course)
        grade_next(course, 5)
        other = Browser(app, who)
        for part in PARTS:
            theirs = other.get(f"submissions/{ident}{part}")
            none = other.get(f"submissions/{'0' * 32}{part}")
            assert theirs.status_code == none.status_code == 404, part
            changing = r"[0-9a-f]{32,}|<time .*?</time>"  # the number asked for, and the clock
            without = [re.sub(changing, "", answer.text) for answer in (theirs, none)]
            assert without[0] == without[1]
            assert Browser(app, "ann").get(f"submissions/{ident}{part}").status_code == 200

    def test_a_student_never_sees_what_is_for_teachers(self, app, course):
        """Seed, check code, flags and tracebacks: planted, and looked for in every page."""
        ident = submit(course, data=b"{}")
        grade_next(
            course, 5, teacher={"traceback": "CANARY-TRACEBACK"}, measured={"s": "CANARY-MEASURED"},
            flags=[Flag("CANARY-KIND", "CANARY-EVIDENCE")], environment={"x": "CANARY-WHERE"},
        )  # fmt: skip
        with course.database.writing() as session:
            seed = session.get_one(LabSchedule, "tiny").seed
        hidden = course.labs["tiny"].hidden_checks.read_text()
        secret_lines = [x for x in map(str.strip, hidden.splitlines()) if len(x) > 25]
        assert secret_lines
        ann = Browser(app, "ann")
        pages = ["", "labs/tiny", "receipts"] + [f"submissions/{ident}{x}" for x in PARTS]
        seen = "".join(ann.get(page).text for page in pages)
        seen += Tool(app, "token of-ann").get(f"api/submissions/{ident}").text
        assert "5 of 10" in seen
        for secret in (str(seed), "CANARY", *secret_lines):
            assert secret not in seen


ATTACK = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'


class TestEscaping:
    def test_in_the_notebooks_name(self, app, course):
        ident = submit(course, file_name=ATTACK + ".ipynb")
        grade_next(course, 5)
        ann = Browser(app, "ann")
        for page in ("labs/tiny", f"submissions/{ident}", f"submissions/{ident}/feedback"):
            body = ann.get(page).text
            assert "<script>alert" not in body
            assert "<img" not in body
            assert ">49<" not in body

    def test_in_the_name_of_a_person(self, app, course):
        with course.database.writing() as session:
            session.get_one(Person, people.find(session, "ann").id).full_name = ATTACK
        body = Browser(app, "ann").get("").text
        assert "&lt;script&gt;alert(1)" in body
        assert "<script>alert" not in body

    def test_in_what_a_notebook_printed(self, app, course):
        ident = submit(course)
        grade_next(course, 5, public_output=ATTACK, cell_errors=[CellError(ATTACK, ATTACK)],
                   message=ATTACK, notes=[ATTACK])  # fmt: skip
        body = Browser(app, "ann").get(f"submissions/{ident}/feedback").text
        assert "&lt;script&gt;alert(1)" in body
        assert "<script>" not in body
        assert "<img" not in body
