"""The writers against hostile text, and for what may never be in a file that students can read."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET

from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from made_results import HOSTILE, RESULTS, result

from introml.grader.results import gradebook
from introml.grader.results.feedback import feedback_html
from introml.grader.results.gradebook import grades_csv, row
from introml.grader.results.gradescope import results_json
from introml.grader.results.junit import junit_xml
from introml.grader.results.results import NOT_DONE, CheckResult, Verdict
from introml.grader.text import one_line, plain

#: What XML 1.0 allows as a character (section 2.2).
XML_CHARS = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")

#: The tags of the page itself.
TAGS = {"html", "head", "meta", "title", "style", "body", "main", "footer", "h1", "h2", "p"}
TAGS |= {"strong", "ul", "li", "span", "pre"}


def bare(html: str) -> list[str]:
    return [tag.name for tag in BeautifulSoup(html, "html.parser").find_all(True)]


@given(HOSTILE, st.integers(1, 50))
def test_plain_text_can_be_written_anywhere(text, limit):
    shown = plain(text, limit)
    shown.encode("utf-8")
    assert XML_CHARS.fullmatch(shown)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert len(shown) <= limit + 50
    assert "\n" not in one_line(text)
    assert len(one_line(text, limit)) <= limit


def test_plain_text_says_how_much_is_left_out():
    assert plain("x" * 12, 10) == "x" * 10 + "\n… (2 more characters are left out)"
    assert plain("x" * 10, 10) == "x" * 10
    assert plain("a\x1b[0m\r\n\tb") == "a␛[0m␍\n\tb"


@given(RESULTS)
def test_gradescope_reads_what_is_written(hostile):
    text = results_json(hostile, "key")
    text.encode("utf-8")
    document = json.loads(text, parse_constant=lambda name: 1 / 0)
    assert 0 <= document["score"] <= document["extra_data"]["introml"]["max_score"]
    assert len(document["tests"]) == len(hostile.checks)
    for test, check in zip(document["tests"], hostile.checks, strict=True):
        assert 0 <= test["score"] <= test["max_score"]
        assert test["visibility"] == "visible"
        assert (test.get("status") == "passed") == (check.outcome == "passed" and check.counts)


@given(RESULTS)
def test_junit_is_well_formed_and_counts_right(hostile):
    suite = ET.fromstring(junit_xml(hostile)).find("testsuite")
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases) == len(hostile.checks) + 1
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(name)) == len(suite.findall(f"testcase/{tag}"))
    graded = hostile.verdict == Verdict.GRADED
    assert (cases[0].find("error") is None) == graded


@given(RESULTS)
def test_feedback_holds_no_tag_that_the_student_wrote(hostile):
    html = feedback_html(hostile)
    html.encode("utf-8")
    names = bare(html)
    assert set(names) <= TAGS
    assert not re.search(r"<[^>]*\son\w+=", html)


@given(st.lists(RESULTS, max_size=3))
def test_grades_have_one_row_each_and_no_formula(hostile):
    text = grades_csv(row(one, late="=1+1") for one in hostile)
    text.encode("utf-8")
    table = list(csv.reader(io.StringIO(text)))
    assert text.count("\n") == len(table) == len(hostile) + 1
    for line in table:
        assert len(line) == len(gradebook.COLUMNS)
        assert not any(value.startswith(tuple("=+-@\t\r|%＝＋－＠")) for value in line)


def test_a_formula_is_kept_readable():
    assert gradebook.cell("=cmd()") == "'=cmd()"
    assert gradebook.cell("\t=cmd()") == "'=cmd()"
    assert gradebook.cell("ada\nlovelace") == "ada lovelace"


def test_the_grade_row_of_an_ordinary_submission():
    text = grades_csv([row(result())])
    header, line = csv.reader(io.StringIO(text))
    assert dict(zip(header, line, strict=True)) == {
        "submission": "ada",
        "student": "ada",
        "file": "",
        "verdict": "graded",
        "score": "2",
        "max_score": "5",
        "late": "",
        "notes": "Cell 'loss' stopped (NameError: name 'y' is not defined, line 2); "
        "Cell 'data' was changed, and is graded as it was released.",
        "flags": "uses ctypes",
        "sha256": "ab" * 32,
        "seed": "987654321",
        "lab": "tiny",
        "lab_version": "cd" * 32,
    }
    assert row(result(verdict=Verdict.FAULT))["score"] == ""


def test_students_files_hold_no_secret():
    one = result()
    for text in (results_json(one, "k"), junit_xml(one).decode(), feedback_html(one)):
        for secret in ("SECRET", "TRACEBACK", "987654321", "ctypes"):
            assert secret not in text
        assert "Look at n." in text
        assert "Odd sizes" in text
        assert "not run: no GPU" in text


def test_feedback_shows_the_students_own_output_and_errors():
    page = BeautifulSoup(feedback_html(result()), "html.parser").get_text()
    for words in ("2 of 5 points", "loss 0.5", "name 'y' is not defined", "line 2", "changed"):
        assert words in page
    fault = BeautifulSoup(feedback_html(result(verdict=Verdict.FAULT)), "html.parser").get_text()
    assert "No score yet: grader fault" in fault
    assert "of 5 points" not in fault


def test_feedback_calls_an_unwritten_answer_not_done_yet_as_the_notebook_does():
    checks = [
        CheckResult("a", "Unwritten", 0, 1, "failed", NOT_DONE, hidden=True),
        CheckResult("b", "Wrong", 0, 1, "failed", "Look at the sign."),
    ]
    page = BeautifulSoup(feedback_html(result(checks=checks)), "html.parser")
    marks = {
        li.find_all("span")[1].text: li.find(class_="mark").text for li in page.select(".check")
    }
    assert marks == {"Unwritten (not done yet)": "○", "Wrong (failed)": "✗"}
