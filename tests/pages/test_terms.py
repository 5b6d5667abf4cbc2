"""A term of the glossary stands on no page before the one that introduces it."""

import re

import pytest
from lessons import LESSONS

from introml.book.paths import ROOT

ORDER = {page.path.stem: place for place, page in enumerate(LESSONS)}
TERM = re.compile(r"\{term\}`(?:[^`<]*<)?([^`<>]+)>?`")
INTRODUCED = re.compile(r"Introduced in \{ref\}`sec-([\w-]+)`\.$")


def terms_on(page):
    return {term.strip().lower() for term in TERM.findall(page.path.read_text("utf-8"))}


def introductions():
    """The slug of the lesson that introduces each term of the glossary; None where none does."""
    text = (ROOT / "book/glossary.md").read_text("utf-8")
    block = re.search(r"```\{glossary\}\n(.*?)```", text, re.DOTALL).group(1)
    entries = re.findall(r"^(\S.*)\n((?:  .*\n|\n)+)", block, re.MULTILINE)
    found = {}
    for term, definition in entries:
        named = INTRODUCED.search(definition.strip())
        found[term.lower()] = named.group(1) if named else None
    return found


WHERE = introductions()


def test_the_glossary_was_read():
    assert len(WHERE) > 80


@pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.docname)
def test_no_term_stands_before_the_page_that_introduces_it(page):
    for term in terms_on(page):
        slug = WHERE[term]
        assert slug, f"the glossary does not say where {term!r} is introduced"
        assert ORDER[slug] <= ORDER[page.path.stem], f"{term!r} is introduced later, in {slug}"


@pytest.mark.parametrize("term", sorted(term for term, slug in WHERE.items() if slug))
def test_the_page_that_introduces_a_term_links_it_to_the_glossary(term):
    (page,) = [page for page in LESSONS if page.path.stem == WHERE[term]]
    assert term in terms_on(page)
