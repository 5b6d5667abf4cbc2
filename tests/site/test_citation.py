"""The book's entry for a bibliography, made of CITATION.cff."""

import pytest
from pybtex.database import parse_string

from introml.site.build import write_pages
from introml.site.citation import bibtex

CITATION = """preferred-citation:
  type: book
  title: A book on ML, and I
  authors: [{name: The authors}]
  year: 2031
  version: 4.5.6
"""
PAGE = "# Page\n\n```{citation}\n```\n"


@pytest.fixture
def cited(one_page):
    book = one_page(PAGE)
    (book.root / "CITATION.cff").write_text(CITATION, encoding="utf-8")
    write_pages(book.root)
    return book


def entry(book):
    return book.page("intro").select_one(".highlight-bibtex pre").text


def test_the_page_shows_an_entry_that_bibtex_reads(cited):
    (found,) = parse_string(entry(cited), "bibtex").entries.values()
    assert (found.key, found.type) == ("introml", "book")
    assert dict(found.fields) == {
        "title": "A book on {ML}, and I", "year": "2031", "version": "4.5.6"
    }  # fmt: skip
    assert [str(person) for person in found.persons["author"]] == ["{The authors}"]


def test_the_page_is_written_again_when_the_citation_changes(cited):
    text = CITATION.replace("4.5.6", "4.6.0")
    (cited.root / "CITATION.cff").write_text(text, encoding="utf-8")
    write_pages(cited.root)
    assert "{4.6.0}" in entry(cited)


def test_without_a_citation_file_the_build_says_so(one_page):
    assert "intro.md:3: " in (failure := one_page(PAGE).failure())
    assert "no CITATION.cff" in failure


def test_several_authors_are_joined_as_bibtex_wants_it():
    work = {"type": "book", "title": "T", "authors": [{"name": "A"}, {"name": "B"}], "year": 2000}
    assert "{{A} and {B}}" in bibtex({"preferred-citation": work | {"version": "1"}})
