"""The landing page leads to every page of the book, by its map."""

from bs4 import BeautifulSoup
from lessons import LESSONS

from introml.book.paths import ROOT
from introml.site.claims import TAG


def landing_page():
    return BeautifulSoup((ROOT / "_build/html/book/index.html").read_text("utf-8"), "html.parser")


def test_every_lesson_is_on_the_map_in_the_book_s_order():
    links = [link["href"] for link in landing_page().select("svg.part-map a")]
    assert links == [f"../{page.docname}.html" for page in LESSONS]


def test_it_says_how_many_claims_the_book_checks():
    claims = sum(page.path.read_text("utf-8").count(f":tags: [{TAG}]") for page in LESSONS)
    assert f"{claims:,} claims are checked" in landing_page().get_text()
