"""The pages about the package: all that the lessons' modules offer is on them, and nothing else."""

import ast
import doctest
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from introml.site.package_modules import Package
from introml.widgets import __all__ as WIDGETS
from introml.widgets.base import stem_of

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
PACKAGE = Package(ROOT)
DOCUMENTED = PACKAGE.modules
#: Modules beside the lessons' own.
PLUMBING = {"command"}
every_module = pytest.mark.parametrize("module", DOCUMENTED)


def modules_of(folder):
    """The modules of a folder of the package, the package's own file apart."""
    files = sorted((ROOT / "introml" / folder).glob("*.py"))
    prefix = f"introml.{folder.replace('/', '.')}." if folder else "introml."
    return {prefix + path.stem for path in files if path.stem != "__init__"}


def lesson_modules():
    flat = {name for name in modules_of("") if name.partition(".")[2] not in PLUMBING}
    widgets = {f"introml.widgets.{stem_of(name)}" for name in WIDGETS}
    folders = ("models", "data", "parallel", "kernels", "grader/checks")
    return flat.union(widgets, *(modules_of(folder) for folder in folders))


@cache
def ids(page):
    document = BeautifulSoup((HTML / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    return {tag["id"] for tag in document.find_all(id=True)}


def definitions(module):
    """The public functions and classes that the module's file defines, as Python reads it."""
    tree = ast.parse(PACKAGE.path(module).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [one for one in tree.body if isinstance(one, kinds) and not one.name.startswith("_")]


def described_methods(definition):
    """The public methods of a class that have a docstring; none of a function's."""
    methods = [part for part in definition.body if isinstance(part, ast.FunctionDef)]
    return {
        method.name
        for method in methods
        if isinstance(definition, ast.ClassDef)
        and ast.get_docstring(method)
        and not method.name.startswith("_")
    }


def is_trait_type(module, definition):
    from traitlets import TraitType

    found = getattr(importlib.import_module(module), definition.name)
    return inspect.isclass(found) and issubclass(found, TraitType)


def test_every_module_of_the_lessons_is_on_a_page_and_no_other():
    assert len(DOCUMENTED) == len(set(DOCUMENTED))
    missing = lesson_modules() - set(DOCUMENTED)
    assert not missing, "name it in a line `:::{package-module} …` of a page in book/package/"
    assert set(DOCUMENTED) == lesson_modules()


@every_module
def test_every_public_function_and_class_is_on_the_page_with_a_docstring(module):
    assert ast.get_docstring(ast.parse(PACKAGE.path(module).read_text(encoding="utf-8")))
    page = PACKAGE.page_of(module)
    for definition in definitions(module):
        assert ast.get_docstring(definition), f"{module}.{definition.name} has no docstring"
        if not is_trait_type(module, definition):
            assert f"{module}.{definition.name}" in ids(page)
            assert f"source-{module}.{definition.name}" in ids(page)
            assert described_methods(definition) <= {
                name.removeprefix(f"{module}.{definition.name}.") for name in ids(page)
            }


def test_nothing_private_and_nothing_of_the_site_and_the_hub_is_described():
    for page in PACKAGE.pages:
        for name in ids(page):
            if re.match(r"introml\.[\w.]+$", name):
                assert any(name.startswith(f"{module}.") for module in DOCUMENTED), name
                assert "._" not in name


@pytest.mark.parametrize("page", [*PACKAGE.pages])
def test_no_markup_is_left_in_the_text(page):
    document = BeautifulSoup((HTML / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    for code in document.select("code, pre, dt"):
        code.extract()
    text = document.article.get_text()
    assert not re.search(r"\{\w+\}`|`|>>>|\*\*", text), re.search(r".*(?:`|>>>|\*\*).*", text)[0]


@every_module
def test_the_examples_in_the_docstrings_run(module):
    found = importlib.import_module(module)
    outcome = doctest.testmod(found, optionflags=doctest.ELLIPSIS, verbose=False)
    assert outcome.failed == 0


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder()
    found = [importlib.import_module(name) for name in DOCUMENTED]
    assert any(test.examples for module in found for test in finder.find(module))


@pytest.mark.parametrize(
    ("lesson", "name", "page"),
    [
        ("chapters/cnn/convolution", "introml.convolution.correlate2d", "convolution"),
        ("chapters/ml-basics/schedules", "introml.schedules.cosine_decay", "schedules"),
        ("chapters/ml-basics/linear-regression", "introml.widgets.line_fit.LineFit", "widgets"),
        ("chapters/cnn/convolution", "introml.data.mnist.load", "data"),
    ],
)
def test_a_lesson_links_to_what_it_uses_and_is_linked_from_it(lesson, name, page):
    foot = BeautifulSoup((HTML / f"{lesson}.html").read_text(encoding="utf-8"), "html.parser")
    links = [link["href"] for link in foot.select(".package-uses a")]
    assert f"../../book/package/{page}.html#{name}" in links
    described = (HTML / "book" / "package" / f"{page}.html").read_text(encoding="utf-8")
    assert re.search(r'Taught in <a class="reference internal" href="../../chapters/', described)


def test_a_trait_stands_with_its_default_and_with_what_it_takes():
    page = (HTML / "book" / "package" / "widgets.html").read_text(encoding="utf-8")
    line_fit = BeautifulSoup(page, "html.parser").find(id="introml.widgets.line_fit.LineFit").parent
    rows = [[cell.text for cell in row.find_all("td")] for row in line_fit.select("tbody tr")]
    table = {name: rest for name, *rest in rows}
    assert table["slope"] == ["0.3", "w of the reader’s line: a number, −1,000,000 to 1,000,000"]
    assert table["marked"] == ["11", "the marked point, counted from 1: a whole number, 1 to 30"]
    assert table["x"][0] == "11 numbers"
    assert table["x"][1].startswith("the inputs: a list of 2 to 30 numbers, each −1,000,000 to ")
    assert table["lines"] == ["'both'", "which lines are drawn: 'own', 'best', 'both'"]
    assert table["squares"][1].endswith(": True or False")
