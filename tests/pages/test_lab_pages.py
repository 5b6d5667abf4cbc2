"""The built site and the built package hold no solution of a lab too early, and no hidden check."""

import datetime
import html
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from introml.book.paths import ROOT
from introml.grader.lab.lab import labs, load_lab
from introml.site.pages import book_pages

SITE = ROOT / "_build" / "html"
LABS = [load_lab(name) for name in labs()]
#: Sphinx sets quotation marks as printers do.
QUOTES = str.maketrans("‘’“”–", "''\"\"-")
TODAY = datetime.date.today()
TEXT = {".html", ".js", ".json", ".ipynb", ".md", ".py", ".txt", ".css", ".toml", ""}


def words(text: str) -> str:
    """Text as it reads: no tags, one way to write each character, one space for white space."""
    text = html.unescape(re.sub(r"</?[a-zA-Z][^>]*>", "", text))
    text = text.replace("\\n", "\n").replace('\\"', '"').translate(QUOTES)
    return re.sub(r"\s+", " ", text)


def strings(value: object) -> str:
    """All texts in a JSON value; the lines of a list, which may be a cell's, together."""
    if isinstance(value, dict):
        return "\n".join(map(strings, value.values()))
    if isinstance(value, list):
        return "".join(map(strings, value))
    return str(value)


def solutions(lab) -> list[str]:
    """The bodies of its solutions that are long enough to be no one's but the lab's."""
    marked = "\n".join(cell.source for cell in lab.cells)
    regions = re.findall(r"### BEGIN SOLUTION.*?\n(.*?)\n\s*### END SOLUTION", marked, re.DOTALL)
    remarks = [cell.source for cell in lab.cells if cell.kind == "solution text"]
    return [words(one).strip() for one in (*regions, *remarks) if one.count("\n") > 0]


def tried(lab) -> list[str]:
    """What only its right and wrong answers have: long lines of theirs, and what they say."""
    known = "\n".join(cell.source for cell in lab.cells) + lab.public_checks.read_text("utf-8")
    answers = [*lab.right_solutions(), *lab.wrong_solutions()]
    lines = {line.strip() for one in answers for source in one.cells.values()
             for line in source.splitlines()}  # fmt: skip
    found = [line for line in lines if len(line) > 40 and line not in known]
    assert len(found) > 20
    return [words(one).strip() for one in (*found, *(one.why for one in answers))]


def secrets(lab) -> list[str]:
    hidden = lab.hidden_checks.read_text(encoding="utf-8")
    found = re.findall(r"introml-canary-\w+", hidden)
    assert found, f"{lab.name} has no canary"
    titles = [one.title for one in lab.check_list() if one.hidden]
    names = [f"def {one.name}(" for one in lab.check_list() if one.hidden]
    return [*found, *titles, *names]


def texts_of_the_site() -> dict[Path, str]:
    assert (SITE / "index.html").exists(), "build the site first: make site"
    found = {}
    for path in SITE.rglob("*"):
        if path.is_file() and path.suffix in TEXT:
            text = path.read_text(encoding="utf-8", errors="replace")
            found[path] = words(strings(json.loads(text)) if path.suffix == ".ipynb" else text)
    assert len(found) > 20
    return found


@pytest.fixture(scope="module")
def site():
    return texts_of_the_site()


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_the_lab_has_a_page_and_a_notebook(lab, site):
    assert f"labs/{lab.name}/handout" in [page.docname for page in book_pages(ROOT)]
    page = site[SITE / "labs" / lab.name / "handout.html"]
    assert lab.title in page
    assert all(words(one.title) in page for one in lab.check_list() if not one.hidden)
    assert (SITE / "notebooks" / "labs" / lab.name / f"{lab.name}.ipynb").exists()


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_no_solution_is_in_the_site_before_its_date(lab, site):
    if lab.settings.solutions_from <= TODAY:
        pytest.skip("its solutions are out")
    long = solutions(lab)
    assert long
    for path, text in site.items():
        for body in long:
            assert body not in text, f"{path.relative_to(SITE)} has {body[:60]!r}"


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_no_hidden_check_and_no_answer_that_is_tried_is_in_the_site(lab, site):
    hidden = [*secrets(lab), *tried(lab)]
    for path, text in site.items():
        for secret in hidden:
            assert words(secret) not in text, f"{path.relative_to(SITE)} has {secret!r}"


def test_a_secret_would_be_found(site):
    """The search sees through tags, entities and JSON: it finds what a page and a notebook show."""
    lab = LABS[0]
    released = words(max((cell.starter for cell in lab.answers.values()), key=len))
    places = {path.suffix for path, text in site.items() if released in text}
    assert {".html", ".ipynb"} <= places


def test_the_built_package_has_no_answers_and_no_hidden_checks(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        texts = {
            name: words(archive.read(name).decode("utf-8", errors="replace"))
            for name in names
            if Path(name).suffix in TEXT
        }
    assert "introml/grader/authoring/release.py" in names
    assert not [name for name in names if re.search(r"(^|/)labs/|hidden_checks|lab\.md", name)]
    for lab in LABS:
        for body in (*solutions(lab), *tried(lab), *map(words, secrets(lab))):
            assert not [name for name, text in texts.items() if body in text]
