"""What earlier builds know of the book: executed pages, and the keys that say if they still hold.

`_build/cache` is a jupyter-cache, which is where myst-nb looks for a page's outputs, with one file
more: `pages.json`. jupyter-cache names a page by its cells, tags included; `pages.json` adds what
else its outputs depend on (the page's key), how long it took, and what was read from files that
have not changed since.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from introml.book.dependencies import (
    Modules,
    Scan,
    assets_matching,
    scan_cells,
    scan_module,
)
from introml.book.paths import PACKAGE
from introml.site.beside import files_beside, mentions
from introml.site.pages import Page, UnreadablePage, book_pages, read_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Raised when pages are executed or keys computed in another way, to make all pages stale.
FORMAT = 1
#: Cell tags that change what is executed; the others only change how it is shown.
EXECUTION_TAGS = ("raises-exception", "skip-execution")
KERNEL = "python3"
#: Packages whose installed version, whatever requirements.txt says, decides what pages compute.
_COMPUTING = ("torch", "numpy", "plotly", "matplotlib", "scikit-learn")
#: Modules that decide what is read from a file.
_READERS = ("site/pages.py", "site/beside.py", "book/dependencies.py")
#: Packages that decide what is a cell of a page.
_READING = ("myst-nb", "myst-parser", "jupyter-book", "jupyter-cache")


@dataclass(frozen=True)
class PageCode:
    """A page's code: a digest of what is executed, jupyter-cache's name for it, its references.

    `mentions` is all in it that may name a file beside the page; `folder` is the page's.
    """

    digest: str
    notebook: str
    cells: int
    scan: Scan
    folder: str
    mentions: tuple[str, ...]


@dataclass(frozen=True)
class Execution:
    """One execution of a page, its times in seconds, for the page and for each code cell.

    `notebook` is jupyter-cache's name for what was executed, `key` the page's key at that time.
    """

    notebook: str
    key: str
    seconds: float
    cell_seconds: tuple[float, ...]


class _File(NamedTuple):
    """What a key takes from a file: its name and hash, and for a module what it refers to."""

    signature: tuple[str, str]
    scan: Scan


class BookCache:
    """The cache of the book at `root`, as it was when this was made; `save` writes it back."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()
        self.folder = self.root / "_build" / "cache"
        self._known = self._load()
        self._modules = Modules(self.root, lambda path: self._file(path).scan)
        self._checked: dict[Path, _File] = {}

    @cached_property
    def _jupyter_cache(self) -> Any:
        from jupyter_cache import get_cache

        return get_cache(str(self.folder))

    def notebooks(self) -> list[Page]:
        """The book's pages that have a kernel, in reading order."""
        return [page for page in book_pages(self.root, self._known["contents"]) if page.is_notebook]

    def read(self, page: Page) -> tuple["NotebookNode", list[str], PageCode]:
        """The page's notebook, the lines of its file, and its code. Raises `UnreadablePage`."""
        stat = _stat(page.path)
        notebook, lines = read_notebook(self.root, page)
        kernel = notebook.metadata.get("kernelspec", {}).get("name", KERNEL)
        if kernel != KERNEL:
            raise UnreadablePage(
                page, 1, f"its kernel is {kernel!r}; pages run in {KERNEL!r}, the book's own Python"
            )
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        executed = [
            [cell.source, [tag for tag in EXECUTION_TAGS if tag in cell.metadata.get("tags", [])]]
            for cell in cells
        ]
        _, name = self._jupyter_cache.create_hashed_notebook(notebook)
        scan = scan_cells(cell.source for cell in cells)
        folder = page.path.parent.relative_to(self.root).as_posix()
        named = mentions(cell.source for cell in cells)
        code = PageCode(_digest(executed), name, len(cells), scan, folder, named)
        if not any("load" in cell.metadata for cell in cells):  # else code comes from other files
            self._known["code"][page.docname] = {"stat": stat, **asdict(code)}
        return notebook, lines, code

    def code(self, page: Page) -> PageCode:
        """The page's code, from memory if its file has not changed. Raises `UnreadablePage`."""
        known = self._known["code"].get(page.docname)
        if known is None or known["stat"] != _stat(page.path):
            return self.read(page)[2]
        rest = {name: known[name] for name in ("digest", "notebook", "cells", "folder")}
        return PageCode(**rest, scan=_scan(known["scan"]), mentions=tuple(known["mentions"]))

    def key(self, code: PageCode) -> str:
        """sha256 of all that the outputs of the code depend on; prose is not among it."""
        modules = self._modules.closure(code.scan)
        scans = [code.scan, *(self._file(path).scan for path in modules)]
        data = assets_matching(self._data_files, scans)
        files = self._modules.with_data(modules)
        files |= {self.root / "assets" / name for name in data}
        files |= files_beside(self.root, code.folder, code.mentions)
        return _digest(
            {
                "format": FORMAT,
                "cells": code.digest,
                "files": dict(self._file(path).signature for path in files),
                "versions": self._installed,
            }
        )

    def execution(self, code: PageCode, key: str) -> Execution | None:
        """An execution that holds for the code under its key; `None` if it has to be executed.

        It may be one of the same cells with other tags, of those that do not matter to execution.
        """
        for name in (code.notebook, *self._known["executed"]):
            known = self._known["executed"].get(name)
            if known and known["key"] == key and self._there(name):
                return Execution(**known | {"cell_seconds": tuple(known["cell_seconds"])})
        return None

    def last_seconds(self, page: Page) -> float | None:
        """How long the page took when it was last executed, in whatever state it was."""
        return self._known["pages"].get(page.docname, {}).get("seconds")

    def store(self, page: Page, notebook: "NotebookNode", done: Execution) -> None:
        """Put an executed notebook where myst-nb finds it, and remember its key and times."""
        from jupyter_cache.base import CacheBundleIn

        bundle = CacheBundleIn(
            notebook, str(page.path), data={"execution_seconds": round(done.seconds, 3)}
        )
        # Skipped cells have no count, which the validity check would take for a failure.
        self._jupyter_cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        self._known["executed"][done.notebook] = asdict(done)

    def assign(self, page: Page, code: PageCode, done: Execution) -> None:
        """Make the outputs of this execution the page's, under the tags that it has today."""
        if done.notebook != code.notebook:
            import nbformat

            executed = nbformat.read(self._notebook_file(done.notebook), as_version=4)
            notebook, _, _ = self.read(page)
            cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
            for cell, was in zip(cells, executed.cells, strict=True):
                cell.outputs, cell.execution_count = was.outputs, was.execution_count
            for name in {"language_info", "widgets"} & executed.metadata.keys():
                notebook.metadata[name] = executed.metadata[name]
            done = replace(done, notebook=code.notebook)
            self.store(page, notebook, done)
        self._known["pages"][page.docname] = asdict(done)

    def unassign(self, page: Page) -> None:
        """Note that the page has no outputs; how long it once took is kept, to plan by."""
        seconds = self.last_seconds(page)
        self._known["pages"][page.docname] = {} if seconds is None else {"seconds": seconds}

    def drop(self, code: PageCode, key: str) -> None:
        """Take out outputs that the cache has for code or key: no page can show them."""
        from jupyter_cache.cache.db import NbCacheRecord

        executed = self._known["executed"]
        for name in {code.notebook, *(n for n, known in executed.items() if known["key"] == key)}:
            executed.pop(name, None)
            self.save()  # before the outputs change: what is on disk never belongs to another key
            database = self._jupyter_cache.db
            with contextlib.suppress(KeyError):
                record = NbCacheRecord.record_from_hashkey(name, database)
                NbCacheRecord.remove_records([record.pk], database)
            shutil.rmtree(self._notebook_file(name).parent, ignore_errors=True)

    def save(self) -> None:
        """Write `pages.json` in one step: whoever reads it sees all of it, or the one before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"pages.json.{os.getpid()}"
        draft.write_text(json.dumps(self._known, separators=(",", ":")), encoding="utf-8")
        draft.replace(self.folder / "pages.json")

    def _load(self) -> dict[str, Any]:
        """What `pages.json` holds: nothing if it was written in another format.

        What was read from files is forgotten when it would be read in another way today.
        """
        reader = {
            "config": _sha256(self.root / "_config.yml"),
            **{name: _sha256(PACKAGE / name) for name in _READERS},
            **{name: _version(name) for name in _READING},
        }
        read = {"reader": reader, "contents": {}, "code": {}, "files": {}}
        empty = {"format": FORMAT, **read, "pages": {}, "executed": {}}
        try:
            known = json.loads((self.folder / "pages.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return empty
        if not isinstance(known, dict) or known.keys() != empty.keys() or known["format"] != FORMAT:
            return empty
        return known if known["reader"] == reader else known | read

    def _file(self, path: Path) -> "_File":
        """A file's hash, and a module's scan; read only if its time or size has changed."""
        if path not in self._checked:
            name, stat = path.relative_to(self.root).as_posix(), _stat(path)
            known = self._known["files"].get(name)
            if known is None or known["stat"] != stat:
                content = path.read_bytes()
                known = {"stat": stat, "sha256": hashlib.sha256(content).hexdigest(), "scan": {}}
                if path.suffix in (".py", ".pyi"):
                    module = ".".join(Path(name).with_suffix("").parts).removesuffix(".__init__")
                    text = content.decode("utf-8", errors="replace")
                    is_package = path.stem == "__init__"
                    known["scan"] = asdict(scan_module(text, module, is_package=is_package))
                self._known["files"][name] = known
            self._checked[path] = _File((name, known["sha256"]), _scan(known["scan"]))
        return self._checked[path]

    @cached_property
    def _data_files(self) -> list[str]:
        assets = self.root / "assets"
        files = (path for path in assets.rglob("*") if path.is_file())
        names = (path.relative_to(assets).as_posix() for path in files)
        return sorted(name for name in names if "/." not in f"/{name}")

    @cached_property
    def _installed(self) -> dict[str, Any]:
        return {
            "python": list(sys.version_info[:2]),
            "requirements.txt": _sha256(self.root / "requirements.txt"),
            **{name: _version(name) for name in _COMPUTING},
        }

    def _there(self, name: str) -> bool:
        """Whether myst-nb would find the outputs that jupyter-cache has under this name."""
        return self._notebook_file(name).is_file() and (self.folder / "global.db").is_file()

    def _notebook_file(self, name: str) -> Path:
        return self.folder / "executed" / name / "base.ipynb"


def _stat(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_mtime_ns, status.st_size]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _scan(saved: dict[str, Any]) -> Scan:
    tuples = {name: tuple(value) for name, value in saved.items() if isinstance(value, list)}
    return Scan(**saved | tuples)
