"""What every lesson page of the book promises its reader, read from its source."""

import re

import nbformat
import pytest
from lessons import LESSONS

from introml.book.paths import ROOT
from introml.site.claims import TAG
from introml.site.execute import executed_notebook
from introml.site.pages import book_pages, front_matter

MATTER = [page for page in book_pages(ROOT) if page.docname.startswith("book/")]
#: Front matter, fences and what is in them, roles and formulas: what is left is the prose.
NOT_PROSE = re.compile(
    r"\A---\n.*?\n---\n|^(`{3,}|:{3,}).*?^\1\s*$|\$[^$]*\$|\{[\w:.-]+\}`[^`]*`|`[^`]*`",
    re.DOTALL | re.MULTILINE,
)
UNFINISHED = re.compile(
    r"\b(TODO|FIXME|XXX|lorem ipsum|coming soon|to be written)\b", re.IGNORECASE
)

#: Pages in the form that teaches first and proves in the margin: those that say what they enable.
TEACHING = [page for page in LESSONS if front_matter(page.path.read_text("utf-8")).get("able")]
ORDER = ["What goes wrong", "Summary", "Exercises", "Check yourself", "Further reading"]

teaching = pytest.mark.parametrize("page", TEACHING, ids=lambda page: page.docname)
lessons = pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.docname)


def source(page):
    return page.path.read_text(encoding="utf-8")


def section(text, title):
    """The text below `## title`, to the next heading of that level."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title!r}"
    return found.group(1)


@lessons
def test_page_is_labelled_by_its_slug_and_opens_with_one_sentence_and_a_picture(page):
    text = source(page)
    slug = page.path.stem
    opening = re.search(
        rf"^\(sec-{slug}\)=\n# .+\n\n(?P<lead>.+)\n\n(?P<next>.*)", text, re.MULTILINE
    )
    assert opening, f"begin with (sec-{slug})=, a title, and one sentence"
    first = text[opening.start("next") :][:2500]
    assert "{code-cell}" in first or ":::{table}" in first


@lessons
def test_page_has_a_short_summary(page):
    words = NOT_PROSE.sub(" ", section(source(page), "Summary")).split()
    assert 20 <= len(words) <= 140


@lessons
def test_page_has_four_to_eight_exercises_each_with_a_solution(page):
    text = source(page)
    labels = re.findall(r"\{exercise-start\}.*?\n:label: (\S+)", text)
    solved = re.findall(r"\{solution-start\} (\S+)", text)
    assert 4 <= len(labels) <= 8
    assert solved == labels


@lessons
def test_page_has_three_questions_answered_in_the_page(page):
    assert len(re.findall(r"^:{3,}\{self-check\}", source(page), re.MULTILINE)) == 3


@lessons
def test_page_ends_with_further_reading_that_is_cited(page):
    assert "{cite:" in section(source(page), "Further reading")


@lessons
def test_cells_are_short_enough_to_be_read_on_the_page(page):
    notebook = executed_notebook(ROOT, page)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and not {"remove-input", "hide-input"} & set(tags):
            lines = cell.source.splitlines()
            assert len(lines) <= 25, f"{len(lines)} lines: {lines[0]}"
            long = [line for line in lines if len(line) > 112]
            assert not long, f"longer than 112 characters: {long}"


@lessons
def test_page_shows_no_error_and_no_warning(page):
    for cell in executed_notebook(ROOT, page).cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text


@lessons
def test_page_is_as_long_as_a_reader_finishes_at_one_sitting(page):
    text = source(page)
    body = re.split(r"^## (?:Exercises|Check yourself)", text, maxsplit=1, flags=re.MULTILINE)[0]
    assert 600 <= len(NOT_PROSE.sub(" ", body).split()) <= 1900


@pytest.mark.parametrize(
    "page",
    # These build nothing that the library has as well.
    [
        p
        for p in LESSONS
        if p.path.stem
        not in ("learning-problems", "what-is-machine-learning", "comparing-models", "sequences")
    ],
    ids=lambda page: page.docname,
)
def test_from_scratch_code_is_checked_against_the_library_in_a_visible_cell(page):
    visible = [
        cell.source
        for cell in executed_notebook(ROOT, page).cells
        if cell.cell_type == "code"
        and not {"remove-input", "hide-input"} & set(cell.metadata.get("tags", []))
    ]
    assert any("assert_close" in cell for cell in visible)


@pytest.mark.parametrize("page", LESSONS + MATTER, ids=lambda page: page.docname)
def test_nothing_is_left_unfinished(page):
    assert not UNFINISHED.search(source(page))


@pytest.mark.parametrize(
    "page", [page for page in LESSONS + MATTER if page.is_notebook], ids=lambda page: page.docname
)
def test_download_is_a_valid_notebook_in_plain_markdown(page):
    path = ROOT / "_build" / "html" / "notebooks" / f"{page.docname}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    outside_code = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    assert not re.search(
        r"^:{3,}|^`{3,}\{|\{(?:ref|cite|glue|term|doc|eq)[\w:]*\}", outside_code, re.M
    )


def before_the_exercises(page):
    return source(page).split("\n## Summary\n")[0]


def shown_cells(page):
    """Cells whose code a reader sees before the exercises, less those of claims."""
    notebook = executed_notebook(ROOT, page)
    last = next(
        at
        for at, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown" and "## Exercises" in cell.source
    )
    hidden = {"remove-input", "hide-input", "remove-cell", "hide-cell", TAG}
    return [
        cell
        for cell in notebook.cells[:last]
        if cell.cell_type == "code" and not hidden & set(cell.metadata.get("tags", []))
    ]


@teaching
def test_a_page_is_read_at_one_sitting(page):
    text = before_the_exercises(page)
    captions = " ".join(re.findall(r"^:{3,}\{caption\}[^\n]*\n(.*?)^:{3,}", text, re.S | re.M))
    words = len(NOT_PROSE.sub(" ", text).split()) + len(NOT_PROSE.sub(" ", captions).split())
    assert 900 <= words <= 1400


@teaching
def test_every_visible_cell_is_short_and_shows_something(page):
    cells = shown_cells(page)
    for cell in cells:
        lines = cell.source.splitlines()
        assert len(lines) <= 20, f"{len(lines)} lines: {lines[0]}"
        assert cell.outputs, f"prints and draws nothing: {lines[0]}"
    assert sum(len(cell.source.splitlines()) for cell in cells) <= 80


@teaching
def test_what_is_proved_stands_in_the_margin(page):
    asserted = [
        line
        for cell in shown_cells(page)
        for line in cell.source.splitlines()
        if re.match(r"\s*assert\b|.*\bassert_close\(", line)
    ]
    assert len(asserted) <= 1, asserted


@teaching
def test_headings_come_in_their_order(page):
    found = [title for title in re.findall(r"^## (.+)$", source(page), re.M) if title in ORDER]
    assert found == ORDER


@teaching
def test_a_page_begins_with_a_reason_to_care(page):
    assert "After this page" not in source(page)
