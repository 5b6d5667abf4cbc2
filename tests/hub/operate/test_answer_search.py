"""What gives a lab away is known by its content: copies, answers in any style, hidden checks."""

import ast
import json
import re

import pytest
from tiny_course import TINY

from introml.book.paths import ROOT
from introml.grader.authoring import starter_notebook
from introml.grader.lab import load_lab
from introml.hub.operate.answer_search import Wanted, given_away, text_in

#: Answers to the tiny lab in words of their own.
OWN_WORDS = """
def loss(w, x, y):
    total = 0.0
    for row, target in zip(x, y):
        total = total + (row.dot(w) - target) ** 2
    return total / x.shape[0]


def gradient(w, x, y):
    return sum(2 * (row.dot(w) - target) * row for row, target in zip(x, y)) / x.shape[0]


class Descent:
    def __init__(self, rate):
        self.rate = rate

    def step(self, w, x, y):
        return w - self.rate * gradient(w, x, y)
"""


@pytest.fixture(scope="module")
def tiny():
    return load_lab(str(TINY))


@pytest.fixture(scope="module")
def book_labs():
    return [Wanted.of(load_lab(name)) for name in ("attention", "gradient-descent")]


def names(lab):
    kinds = (ast.FunctionDef, ast.ClassDef)
    cells = [ast.parse(cell.solution).body for cell in lab.answers.values()]
    return [node.name for cell in cells for node in cell if isinstance(node, kinds)]


def test_answers_in_words_of_their_own_are_known_by_the_names_that_the_lab_asks_for(tiny):
    assert set(names(tiny)) <= set(re.findall(r"(?:def|class) (\w+)", OWN_WORDS))
    wanted = [Wanted.of(tiny)]
    assert given_away(OWN_WORDS, wanted) == ["tiny"]
    for form in (
        "ANSWERS = '''" + OWN_WORDS.replace("\n", "\n    ") + "'''",
        "```python\n" + OWN_WORDS + "```",
        text_in("a.json", json.dumps({"answer": OWN_WORDS}).encode()),
        text_in("a.html", "".join(f"<span>{x}</span>" for x in OWN_WORDS).encode()),
        text_in(
            "a.ipynb",
            json.dumps({"cells": [{"source": OWN_WORDS.splitlines(keepends=True)}]}).encode(),
        ),
    ):
        assert given_away(form, wanted) == ["tiny"], form[:40]


def test_one_function_of_a_name_that_the_lab_has_is_no_answer_to_the_lab(tiny):
    one = OWN_WORDS[: OWN_WORDS.index("def gradient")]
    assert given_away(one, [Wanted.of(tiny)]) == []


def test_what_is_handed_out_gives_nothing_away(tiny):
    given = text_in("tiny.ipynb", starter_notebook(tiny))
    assert all(name in given for name in names(tiny))
    assert given_away(given, [Wanted.of(tiny)]) == []


@pytest.mark.parametrize("name", ["attention", "gradient-descent"])
def test_a_renamed_copy_of_one_long_answer_is_known(name, book_labs):
    lab = load_lab(name)
    source = max((cell.solution for cell in lab.answers.values()), key=len)
    assigned = {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    } | {*names(lab)}
    for number, word in enumerate(sorted(assigned)):
        source = re.sub(rf"(?<![\w.]){word}(?!\w)", f"v{number}", source)
    assert given_away(source, book_labs) == [name]


@pytest.mark.parametrize("name", ["attention", "gradient-descent"])
def test_each_right_answer_that_lies_beside_a_lab_is_known(name, book_labs):
    for path in [ROOT / "labs" / name / "lab.md", *(ROOT / "labs" / name / "right").glob("*.py")]:
        assert given_away(text_in(path.name, path.read_bytes()), book_labs) == [name], path


def test_hidden_checks_are_known_by_their_canary(tiny):
    hidden = (TINY / "hidden_checks.py").read_text()
    assert given_away(hidden, [Wanted.of(tiny)]) == ["tiny"]
    canary = re.search(r"introml-canary-\w+", hidden)[0]
    assert given_away(f"no code, but {canary}", [Wanted.of(tiny)]) == ["tiny"]
    assert given_away(hidden.replace(canary, ""), [Wanted.of(tiny)]) == []


def test_what_the_book_teaches_gives_no_lab_away(book_labs):
    """Its package and its pages have attention and gradient descent in them, in other words."""
    taught = [*(ROOT / "introml").glob("*.py"), *(ROOT / "introml/models").glob("*.py")]
    taught += [*(ROOT / "chapters").rglob("*.md")]
    assert len(taught) > 30
    for path in taught:
        assert given_away(text_in(path.name, path.read_bytes()), book_labs) == [], path


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00def f():",
        b"def " * 9999,
        b"def loss(" * 999,
        b'{"cells": 3}',
        b"[" * 9999,
    ],
)
def test_any_file_can_be_read(data, tiny):
    for name in ("a.py", "a.ipynb", "a.html"):
        assert given_away(text_in(name, data), [Wanted.of(tiny)]) == []
