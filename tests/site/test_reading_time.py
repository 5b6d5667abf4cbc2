"""The reading time that a page states: reckoned from what there is to read."""

import math

import pytest
from small_books import cell, notebook
from whole_books import new_book

from introml.site.build import write_pages
from introml.site.execute import execute_book
from introml.site.reading_time import Reading

CONTENTS = "format: jb-book\nroot: intro\nchapters:\n  - file: chapters/page\n"
EXERCISE = (
    "```{exercise-start}\n:label: ex-one\n```\nDo it, in many words.\n```{exercise-end}\n```\n\n"
    "```{solution-start} ex-one\n```\nSo many words.\n```{solution-end}\n```\n"
)


def built(tmp_path, *parts):
    pages = {"intro": "# Start\n\nWords.\n", "chapters/page": notebook(*parts)}
    book = new_book(tmp_path, pages, CONTENTS)
    execute_book(book.root)
    write_pages(book.root)
    return book.page("chapters/page").select_one(".page-tools").get_text()


def test_the_time_counts_words_visible_code_and_exercises(tmp_path):
    words = "word " * 600
    code = "\n".join(f"x{i} = {i}" for i in range(20))
    claim = cell(f"# It holds.\n{code}", "checked")
    said = built(tmp_path, words, cell(code), claim, cell(code, "hide-input"), EXERCISE)
    # 601 words with the title at 150 a minute, and 20 lines at 6 seconds; 5 minutes an exercise
    assert f"About {math.ceil(601 / 150 + 2)} minutes, and 5 for the exercises." in said


def test_a_page_without_exercises_says_so_by_silence(tmp_path):
    assert "About 1 minute." in built(tmp_path, "Words.")


@pytest.mark.parametrize(
    ("reading", "minutes", "exercises"),
    [
        (Reading(1200, 80, 4, 6), 19, 30),  # 8 + 8 + 3
        (Reading(0, 0, 0, 0), 1, 0),
        (Reading(151, 0, 0, 1), 2, 5),
    ],
)
def test_minutes_are_rounded_up(reading, minutes, exercises):
    assert (reading.minutes, reading.minutes_of_exercises) == (minutes, exercises)
