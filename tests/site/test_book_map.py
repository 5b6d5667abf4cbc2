"""The map of a part on the landing page: pages in order, an arc for each need, links."""

import pytest
from bs4 import BeautifulSoup
from whole_books import new_book

from introml.site.book_map import WIDTH, direct_needs, drawing
from introml.site.build import write_pages

CONTENTS = """format: jb-book
root: intro
parts:
  - caption: Counting
    chapters:
      - file: chapters/first
      - file: chapters/second
      - file: chapters/third
  - caption: Adding
    chapters:
      - file: chapters/fourth
"""
PAGES = {
    "intro": "# Start\n\n:::{part-map} Counting\nOne, two, three.\n:::\n\n"
    ":::{part-map} Adding\nAll of them.\n:::\n",
    "chapters/first": "# One & all\n\nWords.\n",
    "chapters/second": "---\nneeds: [first]\n---\n# Two\n\nWords.\n",
    "chapters/third": "---\nneeds: [first, second]\n---\n# Three\n\nWords.\n",
    "chapters/fourth": "---\nneeds: [third]\n---\n# Four\n\nWords.\n",
}


@pytest.fixture
def book(tmp_path):
    book = new_book(tmp_path, PAGES, CONTENTS)
    write_pages(book.root)
    return book


def maps(book):
    return book.page("intro").select("svg.part-map")


def test_each_page_of_the_part_is_a_link_in_the_order_of_the_contents(book):
    first, second = maps(book)
    links = first.select("a")
    assert [link["href"] for link in links] == [
        "chapters/first.html", "chapters/second.html", "chapters/third.html"
    ]  # fmt: skip
    assert [link.find("text").get_text().strip() for link in links] == ["One & all", "Two", "Three"]
    assert [link["href"] for link in second.select("a")] == ["chapters/fourth.html"]


def test_a_need_is_an_arc_and_what_follows_from_another_is_not_drawn_twice(book):
    first, second = maps(book)
    assert len(first.select("path")) == 2
    assert first.select("title")[-1].get_text() == "Builds on: Two"
    assert [path["class"] for path in second.select("path")] == [["elsewhere"]]


def test_a_new_need_or_title_draws_the_map_again(book):
    (book.root / "chapters/first.md").write_text("# Uno\n\nWords.\n")
    (book.root / "chapters/second.md").write_text("# Two\n\nWords.\n")
    write_pages(book.root)
    first, _ = maps(book)
    assert first.select("text")[0].get_text().strip() == "Uno"
    assert len(first.select("path")) == 2  # third needs both now, for neither needs the other


def test_a_part_that_the_contents_do_not_have_fails_the_build(tmp_path):
    pages = PAGES | {"intro": "# Start\n\n:::{part-map} Dividing\nBy two.\n:::\n"}
    failure = new_book(tmp_path, pages, CONTENTS).failure()
    assert "_toc.yml has no part 'Dividing' to draw" in failure


def test_needs_that_follow_from_others_are_left_out():
    needs = {"b": ["a"], "c": ["a", "b"], "d": ["c", "a"], "e": ["a", "d"]}
    assert direct_needs(needs) == {"b": ["a"], "c": ["b"], "d": ["c"], "e": ["d"]}


def test_many_pages_with_two_needs_each_are_no_more_work_than_there_are_arcs():
    pages = [f"p{number}" for number in range(70)]
    needs = {page: pages[max(0, at - 2) : at] for at, page in enumerate(pages)}
    needs["p0"] = ["p69"]  # a need of a later page is warned of elsewhere; here it ends
    assert direct_needs(needs)["p0"] == []
    needs["p0"] = []
    assert direct_needs(needs) == {p: pages[max(0, at - 1) : at] for at, p in enumerate(pages)}


def test_long_titles_take_two_lines_and_nothing_leaves_the_picture():
    titles = {str(n): "A title of many words that stands in two lines" for n in range(40)}
    pages = [*titles]
    svg = drawing(pages, {"39": ["0"], "20": ["1"]}, titles, dict.fromkeys(pages, "#"))
    picture = BeautifulSoup(svg, "html.parser").svg
    _, _, width, height = map(float, picture["viewbox"].split())
    assert width == WIDTH
    heights = [float(line["y"]) for line in picture.select("tspan")]
    assert len(heights) == 80
    assert heights == sorted(heights)
    assert heights[-1] < height
    bulges = [float(path["d"].split("A")[1].split()[0]) for path in picture.select("path")]
    assert len(bulges) == 2
    assert max(bulges) < 58  # an arc stays right of the left edge
