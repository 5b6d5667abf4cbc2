"""The search index: the words of every section, without code, outputs and answers."""

import json
import re

import pytest

from introml.site.search import _formula


@pytest.fixture(scope="module")
def sections(book):
    script = (book.html / "_static" / "search-index.js").read_text(encoding="utf-8")
    found = re.fullmatch(r"globalThis\.intromlSearch=(\{.*\});", script, re.DOTALL)
    return json.loads(found.group(1))["sections"]


def test_every_section_is_there_once_with_its_page_and_address(sections):
    assert [(entry["page"], entry["title"], entry["url"]) for entry in sections] == [
        ("The second page", "The second page", "chapters/second.html"),
        ("What is shown", "What is shown", "chapters/shown.html"),
        ("What is shown", "Formulas", "chapters/shown.html#formulas"),
        ("What is shown", "Exercises", "chapters/shown.html#exercises"),
        ("What is shown", "Check yourself", "chapters/shown.html#check-yourself"),
        ("A small book", "A small book", "intro.html"),
    ]


def test_each_address_is_a_place_in_the_built_book(book, sections):
    for entry in sections:
        page, _, anchor = entry["url"].partition("#")
        html = book.page(page.removesuffix(".html"))
        if anchor:
            assert len(html.select(f'[id="{anchor}"]')) == 1


def test_prose_captions_notes_and_exercises_are_found(sections):
    words = " ".join(entry["text"] for entry in sections)
    for phrase in (
        "Words on the first page, with no formula and no figure.",
        "A line with slope w and points .",
        "A side note.",
        "What is the slope?",
        "wide table one two",
        "The loss is 0.062",
    ):
        assert phrase in words


@pytest.mark.parametrize(
    "word",
    [
        "LineFit",
        "tokens",
        "printedoutput",
        "markdownoutput",
        "alert",
        "secretmodelname",
        "runs in the solution",
    ],
)
def test_code_and_outputs_are_not_found(sections, word):
    assert word not in json.dumps(sections)


@pytest.mark.parametrize("word", ["solutionword", "Solution to", "Neverword", "Rightword"])
def test_solutions_and_answers_are_not_given_away(sections, word):
    assert word not in json.dumps(sections)


def test_no_label_stands_where_the_page_shows_a_number(sections):
    assert not re.search(r"\b(fig|eq|sec|tbl|ex)-\w", json.dumps([e["text"] for e in sections]))
    words = " ".join(entry["text"] for entry in sections)
    assert "the heat map" in words


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"\eta", "η"),
        (r"w", "w"),
        (r"\hat{y} = wx", "y = wx"),
        (r"a \le b", "a ≤ b"),
        (r"\mathbf{X}", "X"),
        (r"\log n", "log n"),
        (r"\{1,\,2\}", "1,2"),
    ],
)
def test_a_formula_in_the_text_is_written_plainly(tex, words):
    assert " ".join(_formula(tex).split()) == words
