"""A lab's page and its notebook in the book, before and after its solutions may be seen."""

import datetime
import json
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from whole_books import new_book

from introml.grader.lab import load_lab
from introml.grader.lab.source import LabError
from introml.site.build import write_pages
from introml.site.execute import execute_book
from introml.site.labs import handout, write_handouts, write_lab_notebooks

TINY = Path(__file__).parents[1] / "grader" / "labs" / "tiny"
CONTENTS = """format: jb-book
root: intro
chapters:
  - file: chapters/ml-basics/gradient-descent
  - file: labs/tiny/handout
"""
PAGES = {
    "intro": "# A book\n\nWords.\n",
    "chapters/ml-basics/gradient-descent": "# Descent\n\nW.\n",
}
BEFORE, AFTER = datetime.date(2998, 12, 31), datetime.date(2999, 1, 1)
SOLUTIONS = ("tiny_solution_residuals", "tiny_solution_remark")
HIDDEN = ("introml-canary-3f9c51d07a2be864", "loss_at_any_size", "any number of points",
          "gradient_agrees_with_loss", "Divide by the number of points")  # fmt: skip


def built(root, today):
    book = new_book(root, PAGES, CONTENTS)
    shutil.copytree(TINY, root / "labs" / "tiny", ignore=shutil.ignore_patterns("__pycache__"))
    write_handouts(root, today)
    execute_book(root)
    write_pages(root)
    write_lab_notebooks(root, book.html, today)
    return book


@pytest.fixture(scope="module")
def early(tmp_path_factory):
    return built(tmp_path_factory.mktemp("early"), BEFORE)


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    return built(tmp_path_factory.mktemp("late"), AFTER)


def files_with(book, word: str) -> list[str]:
    """The files of the site that hold the word, however it is written there."""
    found = []
    for path in book.html.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            text = (
                BeautifulSoup(content, "html.parser").get_text() if path.suffix == ".html" else ""
            )
            if word.encode() in content or word in text:
                found.append(path.relative_to(book.html).as_posix())
    return sorted(found)


def test_the_page_shows_what_the_lab_asks(early):
    page = early.page("labs/tiny/handout")
    assert page.h1.get_text().startswith("Least squares by hand")
    text = page.main.get_text() if page.main else page.get_text()
    for words in (
        "Write a loss, its gradient and a step", "CPU", "5 s", "500 MB", "GPU", "1 GB",
        "10 points; 10 attempts, of which the best counts; 10% of the points off for each day "
        "late, 50% at most.", "introml lab release tiny --out .", "raise NotImplementedError",
        "# The residuals are x @ w - y; average their squares.", "A step goes downhill",
        "3 more checks, worth 5 points, are run when the lab is graded.",
        "The solutions appear on this page from 1 January 2999 on.", "Try it on data of your own.",
    ):  # fmt: skip
        assert words in text, words
    assert "BEGIN SOLUTION" not in early.text("labs/tiny/handout")
    link = next(x for x in page.find_all("a") if x.get_text() == "gradient descent")
    assert link["href"] == "../../chapters/ml-basics/gradient-descent.html"


def test_the_notebook_can_be_downloaded_from_the_page(early):
    link = early.page("labs/tiny/handout").find("a", download=True)
    target = (early.html / "labs" / "tiny" / link["href"]).resolve()
    book = json.loads(target.read_bytes())
    assert book["metadata"]["introml"]["lab"] == "tiny"
    assert target.name == "tiny.ipynb"


@pytest.mark.parametrize("secret", SOLUTIONS)
def test_solutions_are_in_no_file_before_their_date(early, late, secret):
    assert files_with(early, secret) == []
    assert "labs/tiny/handout.html" in files_with(late, secret)


@pytest.mark.parametrize("secret", HIDDEN)
def test_hidden_checks_are_in_no_file_at_any_date(early, late, secret):
    assert secret in (TINY / "hidden_checks.py").read_text()
    assert files_with(early, secret) == files_with(late, secret) == []


def test_solutions_are_folded_away_from_their_date_on(late):
    page = late.page("labs/tiny/handout")
    folded = page.find_all("details", class_="solution")
    assert [x.summary.get_text() for x in folded] == [
        "Solution", "Remark on the solution", "Solution", "Solution",
    ]  # fmt: skip
    assert "tiny_solution_residuals = x @ w - y" in folded[0].get_text()
    assert "raise NotImplementedError" in page.get_text()
    names = [x["href"].rpartition("/")[2] for x in page.find_all("a", download=True)]
    assert names == ["tiny.ipynb", "tiny-solution.ipynb"]
    assert (late.html / "notebooks/labs/tiny/tiny-solution.ipynb").exists()


def test_a_solution_that_is_out_again_is_taken_back(tmp_path):
    html = tmp_path / "html"
    (html / "labs" / "tiny").mkdir(parents=True)
    (html / "labs" / "tiny" / "handout.html").touch()
    shutil.copytree(TINY, tmp_path / "labs" / "tiny")
    write_lab_notebooks(tmp_path, html, AFTER)
    assert len(list(html.rglob("*.ipynb"))) == 2
    write_lab_notebooks(tmp_path, html, BEFORE)
    assert [x.name for x in html.rglob("*.ipynb")] == ["tiny.ipynb"]


def test_a_page_is_written_only_when_it_changes(tmp_path):
    shutil.copytree(TINY, tmp_path / "labs" / "tiny")
    page = tmp_path / "labs" / "tiny" / "handout.md"
    assert write_handouts(tmp_path, BEFORE) == [page]
    time = page.stat().st_mtime_ns
    assert write_handouts(tmp_path, BEFORE) == []
    assert page.stat().st_mtime_ns == time
    assert write_handouts(tmp_path, AFTER) == [page]


def test_a_lab_that_cannot_be_read_stops_the_build(tmp_path):
    shutil.copytree(TINY, tmp_path / "labs" / "tiny")
    path = tmp_path / "labs" / "tiny" / "lab.toml"
    path.write_text(path.read_text().replace('policy = "best"', 'policy = "first"'))
    with pytest.raises(LabError, match=r"lab\.toml: policy is 'first'"):
        write_handouts(tmp_path)


def test_code_with_fences_in_it_stays_code(tmp_path):
    from introml.grader.lab.lab import load_lab

    shutil.copytree(TINY, tmp_path / "tiny")
    path = tmp_path / "tiny" / "lab.md"
    old = '    """Gradient of the loss with respect to w: (d,)."""\n'
    text = path.read_text().replace("```{code-cell} ipython3\n:grade_id: gradient",
                                    "````{code-cell} ipython3\n:grade_id: gradient")  # fmt: skip
    text = text.replace(old, old[:-4] + "\n    ```\n    x\n    ```\n" + '    """\n')
    text = text.replace(
        "    ### END SOLUTION\n```\n\n## Steps", "    ### END SOLUTION\n````\n\n## Steps"
    )
    path.write_text(text)
    assert "````python\ndef gradient" in handout(load_lab(tmp_path / "tiny"), BEFORE)


def test_a_lab_is_read_again_only_once_something_in_it_was_touched(tmp_path, monkeypatch):
    book = built(tmp_path, BEFORE)
    read = []

    def counted(lab):
        read.append(Path(lab).name)
        return load_lab(lab)

    monkeypatch.setattr("introml.site.labs.load_lab", counted)

    def again(today=BEFORE):
        read.clear()
        return write_handouts(book.root, today), write_lab_notebooks(book.root, book.html, today)

    assert again() == ([], [])
    assert read == []
    page = book.root / "labs" / "tiny" / "handout.md"
    kept = page.read_text()
    source = book.root / "labs" / "tiny" / "lab.md"
    source.write_text(source.read_text().replace("# Least squares", "# Smallest squares"))
    assert again() == ([page], ["tiny"])
    assert page.read_text() != kept
    page.write_text("torn")
    assert again() == ([page], [])
    assert "Smallest squares" in page.read_text()
    page.unlink()
    assert again() == ([page], [])
    assert again(AFTER) == ([page], ["tiny"])
    shutil.rmtree(book.html / "notebooks")
    assert again(AFTER) == ([], ["tiny"])


def test_a_lab_that_is_taken_out_takes_its_notebook_along(tmp_path):
    book = built(tmp_path, BEFORE)
    notebook = book.html / "notebooks" / "labs" / "tiny" / "tiny.ipynb"
    assert notebook.exists()
    shutil.rmtree(book.root / "labs" / "tiny")
    write_lab_notebooks(book.root, book.html, BEFORE)
    assert not notebook.exists()
