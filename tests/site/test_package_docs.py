"""Pages about modules: what a small module's docstrings and signatures become, and when."""

import json
import os

import pytest

from introml.site.build import write_pages
from introml.site.docstrings import markdown_lines
from introml.site.package_links import used_names
from introml.site.package_modules import Package

MODULE = '''"""A small module, with `double`."""

from dataclasses import dataclass

Size = int | tuple[int, int]
"""One number, or two."""

HIDDEN = 3


@dataclass(frozen=True)
class Point:
    """A place."""

    x: float
    y: float = 0.5
    """How high."""

    def moved(self, by: float) -> "Point":
        """The place further up.

        Raises `ValueError` never.
        """
        return Point(self.x, self.y + _checked(by))

    def undescribed(self):
        return self


# Twice is enough.
def double(x: Size, *, times: int = 2, keys: list[Point] | None = None) -> Point:
    """Σ_c x_out^step, for a width d_k of 1/√d_k. Words_like_this stay, `a_b` too.

    `x` (n, d) -> (d,); see `Size`, `Point.moved` and `nothing`.
    Raises `ValueError` for a negative `x`.
    Source: Nobody (1999), 2.1.
    Taught in {ref}`sec-lesson`.

    >>> double(1)
    Point(1, 1)

    A formula, $x^2$.
    """
    return Point(x, times)


def _checked(by):
    return by
'''
LESSON = """(sec-lesson)=
# A lesson

```python
from introml.small import double, HIDDEN
from introml import small as little

double(1)
little.Point(1)
```
"""
PAGE = """# `introml.small`

:::{package-module} introml.small
:::
"""


@pytest.fixture
def small(some_pages):
    """A book with a lesson, a page without code, and a page about a module of its own."""
    pages = {"intro": "# Start\n", "lesson": LESSON, "other": "# Other\n"}
    book = some_pages(**pages, **{"book/package/small": PAGE})
    (book.root / "introml").mkdir()
    (book.root / "introml" / "small.py").write_text(MODULE, encoding="utf-8")
    return book


@pytest.fixture
def page(small):
    write_pages(small.root)
    return small.page("book/package/small")


def entry(page, name):
    return page.find(id=f"introml.small.{name}").parent


def test_a_signature_has_types_and_defaults_and_links_to_types_of_the_package(page):
    head = entry(page, "double").dt
    head.select_one(".to-source").extract()
    head.select_one(".headerlink").extract()
    text = " ".join(head.text.split())
    assert text == "double(x: Size, *, times: int = 2, keys: list[Point] | None = None) → Point"
    links = {link.text: link["href"] for link in head.select("a")}
    assert links == {"Size": "#introml.small.Size", "Point": "#introml.small.Point"}
    assert "Point(x: float, y: float = 0.5)" in " ".join(entry(page, "Point").dt.text.split())
    assert "moved(by: float) → Point" in " ".join(entry(page, "Point.moved").dt.text.split())
    assert "int | tuple[int, int]" in entry(page, "Size").dt.text


def test_only_what_is_public_and_described_is_there(page):
    described = {dt["id"].removeprefix("introml.small.") for dt in page.select("dl.py > dt")}
    assert described == {"Size", "Point", "Point.y", "Point.moved", "double"}


def test_a_docstring_is_set_as_text_with_formulas_examples_and_links(page):
    body = entry(page, "double").dd
    meaning, shapes, raises, source, taught, formula = body.find_all("p", recursive=False)
    assert [low.text for low in meaning.select("sub")] == ["c", "out", "k", "k"]
    assert [high.text for high in meaning.select("sup")] == ["step"]
    assert "Words_like_this" in meaning.text
    assert "a_b" in [code.text for code in meaning.select("code")]
    links = {link.text: link["href"] for link in shapes.select("a")}
    assert links["Size"] == "#introml.small.Size"
    assert links["Point.moved"] == "#introml.small.Point.moved"
    assert set(links) == {"Size", "Point.moved"}
    assert raises.text == "Raises ValueError for a negative x."
    assert source.text == "Source: Nobody (1999), 2.1."
    assert taught.a["href"] == "../../lesson.html#sec-lesson"
    assert taught.text == "Taught in A lesson."
    assert formula.select_one(".katex")
    assert ">>> double(1)\nPoint(1, 1)\n" in body.select_one(".highlight-pycon pre").text


def test_the_source_is_whole_and_each_name_leads_to_its_lines(page):
    blocks = page.select(".listing pre")
    shown = "\n".join(block.text.rstrip("\n") for block in blocks).split("\n")
    lines = [line for line in MODULE.splitlines() if line]
    assert [line for line in shown if line] == lines
    for name in ("Point", "double"):
        link = entry(page, name).dt.select_one(".to-source")
        lines = page.find(id=link["href"][1:]).text
        assert f"{'class' if name == 'Point' else 'def'} {name}" in lines
    assert page.find(id="source-introml.small.double").text.startswith("# Twice is enough.")


def test_code_links_to_what_it_uses_if_a_page_describes_it(small, page):
    line = small.page("lesson").select_one(".package-uses")
    assert line.text == "This page uses double and little.Point of the book’s package."
    assert [link["href"] for link in line.select("a")] == [
        "book/package/small.html#introml.small.double",
        "book/package/small.html#introml.small.Point",
    ]
    assert not small.page("other").select(".package-uses")
    assert not page.select(".package-uses")


def test_options_and_magics_of_cells_are_no_code(small):
    package = Package(small.root)
    text = "```{code-cell} ipython3\n:tags: [a]\n\nfrom introml.small import Point\n```\n"
    magic = "```{code-cell}\n%%time\nfrom introml.small import double\n```\n"
    prose = "from introml.small import double\n"
    assert used_names(prose + text + magic, package) == {"introml.small.Point": "Point"}


def test_an_edited_module_rewrites_its_page_and_no_other(small, page):
    def written():
        pages = ("lesson", "other", "book/package/small")
        return {name: (small.html / f"{name}.html").stat().st_mtime_ns for name in pages}

    before = written()
    module = small.root / "introml" / "small.py"
    module.write_text(MODULE.replace("A place.", "A spot."), encoding="utf-8")
    later = module.stat().st_mtime_ns + 2_000_000_000
    os.utime(module, ns=(later, later))
    write_pages(small.root)
    assert "A spot." in small.text("book/package/small")
    after = written()
    assert [name for name in before if after[name] != before[name]] == ["book/package/small"]


def test_search_finds_a_function_with_what_it_does(small, page):
    script = (small.html / "_static" / "search-index.js").read_text(encoding="utf-8")
    sections = json.loads(script.removeprefix("globalThis.intromlSearch=").removesuffix(";"))
    found = {one["title"]: one for one in sections["sections"]}
    assert found["Point.moved"]["url"] == "book/package/small.html#introml.small.Point.moved"
    assert "The place further up." in found["Point.moved"]["text"]
    assert "further up" not in found["Point"]["text"]
    assert "A place." not in found["introml.small"]["text"]


def test_contents_list_the_pages_below_a_page_only_there(some_pages):
    book = some_pages(intro="# Start\n", package="# Package\n", below="# Below\n", last="# Last\n")
    toc = "format: jb-book\nroot: intro\nchapters:\n  - file: package\n"
    toc += "    sections:\n      - file: below\n  - file: last\n"
    (book.root / "_toc.yml").write_text(toc, encoding="utf-8")
    write_pages(book.root)
    for name, listed in {"intro": 0, "last": 0, "package": 1, "below": 1}.items():
        tree = book.page(name).select_one("#contents")
        assert len(tree.find_all("a", string="Below")) == listed, name
        assert len(tree.find_all("a", string="Package")) == 1


def test_an_unknown_label_in_a_docstring_is_reported_where_it_stands(small):
    module = small.root / "introml" / "small.py"
    module.write_text(MODULE.replace("sec-lesson", "sec-nowhere"), encoding="utf-8")
    failure = small.failure()
    assert "introml/small.py" in failure
    assert "sec-nowhere" in failure


def test_a_page_about_a_module_that_is_not_there_says_so(small):
    small.write("book/package/small", PAGE.replace("introml.small", "introml.smal"))
    assert "there is no module introml.smal" in small.failure()


def test_examples_are_fenced_and_closing_sentences_stand_alone():
    lines = markdown_lines("Sum.\nRaises `E`.\n\n>>> f(1)\n2\n")
    assert lines == ["Sum.", "", "Raises `E`.", "", "", "```pycon", ">>> f(1)", "2", "```"]
    unlike = markdown_lines("What it\nraises is text.\nReturnsomething stays.")
    assert unlike == ["What it", "raises is text.", "Returnsomething stays."]
