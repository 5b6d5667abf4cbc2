"""What the extension makes of Jupyter Book's pages: nothing from elsewhere, solutions folded."""

import json
import re
from urllib.parse import urlparse

import pytest
from whole_books import new_book

from introml.book.style import COLORS
from introml.site.build import write_pages

PAGES = ("intro", "chapters/shown", "chapters/second")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_no_other_host_for_anything(book, name):
    page = book.page(name)
    asked = [node.get("src") for node in page.select("[src]")]
    asked += [node["href"] for node in page.select("link[href]")]
    assert asked
    for address in asked:
        assert urlparse(address).netloc == ""
        assert not urlparse(address).scheme
    assert not re.search(r"@import|url\(\s*['\"]?https?:", book.text(name))


@pytest.mark.parametrize("name", PAGES)
def test_every_script_waits_or_is_tiny(book, name):
    for script in book.page(name).select("script"):
        if script.has_attr("src"):
            # Only the widgets' own code runs at once, right behind the first of them.
            assert script.has_attr("defer") or script.find_previous(class_="widget-host")
        elif script.get("type") != "application/json":
            assert len(script.text) < 400


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_links_within_the_page_arrive(book, name):
    page = book.page(name)
    ids = [node["id"] for node in page.select("[id]")]
    assert len(set(ids)) == len(ids), sorted(ids)
    for link in page.select('a[href^="#"]'):
        if link["href"] != "#":
            assert link["href"][1:] in ids


def test_nothing_of_the_replaced_extensions_is_left(book):
    for name in PAGES:
        html = book.text(name)
        for word in ("thebe", "togglebutton", "copybutton", "fontawesome", "mathjax.js", "require"):
            assert word not in html.replace("mathjax_ignore", "")


def test_exercises_are_numbered_within_each_page(book):
    def titles(name):
        return [node.text.strip() for node in book.page(name).select(".exercise .caption-number")]

    assert titles("chapters/shown") == ["Exercise 1", "Exercise 2"]
    assert titles("chapters/second") == ["Exercise 1"]
    link = book.page("chapters/second").select_one('p a[href="shown.html#ex-slope"]')
    assert link.text.startswith("Exercise 1")


def test_solutions_are_folded_and_named_after_their_exercise(book):
    folded = book.page("chapters/shown").select("details.solution")
    assert [details.summary.text for details in folded] == [
        "Solution to Exercise 1 (Slope & <sign>)",
        "Solution to Exercise 2",
    ]
    assert not [details for details in folded if details.has_attr("open")]
    assert "The solutionword is three quarters." in folded[0].text
    assert "solutionword" not in book.page("chapters/shown").select_one(".exercise").text


def test_a_solutions_cells_are_executed_and_stay_inside_it(book):
    folded = book.page("chapters/shown").select_one("details.solution")
    assert folded.select_one(".cell_output").text.strip() == "runs in the solution"


def test_cells_with_a_widget_may_use_the_margin_and_others_may_not(book):
    cells = book.page("chapters/shown").select(".cell")
    wide = {"wide" in cell["class"] for cell in cells if cell.select(".widget-host")}
    others = {"wide" in cell["class"] for cell in cells if cell.select(".figure, .stream")}
    assert (wide, others) == ({True}, {False})


def test_a_table_scrolls_in_a_box_of_its_own(book):
    (table,) = book.page("chapters/shown").select("table")
    assert "table-scroll" in table.parent["class"]


def test_a_table_with_a_title_has_its_id_once(one_page):
    table = ":::{table} Sizes\n:name: sizes\n\n| a | b |\n|---|---|\n| 1 | 2 |\n:::\n"
    book = one_page(f"# Page\n\nWords.\n\n{table}")
    write_pages(book.root)
    (table,) = book.page("intro").select("#sizes")
    assert table.name == "table"


def test_a_quoted_number_is_in_the_text_and_not_under_its_cell(book):
    page = book.page("chapters/shown")
    (sentence,) = [node for node in page.select("p") if node.text.startswith("The loss is")]
    # 0.0625 to three places, ties to even.
    assert sentence.text == "The loss is 0.062."
    assert "0.0625" not in "".join(output.text for output in page.select(".cell_output"))


def test_the_first_paragraph_describes_the_page(book):
    for name, words in (
        ("intro", "Words on the first page, with no formula and no figure."),
        ("chapters/shown", "The reader can see"),
    ):
        description = book.page(name).select_one("meta[name=description]")["content"]
        assert description.startswith(words)


def test_titles_name_the_page_and_then_the_book(book):
    assert book.page("intro").title.text == "A small book"
    assert book.page("chapters/second").title.text == (
        "The second page · Introduction to Machine Learning"
    )


def test_the_contents_list_the_pages_and_under_this_one_its_sections(book):
    nav = book.page("chapters/shown").select_one("#contents")
    assert [a.text for a in nav.select("#contents > ul > li > a")] == [
        "What is shown",
        "The second page",
    ]
    current = nav.select_one("li.current")
    assert current.a["aria-current"] == "page"
    assert [a.text for a in current.ul.select("a")] == ["Formulas", "Exercises", "Check yourself"]


def test_a_page_without_sections_has_its_entry_alone(book):
    current = book.page("chapters/second").select_one("#contents li.current")
    assert [a.text for a in current.select("a")] == ["The second page"]


def test_pages_lead_to_the_previous_and_the_next(book):
    turn = book.page("chapters/shown").select_one("nav.turn")
    assert [(a["href"], a.select("span")[0].text) for a in turn.select("a")] == [
        ("../intro.html", "Previous"),
        ("second.html", "Next"),
    ]


def test_only_a_notebook_can_be_downloaded_as_one(book):
    link = book.page("chapters/shown").select_one("a[download]")
    assert link["href"] == "../notebooks/chapters/shown.ipynb"
    assert not book.page("chapters/second").select("a[download]")


def test_plotly_figures_know_the_light_colours_by_name(book):
    page = book.page("chapters/shown")
    light = json.loads(page.html["data-light"])
    assert light[COLORS["blue"]] == "blue"
    assert light[COLORS["ink"]] == "ink"
    assert not book.page("intro").html.has_attr("data-light")


def test_names_are_saved_for_the_notebooks_that_readers_download(book):
    names = json.loads((book.root / "_build" / "names.json").read_text())
    assert names["labels"]["fig-two"] == ["chapters/second", "Figure 1"]
    assert names["labels"]["sec-shown"] == ["chapters/shown", "What is shown"]
    assert names["labels"]["ex-again"] == ["chapters/second", "Exercise 1"]
    assert names["labels"]["page:intro"] == ["intro", "A small book"]
    assert names["equations"]["eq-two"] == "1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("See {ref}`sec-nowhere`.", "undefined label: 'sec-nowhere'"),
        ("See {eq}`eq-nowhere`.", "eq-nowhere"),
        ("See {doc}`/chapters/none`.", "unknown document"),
        ("```{nosuchdirective}\n```", "Unknown directive type: 'nosuchdirective'"),
        ("{glue:text}`nothing:.2f`", "nothing"),
        ("{cite:p}`nobody1999`", "nobody1999"),
    ],
)
def test_what_leads_nowhere_fails_the_build_with_its_page_and_line(one_page, text, problem):
    failure = one_page(f"# Page\n\nWords.\n\n{text}\n").failure()
    assert re.search(r"^intro\.md:5: (WARNING|ERROR): ", failure)
    assert problem in failure


def test_the_foot_of_another_book_says_whose_it_is(tmp_path):
    pages = {"intro": "# T\n", "chapters/shown": "# A\n", "chapters/second": "# S\n"}
    book = new_book(tmp_path, pages)
    config = (book.root / "_config.yml").read_text()
    config = config.replace("author: The introml authors", "author: Ada & Co")
    config = config.replace('copyright: "2026"', 'copyright: "2031"')
    (book.root / "_config.yml").write_text(config)
    write_pages(book.root)
    foot = book.page("chapters/shown").select_one("footer.foot").text
    assert foot.strip() == "Introduction to Machine Learning. © 2031 Ada & Co."
