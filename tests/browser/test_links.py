"""Links, anchors, headings and pictures of the built site, read from its files."""

import itertools
from functools import cache
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from browser_site import DOCNAMES, HTML
from bs4 import BeautifulSoup


@cache
def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def ids(path):
    return [tag["id"] for tag in soup(path).find_all(id=True)]


@pytest.mark.parametrize("docname", DOCNAMES)
def test_internal_links_and_anchors_resolve(docname):
    page = HTML / f"{docname}.html"
    document = soup(page)
    broken = []
    tags = [
        (tag.get("href") or tag.get("src")) for tag in document.find_all(["a", "link", "script"])
    ]
    for address in filter(None, tags):
        if urlsplit(address).scheme in ("http", "https", "mailto", "data"):
            continue
        path, anchor = urldefrag(address)
        path = unquote(path.partition("?")[0])
        target = (page.parent / path).resolve() if path else page
        named = anchor and target.suffix == ".html"
        if not target.is_file() or (named and unquote(anchor) not in ids(target)):
            broken.append(address)
    assert broken == []


@pytest.mark.parametrize("docname", DOCNAMES)
def test_ids_are_unique(docname):
    names = ids(HTML / f"{docname}.html")
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("docname", DOCNAMES)
def test_page_has_one_main_heading_and_ordered_levels(docname):
    headings = soup(HTML / f"{docname}.html").main.find_all(["h1", "h2", "h3", "h4"])
    levels = [int(heading.name[1]) for heading in headings]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("docname", DOCNAMES)
def test_every_picture_has_a_text(docname):
    document = soup(HTML / f"{docname}.html")
    silent = [str(tag)[:120] for tag in document.find_all("img") if not tag.get("alt")]
    silent += [
        str(tag)[:120]
        for tag in document.select("article .figure > svg")
        if not tag.get("aria-label")
    ]
    assert silent == []


def test_every_page_is_in_the_contents_of_every_page():
    """The pages about single modules, which are many, are listed on each other alone."""
    modules = [name for name in DOCNAMES if name.startswith("book/package/")]
    for docname in DOCNAMES:
        page = HTML / f"{docname}.html"
        links = {
            (page.parent / urldefrag(tag["href"])[0]).resolve()
            if urldefrag(tag["href"])[0]
            else page
            for tag in soup(page).select("#contents a")
        }
        listed = [name for name in DOCNAMES if (HTML / f"{name}.html").resolve() in links]
        with_modules = docname.startswith("book/package")
        assert listed == [n for n in DOCNAMES if with_modules or n not in modules], docname
