"""A cell that stopped is named where a student looks first: which line, what it says, what to do.

The errors come from the runner itself, out of cells that students hand in.
"""

import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest
from bs4 import BeautifulSoup
from made_results import result

from introml.grader.results.feedback import feedback_html
from introml.grader.results.gradebook import grades_csv, row
from introml.grader.results.gradescope import results_json
from introml.grader.results.junit import junit_xml
from introml.grader.run.stopped import explained, names_after, notes_on_left_out, why_missing
from introml.grader.wire.student_process import Worker

BEGIN = "def first():\n    return 1\n\n"
#: Cell -> the line, what is written there, what Python says, and a word of what to do.
STOPPED = {
    "smart quotes": (
        BEGIN + "print(“done”)\n", 4, "print(“done”)",
        "SyntaxError: invalid character '“' (U+201C)", "Type straight ones",
    ),
    "a smart apostrophe": (
        BEGIN + "x = ‘a’", 4, "x = ‘a’", "SyntaxError: invalid character '‘' (U+2018)",
        "Type straight ones",
    ),
    "a mark of a conflict": (
        "<<<<<<< HEAD\n" + BEGIN + "=======\n>>>>>>> theirs", 1, "<<<<<<< HEAD",
        "SyntaxError: invalid syntax", "delete the lines that begin with <<<<<<<",
    ),
    "the end of a conflict": (
        BEGIN + ">>>>>>> theirs", 4, ">>>>>>> theirs", "SyntaxError: invalid syntax",
        "(>>>>>>>) is git's mark",
    ),
    "tabs among blanks": (
        "def first():\n        x = 1\n\treturn x\n", 3, "return x",
        "TabError: inconsistent use of tabs and spaces in indentation", "by blanks",
    ),
    "a line too far in": (
        BEGIN + "x = 1\n    y = 2", 5, "y = 2", "IndentationError: unexpected indent",
        "begin in the same column",
    ),
    "a bracket that is not closed": (
        BEGIN + "x = (1,\ny = 2\n", 4, "x = (1,", "SyntaxError: '(' was never closed", "bracket",
    ),
    "a name that is nowhere": (
        BEGIN + "print(first(undefined_name))\ndef second(): return 2", 4,
        "print(first(undefined_name))", "NameError: name 'undefined_name' is not defined",
        "defines undefined_name. Define it there, correct its spelling, or delete the line. What "
        "comes after it in this cell was not run: second.",
    ),
    "what is not done yet": (
        BEGIN + "raise NotImplementedError", 4, "raise NotImplementedError", "not done yet",
        "Write your answer in the place of",
    ),
    "what a library cannot do": (
        BEGIN + "raise NotImplementedError('no such kernel')", 4,
        "raise NotImplementedError('no such kernel')", "NotImplementedError: no such kernel",
        "Write your answer in the place of",
    ),
    "a test of one's own": (
        BEGIN + "assert first() == 2, 'not two'", 4, "assert first() == 2, 'not two'",
        "AssertionError: not two", "This test of your own fails",
    ),
    "a file at home": (
        "open('data.csv')", 1, "open('data.csv')",
        "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'", "no other file",
    ),
    "exit": ("import sys\nsys.exit(1)", 2, "sys.exit(1)", "SystemExit: 1", "Delete it."),
    "an error beneath": (
        BEGIN + "def second(x):\n    return first(x)\n\nsecond(1)\n", 5, "return first(x)",
        "TypeError: first() takes 0 positional arguments but 1 was given", "Correct this line",
    ),
    "Windows' ends of lines": (
        "x = 1\r\ny = (x\r\n", 2, "y = (x", "SyntaxError: '(' was never closed", "bracket",
    ),
}  # fmt: skip


def stopped(source, cell="update"):
    worker = Worker()
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        worker.run(cell, source)
    return explained(cell, source, worker.told(caught.value))


@pytest.mark.parametrize("name", STOPPED)
def test_an_error_is_told_with_its_line_and_what_to_do(name):
    source, line, code, said, advice = STOPPED[name]
    error = stopped(source)
    assert (error.cell, error.line, error.code, error.message) == (
        "Cell 'update'", line, code, said,
    )  # fmt: skip
    assert advice in error.advice
    assert ("Nothing in this cell was run." in error.advice) == said.split(":")[0].endswith(
        ("SyntaxError", "TabError", "IndentationError")
    )


def test_an_error_in_another_cells_function_is_told_of_the_cell_that_stopped():
    worker = Worker()
    worker.run("gradient", "def gradient(x):\n    return x / 0\n")
    source = "x = 1\ngradient(x)"
    with pytest.raises(ZeroDivisionError) as caught:
        worker.run("cell 7", source)
    error = explained("cell 7", source, worker.told(caught.value))
    assert (error.place, error.code) == ("Cell 7 stopped at line 2", "gradient(x)")
    assert error.message == "ZeroDivisionError: division by zero (line 2 of Cell 'gradient')"


WRITERS = {
    "feedback": lambda one: BeautifulSoup(feedback_html(one), "html.parser").main.get_text(),
    "gradescope": lambda one: json.loads(results_json(one, "key"))["output"],
    "junit": lambda one: "".join(ET.fromstring(junit_xml(one)).find(".//testcase").itertext()),
    "gradebook": lambda one: next(csv.DictReader(io.StringIO(grades_csv([row(one)]))))["notes"],
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_names_a_stopped_cell_before_all_else(name):
    error = stopped(STOPPED["smart quotes"][0])
    text = WRITERS[name](result(cell_errors=[error], notes=["A note."]))
    place = text.index("Cell 'update' stopped at line 4")
    assert "invalid character '“'" in text
    assert place < text.index("A note.") if name != "junit" else True
    if name == "feedback":
        assert place < text.index("Public checks")
    if name != "gradebook":
        assert "print(“done”)" in text
        assert "Type straight ones" in text


AFTER = {
    ("def a(): 1\nb = 2\nc = 3", 2): ["b", "c"],
    ("def a(): 1\nb = 2\nc = 3", None): ["a", "b", "c"],
    ("a = 1\nfor i in x:\n    b = i\n    c = 1", 4): ["b", "c", "i"],
    ("a = 1\n1 / 0\na = 2", 2): [],
    ("def a(): 1\nclass B: 2\nc = (3", None): ["a", "B", "c"],
    ("%%time\na = 1\nb = 2", 3): ["b"],
}


@pytest.mark.parametrize("case", AFTER)
def test_the_names_that_a_stopped_cell_would_have_bound(case):
    assert names_after(*case) == AFTER[case]


def test_a_missing_name_is_explained_by_the_cell_that_would_have_bound_it():
    sources = {"update": BEGIN + "1 / 0\ndef second(): 2", "train": "x = ‘\ndef train(): 1"}
    errors = [stopped(source, cell) for cell, source in sources.items()]
    assert why_missing(list(sources.items()), errors) == {
        "second": "Cell 'update' stopped at line 4, before it had defined second.",
        "train": "Cell 'train' stopped at line 1, before it had defined train.",
        "x": "Cell 'train' stopped at line 1, before it had defined x.",
    }


def test_statements_that_were_left_out_are_told_by_the_grader_s_own_words():
    left_out = [
        {"line": 2, "kind": "withheld", "words": "nothing of this is shown"},
        {"line": 3, "kind": "lost", "words": ""},
        {"line": 9**9, "kind": "lost", "words": ""},
        {"line": 1, "kind": "of no such kind", "words": ""},
    ]
    source = "x = 1\nassert x == torch.softmax(x)\nprint(y)"
    assert notes_on_left_out("softmax", source, left_out) == [
        "Cell 'softmax', line 2 calls what this lab asks you to write yourself. That statement was "
        "left out, and the cell went on: assert x == torch.softmax(x)",
        "Cell 'softmax', line 3 needs a name that a line left out before it would have set. That "
        "statement was left out, and the cell went on: print(y)",
    ]
