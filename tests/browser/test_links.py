"""Internal links and anchors of the built site, read from its files."""

from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from browser_site import DOCNAMES, HTML
from bs4 import BeautifulSoup


def soup(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


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
        if not target.is_file():
            broken.append(address)
        elif anchor and target.suffix == ".html":
            there = document if target == page else soup(target)
            if there.find(id=unquote(anchor)) is None:
                broken.append(address)
    assert broken == []


@pytest.mark.parametrize("docname", DOCNAMES)
def test_ids_are_unique(docname):
    ids = [tag["id"] for tag in soup(HTML / f"{docname}.html").find_all(id=True)]
    assert sorted({name for name in ids if ids.count(name) > 1}) == []


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
    for docname in DOCNAMES:
        page = HTML / f"{docname}.html"
        links = {
            (page.parent / urldefrag(tag["href"])[0]).resolve()
            if urldefrag(tag["href"])[0]
            else page
            for tag in soup(page).select("#contents a")
        }
        missing = [name for name in DOCNAMES if (HTML / f"{name}.html").resolve() not in links]
        assert missing == [], f"{docname} does not link to them"
