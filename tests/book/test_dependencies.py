"""What a page is found to depend on, against what is known of small packages written here."""

import pytest

from introml.book.dependencies import (
    Modules,
    assets_matching,
    data_beside,
    scan_cells,
    scan_module,
)

PACKAGE = {
    "__init__.py": "__version__ = '0'\n",
    "assets.py": "from pathlib import Path\nROOT = Path('x') / 'assets'\ndef asset(name): ...\n",
    "lone.py": "import os\n",
    "middle.py": "from introml import deep\n",
    "deep.py": "def f():\n    from introml.far.away import g\n    return g\n",
    "far/__init__.py": "",
    "far/away.py": "from . import beside\nfrom ..lone import x\n",
    "far/beside.py": "",
    "far/unused.py": "",
    "circle/__init__.py": "from .one import a\n",
    "circle/one.py": "from .two import b\n",
    "circle/two.py": "from .one import a\n",
    "lazy/__init__.py": "from importlib import import_module\n"
    "def __getattr__(name): return import_module('introml.lazy.' + name)\n",
    "lazy/first.py": "class First: ...\n",
    "lazy/second.py": "import introml.lone\nSecond: int = 2\n",
    "stub/__init__.py": "import lazy_loader\n"
    "__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)\n",
    "stub/__init__.pyi": "from .first import First as First\n"
    "from .inner import Second as Second\nfrom .inner import Third as Fourth\n",
    "stub/first.py": "from .unnamed import x\nFirst = 1\n",
    "stub/unnamed.py": "",
    "stub/inner/__init__.py": "import lazy_loader\n"
    "__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)\n",
    "stub/inner/__init__.pyi": "from .second import Second as Second\n",
    "stub/inner/second.py": "import introml.lone\nSecond: int = 2\n",
    "registry/__init__.py": "from introml.registry import loader\n",
    "registry/loader.py": "import importlib\ndef get(n): return importlib.import_module(n)\n",
    "registry/plugin.py": "",
    "broken.py": "from introml.lone import (\n",
}

MODULES = {name for name in PACKAGE if name.endswith(".py")}


@pytest.fixture
def closure(tmp_path):
    """Modules that a page with the given cells imports, as names of files under introml/."""
    for name, text in PACKAGE.items():
        path = tmp_path / "introml" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def scan(path):
        name = ".".join(path.relative_to(tmp_path).with_suffix("").parts)
        is_package = path.stem == "__init__"
        return scan_module(path.read_text(), name.removesuffix(".__init__"), is_package=is_package)

    def of(*cells):
        files = Modules(tmp_path, scan).closure(scan_cells(cells))
        return {path.relative_to(tmp_path / "introml").as_posix() for path in files}

    return of


CIRCLE = {"__init__.py", "circle/__init__.py", "circle/one.py", "circle/two.py"}
FIRST = {"__init__.py", "lazy/__init__.py", "lazy/first.py"}
LAZY = FIRST | {"lazy/second.py", "lone.py"}
STUB = {"__init__.py", "stub/__init__.py"}
STUB_FIRST = STUB | {"stub/first.py", "stub/unnamed.py"}
STUB_SECOND = STUB | {"stub/inner/__init__.py", "stub/inner/second.py", "lone.py"}
FAR = {"__init__.py", "far/__init__.py", "far/away.py", "far/beside.py", "lone.py"}


@pytest.mark.parametrize(
    ("cell", "files"),
    [
        ("import torch", set()),
        ("import introml", {"__init__.py"}),
        ("import introml.lone as l, os", {"__init__.py", "lone.py"}),
        ("from introml import lone", {"__init__.py", "lone.py"}),
        ("from introml.lone import anything", {"__init__.py", "lone.py"}),
        ("from introml.far import away", FAR),
        ("import introml.middle", FAR | {"middle.py", "deep.py"}),
        ("from introml.circle import a", CIRCLE),
        ("if True:\n    def f():\n        import introml.lone", {"__init__.py", "lone.py"}),
        # Lazy packages: the module that defines the name, and all if it is not known which.
        ("from introml.lazy.first import x", FIRST),
        ("from introml.lazy import First", FIRST),
        ("from introml.lazy import First as F, Second", LAZY),
        ("from introml.lazy import Second", LAZY - {"lazy/first.py"}),
        ("from introml.lazy import Third", LAZY),
        ("from introml.lazy import *", LAZY),
        ("from introml import lazy\nlazy.First()", LAZY),
        ("import introml.lazy as l\nl.First()", LAZY),
        # Lazy packages with a stub: the module that the stub names, and all if it does not know.
        ("from introml.stub import First", STUB_FIRST),
        ("from introml.stub import Second", STUB_SECOND),
        ("from introml.stub import Fourth", STUB_FIRST | STUB_SECOND),
        ("import introml.stub as s\ns.First", STUB_FIRST | STUB_SECOND),
        # A module that is named may be run; of a package that is named, nothing more is used.
        ("run('python', '-m', 'introml.stub')", STUB),
        ("run('python', '-m', 'introml.stub.first')", STUB_FIRST),
        ("run('python', '-m', 'introml.middle')", FAR | {"middle.py", "deep.py"}),
        # A module that imports by computed names may import whatever is beside it.
        (
            "import introml.registry",
            {"__init__.py", "registry/__init__.py", "registry/loader.py", "registry/plugin.py"},
        ),
        # Text that is not plain Python.
        ("%%time\nfrom introml import lone", {"__init__.py", "lone.py"}),
        ("%matplotlib inline\nimport introml.lone\nlone?", {"__init__.py", "lone.py"}),
        ("if True:\n    !ls\nfrom introml import lone", {"__init__.py", "lone.py"}),
        ("!python -m introml.lone", {"__init__.py", "lone.py"}),
        ("run('python', '-c', 'import introml.lone')", {"__init__.py", "lone.py"}),
        (
            "%%bash\npython <<< 'from introml import lone, far'",
            {"__init__.py", "lone.py", "far/__init__.py"},
        ),
        (
            "x = = 1\nfrom introml import (far,\n  lone)",
            {"__init__.py", "lone.py", "far/__init__.py"},
        ),
        ("x = (7\n     % 3)\nimport introml.lone", {"__init__.py", "lone.py"}),
        ("import introml.broken", {"__init__.py", "broken.py", "lone.py"}),
        ("import importlib\nimportlib.import_module('introml.' + name)", MODULES),
    ],
)  # fmt: skip
def test_modules_of_a_page(closure, cell, files):
    assert closure("a = 1", cell) == files


def test_docstrings_are_no_imports():
    source = '"""See introml.lone."""\ndef f():\n    """Taught with introml.far.away."""\n'
    assert scan_module(source, "introml.x", is_package=False).imports == ()


NAMES = ["css/a.css", "data/mnist.npz", "data/mnist/labels.csv", "data/mnist-small.npz",
         "facts/gpus.toml", "facts/models.toml", "recordings/run.json"]  # fmt: skip
DATA = set(NAMES) - {"css/a.css"}


@pytest.mark.parametrize(
    ("cells", "files"),
    [
        (["x = 1", "portfolio = 'assets and liabilities'"], set()),
        (["asset('data/mnist.npz')"], {"data/mnist.npz"}),
        (["asset('data/mnist')"], {"data/mnist/labels.csv"}),
        (["a = assets.asset('facts')"], {"facts/gpus.toml", "facts/models.toml"}),
        (["asset(f'facts/{name}.toml')"], {"facts/gpus.toml", "facts/models.toml"}),
        (["asset(f'data/mnist{kind}.npz')"], {n for n in NAMES if n.startswith("data/mnist")}),
        (["asset('css/a.css')"], {"css/a.css"}),
        (["asset(name)"], DATA),
        (["asset(f'{kind}/x')"], DATA),
        (["list(map(asset, names))"], DATA),
        (["from introml.book.assets import asset as f", "f('data/mnist.npz')"], {"data/mnist.npz"}),
        (["asset('/'.join(['data', name]))"], {n for n in NAMES if n.startswith("data/")}),
        (["open('../assets/data/mnist.npz')"], DATA),
        (["Path('/book') / 'assets' / 'data'"], DATA),
        (["!head /book/assets/data/mnist.npz"], DATA),
    ],
)
def test_data_of_a_page(cells, files):
    assert assets_matching(NAMES, [scan_cells(cells)]) == files


def test_computed_names_begin_with_a_string_of_some_module():
    loader = "class Set:\n    def load(self): return asset(self.name)\n"
    user = '"""See data/mnist-small.npz."""\nmnist = Set("data/mnist.npz")\n'
    scans = [scan_module(text, "introml.x", is_package=False) for text in (loader, user)]
    assert assets_matching(NAMES, scans) == {"data/mnist.npz"}
    assert assets_matching(NAMES, scans[:1]) == DATA, "from nowhere, so from anywhere"
    assert assets_matching(NAMES, scans[1:]) == set(), "a string that nobody loads"
    cell = scan_cells(["load('recordings/' + name)"])
    assert assets_matching(NAMES, [*scans, cell]) == {"data/mnist.npz", "recordings/run.json"}


def test_the_module_that_finds_assets_reads_only_what_it_asks_for():
    source = "ROOT = Path('x') / 'assets'\ndef facts(n):\n    return asset(f'facts/{n}.toml')\n"
    facts = {"facts/gpus.toml", "facts/models.toml"}
    for module, files in [("introml.book.assets", facts), ("introml.other", DATA)]:
        scan = scan_module(source, module, is_package=False)
        assert assets_matching(NAMES, [scan]) == files


def test_data_beside_a_module(tmp_path):
    for name in ("tokens.json", "tokens.py", "view.js", "other.css", ".hidden", "tokens/a.cpp",
                 "tokens/view.js", "tokens/deep/b.csv", "elsewhere/c.csv"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    found = {p.relative_to(tmp_path).as_posix() for p in data_beside(tmp_path / "tokens.py")}
    assert found == {"tokens.json", "tokens/a.cpp", "tokens/deep/b.csv"}
