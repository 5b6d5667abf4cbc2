"""Books with the real book's configuration, for tests to write, build and read."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from introml.book.paths import ROOT
from introml.site.build import BuildFailed, write_pages

CONTENTS = """format: jb-book
root: intro
chapters:
  - file: chapters/shown
  - file: chapters/second
"""


@dataclass
class Book:
    """A small book in a folder of its own."""

    root: Path

    @property
    def html(self) -> Path:
        return self.root / "_build" / "html"

    def text(self, page: str) -> str:
        return (self.html / f"{page}.html").read_text(encoding="utf-8")

    def page(self, page: str) -> BeautifulSoup:
        return BeautifulSoup(self.text(page), "html.parser")

    def write(self, page: str, text: str) -> None:
        path = self.root / f"{page}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def failure(self) -> str:
        """What the build says when it fails, as it must."""
        with pytest.raises(BuildFailed) as caught:
            write_pages(self.root)
        return str(caught.value)


def new_book(root: Path, pages: dict[str, str], contents: str = CONTENTS) -> Book:
    """A book with the real book's configuration."""
    book = Book(root)
    (root / "book").mkdir(parents=True)
    shutil.copy(ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text(contents, encoding="utf-8")
    (root / "book" / "references.bib").write_text("", encoding="utf-8")
    for page, text in pages.items():
        book.write(page, text)
    return book
