"""A changed test is run again, a failed one is never noted as passed, and nothing else is run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from built_page import BuiltSite
from inputs_of_tests import Inputs
from selection import RECORD, Units

from introml.book.paths import ROOT

HERE = Path(__file__).parent
FILES = {
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["tests/site", "tests/browser"]\n'
    'addopts = "--import-mode=importlib"\n',
    "requirements.txt": "torch==2.13.0\n",
    "README.md": "A book.\n",
    "introml/__init__.py": "",
    "introml/scale.py": "from introml.factor import FACTOR\n\ndef scale(x): return FACTOR * x\n",
    "introml/factor.py": "FACTOR = 2\n",
    "introml/other.py": "",
    "introml/book/__init__.py": "",
    "introml/grader/__init__.py": "",
    "introml/grader/lab.py": "",
    "introml/widgets/__init__.py": "",
    "introml/widgets/fit/__init__.py": "class Fit: ...\n",
    "introml/widgets/fit/view.js": "",
    "introml/widgets/line/__init__.py": "class Line: ...\n",
    "introml/widgets/line/view.js": "",
    "assets/data/digits.csv": "1,2\n",
    "assets/figures/tree.svg": "<svg/>",
    "chapters/a.md": "# A\n",
    "labs/one/lab.md": "# One\n",
    "_toc.yml": "",
    "tests/conftest.py": "",
    "tests/data.json": "{}",
    "tests/test_scale.py": "from introml.scale import scale\n\n"
    "def test_scale(): assert scale(1) == 2\n",
    "tests/site/shared.py": "ONE = 1\n",
    "tests/site/test_site.py": "from shared import ONE\n\ndef test_one(): assert ONE == 1\n",
    "tests/grader/test_started.py": "import subprocess\n\ndef test_nothing(): assert subprocess\n",
    "tests/widgets/test_fit.py": "from introml.widgets.fit import Fit\n\n"
    "def test_fit(): assert Fit\n",
    "tests/pages/test_pages.py": "def test_pages(): assert True\n",
    "tests/browser/tab.py": "",
    "tests/browser/test_look.py": """\
import pytest
import tab

@pytest.fixture
def open_tab(): return None

@pytest.mark.parametrize("docname", ["chapters/a", "chapters/b"])
def test_page(docname, open_tab): assert docname

def test_whole_site(): assert True
""",
    "_build/html/chapters/a.html": '<i data-widget="Fit">',
    "_build/html/chapters/b.html": '<i data-widget="Line">',
    "_build/html/_static/book.css": "",
    "_build/html/_static/host.js": "",
    "_build/html/_static/search-index.js": "",
    "_build/html/_static/widgets/Fit.js": "",
    "_build/html/_static/widgets/Line.js": "",
    "_build/html/notebooks/chapters/a.ipynb": json.dumps(
        {
            "cells": [
                {"cell_type": "code", "source": "1", "metadata": {}, "outputs": []},
                {"cell_type": "markdown", "source": "One.", "metadata": {}},
            ]
        }
    ),
    "_build/cache/pages.json": json.dumps({"pages": {"chapters/a": {"key": "k1"}}}),
    "tests/pages/execute_again.py": "",
}  # fmt: skip
SCALE, SITE, STARTED, FIT, PAGES = (
    "tests/test_scale.py",
    "tests/site/test_site.py",
    "tests/grader/test_started.py",
    "tests/widgets/test_fit.py",
    "tests/pages/test_pages.py",
)
A, B, WHOLE = (
    f"tests/browser/test_look.py::{x}" for x in ("chapters/a", "chapters/b", "the whole site")
)
NOTEBOOK = "_build/html/notebooks/chapters/a.ipynb"
ALL = {SCALE, SITE, STARTED, FIT, PAGES, A, B, WHOLE, NOTEBOOK}
IN_FILES = ALL - {NOTEBOOK}
BUILT = {PAGES, A, B, WHOLE}


@pytest.fixture
def checkout(tmp_path):
    own = {name: (ROOT / name).read_text() for name in ("introml/book/dependencies.py",)}
    for name, text in {**FILES, **own}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def keys(root):
    units = Units(root)
    return {unit: units.key(unit) for unit in ALL}


def changed_by(root, name, text):
    before = keys(root)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    after = keys(root)
    return {unit for unit in ALL if before[unit] != after[unit]}


@pytest.mark.parametrize(
    ("name", "text", "selected"),
    [
        # A page of the book, and what is built of it.
        ("_build/html/chapters/a.html", '<i data-widget="Fit"> more', BUILT - {B}),
        ("_build/html/chapters/c.html", "", {PAGES, WHOLE}),
        ("chapters/a.md", "# A, and more", {PAGES, WHOLE}),
        ("_toc.yml", "- a", {PAGES, WHOLE}),
        ("_build/html/_static/book.css", "a {}", BUILT),
        ("_build/html/_static/host.js", "1", BUILT),
        ("_build/html/_static/new.woff2", "", BUILT),
        ("_build/html/_static/widgets/Fit.js", "1", BUILT - {B}),
        ("_build/html/_static/widgets/Line.js", "1", BUILT - {A}),
        ("_build/html/_static/search-index.js", "1", {PAGES, WHOLE}),
        # A notebook that is executed again: its code and what that depends on, not its prose.
        (NOTEBOOK, FILES[NOTEBOOK].replace('"1"', '"2"'), BUILT - {A, B} | {NOTEBOOK}),
        (NOTEBOOK, FILES[NOTEBOOK].replace("[]", '["1"]'), BUILT - {A, B} | {NOTEBOOK}),
        (NOTEBOOK, FILES[NOTEBOOK].replace("One.", "Two."), BUILT - {A, B}),
        ("_build/cache/pages.json", '{"pages": {"chapters/a": {"key": "k2"}}}', {NOTEBOOK}),
        ("tests/pages/execute_again.py", "1", ALL),
        # Modules, the data beside them, and what may be started as a program.
        ("introml/scale.py", "def scale(x): return 2 * x", {SCALE}),
        ("introml/factor.py", "FACTOR = 3", {SCALE}),
        ("introml/other.py", "1", set()),
        ("introml/grader/lab.py", "1", {STARTED}),
        ("introml/widgets/fit/view.js", "1", {FIT}),
        ("introml/widgets/fit/new.css", "", {FIT}),
        ("introml/widgets/line/view.js", "1", set()),
        # Tests, and what they share.
        (SCALE, FILES[SCALE] + "\n", {SCALE}),
        ("tests/site/shared.py", "ONE = 2", {SITE}),
        ("tests/site/conftest.py", "1", {SITE}),
        ("tests/conftest.py", "1", IN_FILES),
        ("tests/data.json", "[]", IN_FILES),
        ("tests/browser/tab.py", "1", {A, B, WHOLE}),
        ("tests/browser/conftest.py", "1", {A, B, WHOLE}),
        ("tests/selection/selection.py", "1", IN_FILES),
        # Versions, and folders that no rule knows.
        ("requirements.txt", "torch==2.14.0", IN_FILES),
        ("pyproject.toml", FILES["pyproject.toml"] + "\n", IN_FILES),
        ("new/thing.txt", "", IN_FILES),
        ("README.md", "A book!", set()),
    ],
)  # fmt: skip
def test_a_change_selects_what_depends_on_it_and_no_more(checkout, name, text, selected):
    assert changed_by(checkout, name, text) == selected


def test_another_version_of_a_package_selects_everything(checkout, monkeypatch):
    before = keys(checkout)
    monkeypatch.setattr(Inputs, "tools", "other versions")
    after = keys(checkout)
    assert {unit for unit in ALL if before[unit] == after[unit]} == set()


def run(root, *arguments, which="changed"):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "selection", "--selection", which]
    # Of the plugins that are installed these runs take the one that spreads tests; the others are
    # most of what a start costs.
    environment = os.environ | {"PYTHONPATH": str(HERE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "xdist.plugin", *arguments],
        cwd=root, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    path = root / RECORD
    return done, set(json.loads(path.read_text())) if path.exists() else set()


@pytest.mark.parametrize("processes", [(), ("-n", "2", "--dist", "loadfile")])
def test_what_passed_is_left_out_until_it_changes(checkout, processes):
    done, noted = run(checkout, *processes, "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
    assert "unchanged" not in done.stdout
    assert noted == IN_FILES
    done, _ = run(checkout, *processes, "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 unchanged since they passed, not run" in done.stdout
    assert "passed in" not in done.stdout
    (checkout / "introml/factor.py").write_text("FACTOR = 3\n")
    (checkout / "_build/html/chapters/b.html").write_text("")
    done, noted = run(checkout, *processes, "tests")
    assert done.returncode == 1
    # The page b, the whole site, the tests of pages; and the one that fails now.
    assert "1 failed, 3 passed" in done.stdout
    assert "4 unchanged since they passed, not run" in done.stdout
    assert noted == IN_FILES - {SCALE}
    done, noted = run(checkout, *processes, "tests")
    assert "1 failed" in done.stdout, "what failed runs until it passes"
    (checkout / "introml/factor.py").write_text(FILES["introml/factor.py"])
    (checkout / PAGES).unlink()
    assert "7 passed" not in run(checkout, *processes, "tests")[0].stdout
    (checkout / PAGES).write_text(FILES[PAGES])
    assert run(checkout, *processes, "tests")[1] == IN_FILES
    assert "8 passed" in run(checkout, *processes, "tests", which="all")[0].stdout


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("def test_a(): assert False", ()),
        ("import pytest\ndef test_a(): pytest.skip('no GPU')\ndef test_b(): pass", ()),
        ("import pytest\n@pytest.mark.xfail\ndef test_a(): assert False", ()),
        (
            "import pytest\n@pytest.fixture\ndef f():\n  yield\n  assert False\n"
            "def test_a(f): pass",
            (),
        ),
        ("import pytest\n@pytest.fixture\ndef f(): assert False\ndef test_a(f): pass", ()),
        ("assert False\ndef test_a(): pass", ()),
        ("def test_a(): pass\ndef test_b(): pass", ("-k", "test_a")),
        ("def test_a(): assert False\ndef test_b(): pass", ("-x",)),
        ("import os\ndef test_a(): pass\ndef test_b(): os._exit(0)", ()),
    ],
)  # fmt: skip
def test_what_did_not_pass_as_a_whole_is_not_noted(checkout, text, selection):
    (checkout / SCALE).write_text(text)
    done, noted = run(checkout, *selection, SCALE)
    assert done.returncode in (0, 1, 2), done.stdout + done.stderr
    assert noted == set()


def test_what_is_changed_while_it_is_tested_is_not_noted_as_it_is_then(checkout):
    (checkout / FIT).write_text(
        "from pathlib import Path\nfrom introml.widgets.fit import Fit\n"
        "def test_a(): Path('introml/widgets/fit/__init__.py').write_text('Fit = None')\n"
    )
    assert FIT in run(checkout, FIT)[1]
    assert "1 passed" in run(checkout, FIT)[0].stdout, "left out, though it changed"


def test_one_test_alone_notes_nothing(checkout):
    (checkout / SCALE).write_text("def test_a(): pass\ndef test_b(): assert False")
    done, noted = run(checkout, f"{SCALE}::test_a")
    assert "1 passed" in done.stdout
    assert SCALE not in noted


def test_a_test_that_opens_what_its_hash_does_not_hold_is_run_each_time(checkout):
    (checkout / FIT).write_text("def test_a(): assert open('chapters/a.md').read()")
    for _ in range(2):
        done, noted = run(checkout, FIT)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
        assert f"{FIT} opens chapters/a.md, which its hash does not hold" in done.stdout
        assert FIT not in noted
    (checkout / FIT).write_text("import importlib\nname = 'introml.' + 'other'\n"
        "def test_a(): assert importlib.import_module(name)")  # fmt: skip
    done, _ = run(checkout, FIT)
    assert done.returncode == 0, "it imports by a computed name, so it depends on every module"


def test_a_page_can_load_what_it_names_and_what_all_share(checkout):
    assert BuiltSite(checkout / "_build/html").page_files("chapters/a") == {
        "chapters/a.html",
        "_static/book.css",
        "_static/host.js",
        "_static/widgets/Fit.js",
    }
