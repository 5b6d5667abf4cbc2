"""A pytest plugin: runs the tests whose inputs changed since they passed, and notes which pass.

    pytest -p selection --selection changed tests/…   # without what is unchanged since
    pytest -p selection --selection all tests/…       # everything

What passed stands in `_build/tested.json`, with the hash of all that it depends on (see
`inputs_of_tests` and `built_page`). The unit is a test file; where a test opens one page of the
built book, it is that file with that page; for a notebook that is executed again, the notebook.
A unit is noted once every test of it has passed: one that failed, was skipped or was not run is
not. What is left out is counted as unchanged, never as passed.
"""

import contextlib
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_page import BuiltSite
from executed_pages import NOTEBOOKS, notebook_key
from inputs_of_tests import Inputs, sha256

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path("_build/tested.json")
HTML = Path("_build/html")
_PROPERTY = "selection"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--selection", choices=("changed", "all"), help="see tests/selection")


def pytest_configure(config: pytest.Config) -> None:
    wanted = config.getoption("--selection")
    if wanted:
        config.pluginmanager.register(Selection(config, wanted == "all"), "selecting")


class Units:
    """The units of the checkout at `root`, with their keys."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs, self.site = Inputs(root), BuiltSite(root / HTML)
        self._keys: dict[str, str] = {}

    def look_at_all_files(self) -> None:
        """Read them now: a file that is changed while the tests run must not count as tested."""
        for notebook in (self.root / NOTEBOOKS).rglob("*.ipynb"):
            self.key(notebook.relative_to(self.root).as_posix())
        _ = self.inputs.files, self.site.files

    def is_there(self, unit: str) -> bool:
        return (self.root / unit.partition("::")[0]).is_file()

    def of_file(self, path: Path) -> str | None:
        """The unit that a whole file is; None where its tests are several."""
        name = path.relative_to(self.root).as_posix()
        return None if name.startswith("tests/browser/") else name

    def of_item(self, item: pytest.Item) -> str:
        """The unit to which a test belongs."""
        name = item.path.relative_to(self.root).as_posix()
        if self.of_file(item.path):
            return name
        values = getattr(getattr(item, "callspec", None), "params", {})
        if "docname" in values and "open_tab" in item.fixturenames:
            return f"{name}::{values['docname']}"
        return f"{name}::the whole site"

    def key(self, unit: str) -> str:
        """The hash of all that the unit's result depends on."""
        if unit not in self._keys:
            self._keys[unit] = self._key(*unit.partition("::")[::2])
        return self._keys[unit]

    def _key(self, file: str, page: str) -> str:
        if file.endswith(".ipynb"):
            return sha256((notebook_key(self.root, file) + self.inputs.tools).encode())
        if not page:
            reads_site = self.inputs.reads_the_book(file)
            return self.inputs.key(file, *([self.site.key] if reads_site else []))
        if page == "the whole site":
            return self.inputs.key(file, self.site.key)
        return self.inputs.key_for_a_page(file, self.site.page_key(page))

    def unknown(self, file: str, opened: set[str]) -> set[str]:
        """Those of the opened files that belong to the checkout and not to the file's hash."""
        found = set()
        for name in opened:
            path = Path(name)
            if not path.is_relative_to(self.root):
                continue
            if path.parent.name == "__pycache__":  # a module: its source is what counts
                path = path.parents[1] / f"{path.name.partition('.')[0]}.py"
            relative = path.relative_to(self.root)
            built = relative.is_relative_to(HTML)
            if built and not self.inputs.reads_the_book(file):
                found.add(str(relative))
            elif relative.as_posix() in self.inputs.files and not built:
                found.add(relative.as_posix())
        return found - self.inputs.reads(file) if found else found


class Selection:
    """The hooks of one process: the one that collects and runs, the one that notes, or both."""

    def __init__(self, config: pytest.Config, everything: bool) -> None:
        self.config = config
        self.units = Units(config.rootpath)
        told = getattr(config, "workerinput", None)
        #: The units to leave out, with how many tests they have.
        self.left_out: dict[str, int] = told["left_out"] if told else {}
        self.notes = told is None
        if self.notes:
            self.units.look_at_all_files()
            if not everything:
                record = _read(config.rootpath / RECORD)
                self.left_out = {
                    unit: known["tests"]
                    for unit, known in record.items()
                    if self.units.is_there(unit) and known["key"] == self.units.key(unit)
                }
        self.runs = bool(told) or config.getoption("dist", "no") == "no"
        self.watch = Watch(self.units) if self.runs else None
        self.unchanged = 0
        self.unknown: dict[str, list[str]] = {}
        self.results: dict[tuple[str, int], dict[str, bool]] = defaultdict(dict)

    # Where tests are collected and run.

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["left_out"] = self.left_out

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        if not self.runs or collection_path.suffix not in (".py", ".ipynb"):
            return None
        unit = self.units.of_file(collection_path)
        if unit not in self.left_out:
            return None
        self.unchanged += self.left_out[unit]
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector):
        with self.watch.while_at(collector.path):
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        units = defaultdict(list)
        for item in items:
            units[self.units.of_item(item)].append(item)
        self.unchanged += sum(len(units[unit]) for unit in units.keys() & self.left_out.keys())
        for unit in units.keys() - self.left_out.keys():
            mark = json.dumps([unit, len(units[unit])])
            for item in units[unit]:
                item.user_properties.append((_PROPERTY, mark))
        items[:] = [item for item in items if self.units.of_item(item) not in self.left_out]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        with self.watch.while_at(item.path):
            return (yield)

    # Where results come together.

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        marks = [value for name, value in report.user_properties if name == _PROPERTY]
        if self.notes and marks and not any("::" in name for name in self.config.args):
            results = self.results[tuple(json.loads(marks[0]))]
            results[report.nodeid] = results.get(report.nodeid, True) and report.passed

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {})
        self.unchanged = max(self.unchanged, told.get("unchanged", 0))
        for file, names in told.get("unknown", {}).items():
            self.unknown[file] = sorted({*self.unknown.get(file, []), *names})

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.watch:
            self.unknown |= {file: sorted(names) for file, names in self.watch.unknown.items()}
        if not self.notes:
            self.config.workeroutput |= {"unchanged": self.unchanged, "unknown": self.unknown}
            return
        path = self.config.rootpath / RECORD
        record = _read(path)
        for (unit, tests), results in self.results.items():
            done = len(results) == tests and all(results.values())
            if done and unit.partition("::")[0] not in self.unknown:
                record[unit] = {"key": self.units.key(unit), "tests": tests}
            else:
                record.pop(unit, None)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(record, indent=0))
        draft.replace(path)
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.unchanged:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.unchanged:
            terminalreporter.write_line(f"{self.unchanged} unchanged since they passed, not run")
        for file, names in self.unknown.items():
            terminalreporter.write_line(
                f"{file} opens {', '.join(names[:5])}, which its hash does not hold, so it is "
                "run each time; to have it left out when unchanged, name these in "
                "tests/selection/inputs_of_tests.py",
                yellow=True,
            )


class Watch:
    """Which files of the checkout this process opens while it is at a test file.

    What other processes open it does not see: for those the rules of `inputs_of_tests` must do.
    """

    def __init__(self, units: Units) -> None:
        self._units = units
        self._opened: set[str] | None = None
        self.unknown: dict[str, set[str]] = defaultdict(set)
        sys.addaudithook(self._hear)

    @contextlib.contextmanager
    def while_at(self, path: Path) -> Iterator[None]:
        """Note what is opened meanwhile that the hash of the test file does not hold."""
        before, self._opened = self._opened, set()
        try:
            yield
        finally:
            opened, self._opened = self._opened, before
            if path.suffix == ".py" and opened:
                file = path.relative_to(self._units.root).as_posix()
                if names := self._units.unknown(file, opened):
                    self.unknown[file] |= names

    def _hear(self, event: str, arguments: tuple) -> None:
        if event == "open" and self._opened is not None:
            name, _, flags = arguments
            if not isinstance(name, str) or (flags or 0) & (os.O_WRONLY | os.O_CREAT):
                return
            if not (name.endswith(".py") and _hypothesis_collects_constants()):
                self._opened.add(os.path.abspath(name))


def _hypothesis_collects_constants() -> bool:
    """Whether Hypothesis is reading loaded modules, whichever they are, for numbers to try."""
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") != "hypothesis.internal.constants_ast":
        frame = frame.f_back
    return frame is not None


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
