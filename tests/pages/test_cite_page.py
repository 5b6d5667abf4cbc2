"""The built page on citing shows this version and what has changed."""

import re

from bs4 import BeautifulSoup

import introml
from introml.book.paths import ROOT


def test_the_cite_page_shows_the_version_and_every_section_of_changes():
    html = (ROOT / "_build" / "html" / "book" / "cite.html").read_text(encoding="utf-8")
    page = BeautifulSoup(html, "html.parser")
    assert f"{{{introml.__version__}}}" in page.select_one(".highlight-bibtex pre").text
    changes = (ROOT / "CHANGES.md").read_text(encoding="utf-8")
    wanted = re.findall(r"^## (.+)$", changes, re.MULTILINE)
    shown = [heading.find(string=True).strip() for heading in page.select("h3")]
    assert shown == wanted
    assert introml.__version__ in shown[0] or introml.__version__ in shown[1]
