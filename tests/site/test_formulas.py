"""Formulas are finished when the page is written; a wrong one is reported where it stands."""

import json
import re
import shutil

import pytest
from whole_books import new_book

from introml.site.build import write_pages
from introml.site.formulas import SCRIPT, Formulas, macros_of
from introml.site.node import NodeLines


@pytest.fixture
def formulas(tmp_path):
    made = Formulas(tmp_path / "doctrees" / "katex.json")
    yield made
    made.close()


def test_a_formula_becomes_html_and_mathml(formulas):
    html = formulas.html(r"\frac{a}{b}", display=False)
    assert '<annotation encoding="application/x-tex">\\frac{a}{b}</annotation>' in html
    assert "<mfrac><mi>a</mi><mi>b</mi></mfrac>" in html
    assert 'class="katex-html" aria-hidden="true"' in html
    assert "katex-display" not in html


def test_display_and_inline_are_kept_apart(formulas):
    inline, display = formulas.html("x", display=False), formulas.html("x", display=True)
    assert "katex-display" in display
    assert "katex-display" not in inline
    assert formulas.html("x", display=False) == inline


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"\frac{a}", "Unexpected end of input in a macro argument"),
        (r"\nosuch", r"Undefined control sequence: \nosuch"),
        (r"a }", "Expected 'EOF', got '}'"),
        ("π²ж", "Unrecognized Unicode character|Unicode text character"),
    ],
)
def test_a_wrong_formula_is_refused_in_katexs_words(formulas, tex, words):
    with pytest.raises(ValueError, match=words.replace("\\", r"\\")):
        formulas.html(tex, display=False)
    assert formulas.html("x", display=False)


def test_text_in_a_formula_cannot_become_a_tag(formulas):
    html = formulas.html(r"\text{<script>alert(1)</script>}", display=False)
    assert "<script" not in html


def test_what_was_rendered_is_remembered_and_not_asked_again(tmp_path):
    memory = tmp_path / "doctrees" / "katex.json"
    first = Formulas(memory)
    html = first.html("x^2", display=True)
    first.close()
    again = Formulas(memory)
    assert again.html("x^2", display=True) == html
    assert again.node.process is None
    again.close()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"katex": "0.0.1", "formulas": {"ix": "old"}}']
)
def test_a_memory_that_cannot_hold_is_forgotten(tmp_path, content):
    """A build that was killed, or one with another KaTeX, must not leave its formulas behind."""
    memory = tmp_path / "katex.json"
    memory.write_text(content)
    formulas = Formulas(memory)
    assert "katex-html" in formulas.html("x", display=False)
    formulas.close()
    assert "old" not in memory.read_text()


def test_all_formulas_are_met_again_when_the_memory_is_lost(book, tmp_path):
    """The fonts are cut to the remembered formulas, those of unchanged pages among them."""
    root = tmp_path / "book"
    shutil.copytree(book.root, root)
    memory = root / "_build" / "doctrees" / "katex.json"
    before = json.loads(memory.read_text())["formulas"]
    memory.write_text('{"katex": "0.0.1", "formulas": {}}')
    write_pages(root)
    assert json.loads(memory.read_text())["formulas"] == before
    assert len(before) >= 5


def test_the_script_answers_line_by_line():
    node = NodeLines(SCRIPT)
    assert "html" in node.ask(["x\n+ y", False])
    assert "error" in node.ask(["{", False])
    assert "html" in node.ask(["z", True])
    node.close()


def test_pages_hold_finished_formulas_and_no_script_for_them(book):
    page = book.page("chapters/shown")
    tex = [node.text for node in page.select("annotation")]
    assert r"\hat{y} = wx" in tex
    assert "\\hat{y} = w x + b" in tex
    assert not re.search(r"\\\(|\\\[|\$\$", book.text("chapters/shown").split("<article>")[1])
    assert not [script for script in page.select("script[src]") if "katex" in script["src"]]


def test_only_pages_with_formulas_load_their_style(book):
    def styles(page):
        return [link["href"] for link in book.page(page).select("link[rel=stylesheet]")]

    assert any("katex.css" in href for href in styles("chapters/shown"))
    assert not any("katex" in href for href in styles("intro"))


def test_equations_are_numbered_within_each_page_and_referred_to_by_number(book):
    for page, label in (("chapters/shown", "eq-line"), ("chapters/second", "eq-two")):
        html = book.page(page)
        box = html.select_one(f"#equation-{label}")
        assert box.select_one(".eqno").text == "(1)"
        # Beside the part that scrolls, so that it is always seen.
        assert box.select_one(".formula-scroll .eqno") is None
        assert [a.text for a in html.select(f'a[href="#equation-{label}"]')] == ["(1)"]


BAD = "# Page\n\nWords.\n\nInline $\\nosuch$ formula.\n\n```{math}\n\\frac{a\n```\n"


def test_a_wrong_formula_fails_the_build_with_its_page_and_line(one_page):
    book = one_page(BAD)
    failure = book.failure()
    assert (
        r"intro.md:5: WARNING: KaTeX: KaTeX parse error: Undefined control sequence: \nosuch"
        in (failure)
    )
    assert re.search(r"intro\.md:7: WARNING: KaTeX: .*end of input", failure)


def test_a_build_that_failed_fails_again_until_the_page_is_mended(one_page):
    book = one_page(BAD)
    assert book.failure() == book.failure()
    book.write("intro", "# Page\n\nWords.\n\nInline $x$ formula.\n")
    write_pages(book.root)
    assert json.loads((book.root / "_build" / "doctrees" / "warned.json").read_text()) == []


# --- numbers and names, as LaTeX and MathJax have them --------------------------------------------

EQUATIONS = r"""# Page

\begin{align}
a &= b \label{eq-first} \\
c &= d \label{eq-second}
\end{align}

$$
e = f \label{eq-third}
$$

By \eqref{eq-second}, $\eqref{eq-third}$ and {eq}`eq-first`; `\eqref{code}` stays.

$$
g = h
$$ (eq-fourth)

See \eqref{eq-fourth}.
"""


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    pages = {"intro": "# T\n", "chapters/shown": EQUATIONS, "chapters/second": "# S\n"}
    book = new_book(tmp_path_factory.mktemp("numbered"), pages)
    write_pages(book.root)
    return book.page("chapters/shown")


def test_an_align_has_one_number(numbered):
    assert [one.text for one in numbered.select(".eqno")] == ["(1)", "(2)", "(3)"]
    assert not numbered.select(".katex .tag, .katex .eqn-num")


def test_labels_inside_formulas_are_found_by_eqref_and_eq(numbered):
    links = numbered.select("article p a[href*=equation]")
    assert [link.text for link in links] == ["(1)", "(2)", "(1)", "(3)"]
    for link in links:
        assert numbered.find(id=link["href"].removeprefix("#")), link["href"]


def test_a_label_is_not_shown_and_code_is_left_alone(numbered):
    text = numbered.find("article").text
    assert "label" not in text
    assert r"\eqref{code}" in text


def test_a_reference_to_no_formula_is_told(tmp_path):
    pages = {
        "intro": "# T\n",
        "chapters/shown": "# A\n\n\\eqref{eq-none}\n",
        "chapters/second": "# S\n",
    }
    assert "eq-none" in new_book(tmp_path, pages).failure()


def test_macros_of_the_configuration_are_known_with_arguments_too(tmp_path):
    config = {"tex": {"macros": {"R": r"\mathbb{R}", "half": [r"\frac{#1}{2}", 1]}}}
    made = Formulas(tmp_path / "katex.json", macros_of(config))
    assert ">R</mi>" in made.html(r"\R", display=False)
    assert "<mfrac><mi>x</mi><mn>2</mn></mfrac>" in made.html(r"\half{x}", display=False)
    made.close()


def test_a_changed_macro_changes_what_was_remembered(tmp_path):
    shown = []
    for meaning in ("a", "b"):
        made = Formulas(tmp_path / "katex.json", macros_of({"tex": {"macros": {"x": meaning}}}))
        shown.append(made.html(r"\x", display=False))
        made.close()
    assert ">a<" in shown[0]
    assert ">b<" in shown[1]


@pytest.mark.parametrize("config", [None, {}, {"tex": None}, {"tex": {"macros": None}}])
def test_a_book_without_macros_has_none(config):
    assert macros_of(config) == {}


def test_macros_reach_the_pages(tmp_path):
    pages = {"intro": "# T\n", "chapters/shown": "# A\n\n$\\R$\n", "chapters/second": "# S\n"}
    book = new_book(tmp_path, pages)
    config = (book.root / "_config.yml").read_text()
    macros = "    mathjax3_config: {tex: {macros: {R: '\\mathbb{R}'}}}\n"
    (book.root / "_config.yml").write_text(config.rstrip("\n") + "\n" + macros)
    write_pages(book.root)
    assert book.page("chapters/shown").select_one(".katex .mathbb").text == "R"
