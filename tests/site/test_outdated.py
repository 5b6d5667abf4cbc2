"""What a build writes again: the pages that show what has changed, and none besides."""

import shutil

import pytest

from introml.site import embed
from introml.site.build import write_pages
from introml.site.downloads import write_downloads
from introml.widgets import base

PAGES = {
    "intro": "# A book\n\nWords.\n",
    "alpha": r"""(sec-alpha)=
# Alpha

Words.

(sec-inner)=
## The inner part

```{math}
:label: eq-first
a = b
```

```{exercise-start}
:label: ex-first
```
Why?
```{exercise-end}
```

:::{caption} tbl-first
Sizes.
:::

{cite:p}`one`
""",
    "beta": """# Beta

{ref}`sec-inner` {eq}`eq-first` {ref}`ex-first` {ref}`tbl-first` {term}`slope` {cite:t}`one`
""",
    "gamma": "# Gamma\n\n{ref}`sec-alpha`\n",
    "delta": "# Delta\n\nWords. [](alpha.md#the-inner-part)\n",
    "words": "# Words\n\n```{glossary}\nslope\n  How steep.\n```\n",
    "zeta": "# Zeta\n\nWords.\n",
    "references": "# References\n\n```{bibliography}\n```\n",
}
REFERENCES = """@article{one, author={Ada One}, title={A title}, journal={J}, year={2001}}
@article{two, author={Bob Two}, title={Another}, journal={J}, year={2002}}
"""
ALWAYS = "intro"  # Sphinx writes the first page whenever it writes any


@pytest.fixture
def small(some_pages):
    small = some_pages(**PAGES)
    (small.root / "book" / "references.bib").write_text(REFERENCES)
    write_pages(small.root)
    return small


def written(book, pages=PAGES):
    """The pages that one more build writes."""
    paths = {page: book.html / f"{page}.html" for page in pages}
    before = {page: path.stat().st_mtime_ns for page, path in paths.items()}
    write_pages(book.root)
    return {page for page, path in paths.items() if path.stat().st_mtime_ns != before[page]}


def change(book, page, old, new):
    assert PAGES[page].count(old) == 1
    book.write(page, PAGES[page].replace(old, new))


def text(book, page):
    return " ".join(book.page(page).select_one("article").text.split())


def test_nothing_is_written_while_nothing_changes(small):
    assert written(small) == set()


def test_an_edit_of_the_words_writes_its_own_page_alone(small):
    change(small, "alpha", "Words.", "Other words.")
    assert written(small) == {"alpha", ALWAYS}
    assert "Other words." in text(small, "alpha")


def test_a_changed_title_reaches_every_page_for_it_is_in_the_contents(small):
    change(small, "alpha", "# Alpha", "# Aleph")
    assert written(small) == set(PAGES)
    for page in PAGES:
        entries = [link.text for link in small.page(page).select("#contents a")]
        assert "Aleph" in entries, page
        assert "Alpha" not in entries, page
    assert text(small, "gamma").endswith("Aleph")
    assert "Aleph" in small.page("beta").select_one("nav.turn").text


def test_a_changed_heading_reaches_the_pages_that_refer_to_it(small):
    """By its label, and by its place in a page, which is named by the heading's letters alone."""
    change(small, "alpha", "## The inner part", "## The inner part?")
    assert written(small) == {"alpha", "beta", "delta", ALWAYS}
    for page in ("beta", "delta"):
        assert "The inner part?" in text(small, page), page


@pytest.mark.parametrize(
    ("new", "before", "after"),
    [
        ("```{math}\n:label: eq-zero\nc = d\n```\n\n", "(1)", "(2)"),
        ("```{exercise-start}\n:label: ex-zero\n```\nHow?\n```{exercise-end}\n```\n\n",
         "Exercise 1", "Exercise 2"),
        (":::{caption} tbl-zero\nMore.\n:::\n\n", "Table 1", "Table 2"),
    ],
)  # fmt: skip
def test_a_number_that_moves_on_reaches_the_pages_that_show_it(small, new, before, after):
    assert before in text(small, "beta")
    change(small, "alpha", "(sec-inner)=", f"{new}(sec-inner)=")
    assert written(small) == {"alpha", "beta", ALWAYS}
    assert after in text(small, "beta")


def test_a_term_that_moves_takes_its_links_along(small):
    small.write("words", "# Words\n\nNone.\n")
    small.write("zeta", PAGES["zeta"] + PAGES["words"].partition("\n")[2])
    assert written(small) == {"words", "zeta", "beta", ALWAYS}
    assert small.page("beta").select_one('a[href*="term-slope"]')["href"].startswith("zeta.html")


def test_a_label_that_is_gone_is_missed_where_it_is_used(small):
    change(small, "alpha", "(sec-inner)=\n", "")
    assert "beta.md:3: WARNING: undefined label: 'sec-inner'" in small.failure()


def test_an_edited_reference_reaches_the_pages_that_cite_it(small):
    path = small.root / "book" / "references.bib"
    path.write_text(REFERENCES.replace("year={2001}", "year={1999}"))
    assert written(small) == {"alpha", "beta", "references", ALWAYS}
    for page in ("alpha", "beta", "references"):
        assert "1999" in text(small, page), page


def test_a_work_cited_for_the_first_time_is_in_the_list_of_references(small):
    assert "Another" not in text(small, "references")
    change(small, "zeta", "Words.", "{cite:p}`two`")
    assert written(small) == {"zeta", "references", ALWAYS}
    assert "Another" in text(small, "references")


# --- widgets --------------------------------------------------------------------------------------

SHOWN = {"intro", "chapters/shown", "chapters/second"}


@pytest.fixture
def edit_bundle(tmp_path, monkeypatch):
    """`edit_bundle("LineFit.js")` edits a bundle, in a folder of the test's own."""
    dist = tmp_path / "dist"
    shutil.copytree(base.DIST, dist)
    for module in (base, embed):
        monkeypatch.setattr(module, "DIST", dist)

    def edit(name):
        with (dist / name).open("a") as bundle:
            bundle.write("\n" if name.endswith(".css") else "\n// edited")

    return edit


@pytest.fixture
def shown(book, tmp_path):
    """A copy of the book of three pages, of which one shows LineFit and AttentionHeatmap."""
    root = tmp_path / "book"
    shutil.copytree(book.root, root)
    copy = type(book)(root)
    write_pages(root)
    return copy


def test_an_edited_widget_is_in_the_pages_that_show_it_and_no_other_is_written(shown, edit_bundle):
    for name in ("LineFit.js", "AttentionHeatmap.mjs", "LineFit.css"):
        edit_bundle(name)
        assert written(shown, SHOWN) == {"chapters/shown", ALWAYS}, name


def test_an_edited_widget_that_no_page_shows_is_nobodys_business(shown, edit_bundle):
    edit_bundle("BatchSize.js")
    assert written(shown, SHOWN) == set()


def test_a_notebook_to_download_is_written_with_its_page(shown):
    assert write_downloads(shown.root, shown.html) == ["chapters/shown"]
    assert write_downloads(shown.root, shown.html) == []
    page = shown.root / "chapters" / "shown.md"
    page.write_text(page.read_text().replace("A side note.", "Another side note."))
    write_pages(shown.root)
    assert write_downloads(shown.root, shown.html) == ["chapters/shown"]
    notebook = (shown.html / "notebooks" / "chapters" / "shown.ipynb").read_text()
    assert "Another side note." in notebook
    second = shown.root / "chapters" / "second.md"
    second.write_text(second.read_text() + "\nMore words.\n")
    write_pages(shown.root)
    assert write_downloads(shown.root, shown.html) == []
