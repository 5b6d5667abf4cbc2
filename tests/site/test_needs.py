"""The line that says what a page builds on, and the order that it must keep."""

import pytest
from whole_books import new_book

from introml.site.build import write_pages
from introml.site.needs import problem_with

CONTENTS = """format: jb-book
root: intro
chapters:
  - file: chapters/first
  - file: chapters/second
  - file: chapters/third
"""
PAGES = {
    "intro": "# Start\n\nWords.\n",
    "chapters/first": "---\nable: count to three\n---\n# One\n\nWords.\n",
    "chapters/second": "# Two\n\nWords.\n\n## A section\n\nMore.\n",
    "chapters/third": "---\nneeds: [first, second]\nable: add, and take away\n---\n"
    "# Three\n\nWords.\n\n## A section\n\nMore.\n",
}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    book = new_book(tmp_path_factory.mktemp("needs"), PAGES, CONTENTS)
    write_pages(book.root)
    return book


def test_the_line_stands_before_the_first_section_with_links_and_the_ability(book):
    line = book.page("chapters/third").select_one("p.page-needs")
    assert line.get_text() == "You need One and Two. You will be able to add, and take away."
    assert [link["href"] for link in line.select("a")] == ["first.html", "second.html"]
    assert line.find_previous_sibling("p").get_text() == "Words."
    assert line.find_next_sibling().h2.get_text().startswith("A section")


def test_a_page_that_needs_nothing_says_what_it_enables_or_nothing(book):
    line = book.page("chapters/first").select_one("p.page-needs")
    assert line.get_text() == "You will be able to count to three."
    assert not book.page("chapters/second").select("p.page-needs")


def test_a_page_that_needs_a_later_one_fails_the_build(tmp_path):
    pages = PAGES | {"chapters/first": "---\nneeds: [third]\n---\n# One\n\nWords.\n"}
    failure = new_book(tmp_path, pages, CONTENTS).failure()
    assert "chapters/first.md:1: " in failure
    assert "`needs` names 'third', which comes later" in failure


@pytest.mark.parametrize(
    ("need", "problem"),
    [
        ("a", ""),
        ("c", "which comes later"),
        ("b", "which comes later"),
        ("missing", "the contents have no page chapters/missing"),
        (3, "it has 3"),
    ],
)
def test_a_page_needs_earlier_pages_alone(need, problem):
    order = ["chapters/a", "chapters/b", "chapters/c"]
    said = problem_with(need, "chapters/b", order)
    assert problem in said if problem else not said
