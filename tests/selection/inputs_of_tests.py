"""What each test's result depends on, found without running it, as a hash.

A test file's inputs are the test modules that it imports, the modules of introml that those reach,
and the data beside both. The rules err on the side of too much: a name that is only mentioned
counts as used, a test that starts programs depends on all of the grader and the hub, and a folder
that no rule knows belongs to every test. `selection.py` watches which files the tests open; a test
that opens one which its hash does not hold is never left out.
"""

import ast
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
import tomllib
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from introml.book.dependencies import Modules, Scan, assets_matching, scan_module

#: What is made from other files, or is no part of any result.
PASSED_OVER = {
    ".git", ".venv", "node_modules", "_build", "dist", "jupyter_execute", "handout.md",
    "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints",
}  # fmt: skip
#: The text of the book: its pages, their order and pictures.
_BOOK = ("chapters/", "book/", "assets/figures/", "_toc.yml")
#: Rooms whose tests read no page of the book, and the files in them that do.
_WITHOUT_THE_BOOK = (
    "tests/book/", "tests/data/", "tests/grader/", "tests/hub/", "tests/models/", "tests/site/",
    "tests/test_", "tests/widgets/",
)  # fmt: skip
_WITH_THE_BOOK = (
    "tests/book/test_facts.py",
    "tests/hub/test_course_in_browser.py",
    "tests/site/test_book_pages.py",
    "tests/test_contributing.py",
    "tests/test_rooms.py",
)
#: Tests that look through whole folders as text.
_LOOK_THROUGH = {
    "tests/book/style/test_tokens.py": ("introml/",),
    "tests/pages/test_package_pages.py": ("introml/",),
    "tests/pages/test_package_references.py": ("introml/",),
    "tests/test_contributing.py": ("",),
    "tests/test_every_test_can_fail.py": ("tests/",),
    "tests/test_rooms.py": ("introml/",),
}
#: What is written about the project: a test that reads it names it.
_ABOUT = ("README.md", "CHANGES.md", "CONTRIBUTING.md", "LICENSE", "LICENSE-TEXT")
#: Programs in tests/ that are no tests.
_NO_TESTS = ("tests/bench/", "tests/soak/")
_STARTS_PROGRAMS = re.compile(r"subprocess|Popen|spawn|\bexecv|os\.system|multiprocessing")
_STARTED = ("introml/grader/", "introml/hub/")
_LABS = re.compile(r"labs\b|LABS")
_TOOLS = ("node", "bwrap", "git", "chromium", "google-chrome", "slurmctld", "munged", "postgres")
_TOOL_FOLDERS = ("/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin")))


class Inputs:
    """The inputs of the tests in the checkout at `root`, as its files are now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scans: dict[Path, Scan] = {}
        self._modules = Modules(root, self._scan)
        settings = tomllib.loads((root / "pyproject.toml").read_text())
        folders = settings["tool"]["pytest"]["ini_options"].get("pythonpath", [])
        self._named_modules: dict[str, set[Path]] = defaultdict(set)
        for folder in map(root.joinpath, folders):
            for path in folder.glob("*.py"):
                self._named_modules[path.stem].add(path)
        for path in (root / "tests").rglob("test_*.py"):
            self._named_modules[path.stem].add(path)
        self._named_modules.pop("conftest", None)

    def reads(self, test_file: str) -> set[str]:
        """The names of the files on which a test file depends."""
        tests = self._test_modules(self.root / test_file)
        here = "tests/selection/"  # how tests are chosen is held, but not what it names
        chooses = {path for path in tests if path.is_relative_to(self.root / here)}
        own = tests if test_file.startswith(here) else tests - chooses
        texts = [path.read_text() for path in own]
        scans = [self._scan(path) for path in own]
        reached = set().union(*map(self._modules.closure, scans))
        folders = {path.parent for path in reached}
        python = {path.relative_to(self.root).as_posix() for path in {*tests, *reached}}
        assets = assets_matching(self._assets, [*scans, *map(self._scan, reached)])

        starts = any(map(_STARTS_PROGRAMS.search, texts))
        grades = any(name.startswith("introml/grader/lab/") for name in python)
        programs = any(re.search(r"\b(bench|soak)\b", text) for text in texts)
        book = self.reads_the_book(test_file)

        looks_through = _LOOK_THROUGH.get(test_file, ())

        def holds(name: str) -> bool:
            if name.startswith(looks_through):
                return True
            if name.startswith("introml/"):
                beside = not name.endswith(".py") and _is_below(self.root / name, folders)
                return name in python or beside or (starts and name.startswith(_STARTED))
            if name.startswith("tests/"):
                if name.startswith(_NO_TESTS):
                    return programs
                how = name.startswith(here) and "/test_" not in name
                return name in python or how or not self._is_module(name)
            if name.startswith(("assets/data/", "assets/facts/", "assets/recordings/")):
                return name.removeprefix("assets/") in assets
            if name.startswith("labs/"):
                return grades or book or any(map(_LABS.search, texts))
            if name in _ABOUT:
                return any(name.partition(".")[0] in text for text in texts)
            return book or not name.startswith(_BOOK)

        return set(filter(holds, self.files))

    def reads_the_book(self, test_file: str) -> bool:
        """Whether the pages' text, or what is built of it, may matter to a test file."""
        return not test_file.startswith(_WITHOUT_THE_BOOK) or test_file in _WITH_THE_BOOK

    def key(self, test_file: str, *parts: str) -> str:
        """The hash of all that a test file depends on, with `parts` added to it."""
        return self._hash(self.reads(test_file), parts)

    def key_for_a_page(self, test_file: str, *parts: str) -> str:
        """As `key`, without the book and the widgets: a browser sees of them what is in `parts`."""
        built = (*_BOOK, "introml/widgets/", "labs/", "assets/")
        return self._hash({n for n in self.reads(test_file) if not n.startswith(built)}, parts)

    def _hash(self, names: set[str], parts: tuple[str, ...]) -> str:
        held = {name: self.files[name] for name in sorted(names)}
        return sha256(json.dumps([self.tools, held, parts]).encode())

    @cached_property
    def files(self) -> dict[str, str]:
        """The hash of each file of the checkout that can be an input, by its name."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in PASSED_OVER]
            for name in set(names) - PASSED_OVER:
                path = Path(folder, name)
                if path.suffix != ".pyc" and path.is_file():
                    found[path.relative_to(self.root).as_posix()] = sha256(path.read_bytes())
        return found

    @cached_property
    def tools(self) -> str:
        """A hash of the versions of Python, of all packages, and of the programs that are used."""
        packages = sorted(f"{d.name} {d.version}" for d in importlib.metadata.distributions())
        where = os.pathsep.join([os.environ.get("PATH", ""), *_TOOL_FOLDERS])
        found = [shutil.which(os.environ.get("CHROMIUM") or name, path=where) for name in _TOOLS]
        programs = [[p, os.stat(p).st_size, os.stat(p).st_mtime_ns] for p in found if p]
        machine = [sys.version, platform.platform(), os.getuid()]
        return sha256(json.dumps([machine, packages, programs]).encode())

    @cached_property
    def _assets(self) -> list[str]:
        return [n.removeprefix("assets/") for n in self.files if n.startswith("assets/")]

    def _is_module(self, name: str) -> bool:
        """Whether a file of tests/ is a module, which counts where it is named, and not data."""
        path = self.root / name
        return path.name == "conftest.py" or path in self._named_modules.get(path.stem, ())

    def _test_modules(self, start: Path) -> set[Path]:
        """A test file, the conftests that it has, and the test modules that these name."""
        found, new = set(), {start}
        while new:
            path = new.pop()
            found.add(path)
            above = [folder / "conftest.py" for folder in path.parents]
            named = self._named(path) | {one for one in above if one.is_file()}
            new |= {one for one in named if one.is_relative_to(self.root / "tests")} - found
        return found

    def _named(self, path: Path) -> set[Path]:
        if path.parent == self.root / "tests/selection" and not path.name.startswith("test_"):
            return set()  # how tests are chosen: it is held, and what it names is not used by them
        words = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                words |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                words.add(node.module or "")
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words |= set(re.findall(r"\w+", node.value))
        known = words & self._named_modules.keys()
        return {path for word in known for path in self._named_modules[word]}

    def _scan(self, path: Path) -> Scan:
        if path not in self._scans:
            name = path.relative_to(self.root).with_suffix("")
            dotted = ".".join(name.parts).removesuffix(".__init__")
            package = path.name == "__init__.py"
            self._scans[path] = scan_module(path.read_text(), dotted, is_package=package)
        return self._scans[path]


def _is_below(path: Path, folders: set[Path]) -> bool:
    """Whether a data file belongs to a module of one of these folders."""
    return path.parent in folders or any(
        above in folders and not (below / "__init__.py").exists()
        for above, below in zip(path.parents[1:], path.parents, strict=False)
    )


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
