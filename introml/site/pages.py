"""The book's structure: its pages in the order of `_toc.yml`, each as the notebook myst-nb sees."""

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Front matter: from a first line `---` to the next one.
_FRONT_MATTER = re.compile(r"\A---[^\n]*\n.*?^(?:---|\.\.\.)[^\n]*$", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}|:{3,})")
_HEADING = re.compile(r"^ {0,3}#\s+(.+?)\s*#*\s*$")
#: The MyST settings that decide where a fence begins and ends, and so what is a cell.
_BLOCK_SETTINGS = ("commonmark_only", "gfm_only", "enable_extensions", "disable_syntax")


@dataclass(frozen=True)
class Page:
    """One page of the book: its name in the table of contents, its file, its heading, its kind."""

    docname: str
    path: Path
    title: str
    is_notebook: bool


class UnreadablePage(Exception):
    """A page whose cells cannot be parsed. `line` counts from 1 in the page's file."""

    def __init__(self, page: Page, line: int, reason: str) -> None:
        super().__init__(f"{page.docname}: line {line}: {reason}")
        self.page, self.line, self.reason = page, line, reason


def book_pages(root: Path, seen: MutableMapping[str, dict[str, Any]] | None = None) -> list[Page]:
    """All pages in reading order.

    `seen` is what earlier calls found, by docname: a file of the same time and size is not read
    again. Raises `FileNotFoundError` for a page that `_toc.yml` names and that is not there, and
    `ValueError` for a table of contents that names pages by a pattern.
    """
    from sphinx_external_toc.parsing import parse_toc_yaml

    root = Path(root).resolve()
    contents = parse_toc_yaml(root / "_toc.yml")
    if patterns := contents.globs():
        raise ValueError(
            f"_toc.yml names pages by the pattern {min(patterns)!r}; name each page by itself, "
            "since the order in _toc.yml is the order of the book"
        )
    seen = {} if seen is None else seen
    return [_page(root, name.removesuffix(".md"), seen) for name in contents]


def book_config(root: Path) -> dict[str, Any]:
    """`_config.yml` as a dictionary; empty where the book has none."""
    import yaml

    return yaml.safe_load(_config_text(root)) or {}


def front_matter(text: str) -> dict[str, Any]:
    """The settings between the first lines `---` of a page; empty where there are none."""
    import yaml

    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}
    lines = found.group(0).split("\n")
    try:
        matter = yaml.safe_load("\n".join(lines[1:-1]))
    except yaml.YAMLError:  # MyST says what is wrong, and where
        return {}
    return matter if isinstance(matter, dict) else {}


def read_notebook(root: Path, page: Page) -> tuple["NotebookNode", list[str]]:
    """The page as the notebook that myst-nb makes of it, and the lines of its file.

    `metadata.source_map` holds each cell's first line, from 0. Raises `UnreadablePage`.
    """
    from myst_nb.core.read import read_myst_markdown_notebook
    from myst_parser.config.main import MdParserConfig

    text = page.path.read_text(encoding="utf-8-sig")
    settings = MdParserConfig(**_block_settings(_config_text(root)))
    try:
        notebook = read_myst_markdown_notebook(
            text, config=settings, add_source_map=True, path=str(page.path)
        )
    # myst-nb raises a class of its own for each thing it cannot read, two of them private.
    except Exception as error:
        line = re.search(r"at line (\d+)", str(error))
        options = re.search(r"could not be read: ParseWarnings\(msg='(.*?)'", str(error))
        reason = f"the cell's options cannot be read: {options[1]}" if options else str(error)
        raise UnreadablePage(page, int(line[1]) if line else 1, reason) from error
    return notebook, text.splitlines()


def code_lines(notebook: "NotebookNode", lines: list[str]) -> list[int]:
    """Where the code of each code cell begins in the page, from 1: below its fence and options.

    Code taken from another file (`:load:`) has none in the page, and gets the line of its fence.
    """
    begins = zip(notebook.cells, notebook.metadata.source_map, strict=True)
    return [_first_line(cell, start, lines) for cell, start in begins if cell.cell_type == "code"]


def _first_line(cell: "NotebookNode", start: int, lines: list[str]) -> int:
    code = [line.strip() for line in cell.source.split("\n")]
    if "load" not in cell.metadata:
        for first in range(start, len(lines) - len(code) + 1):
            if [line.strip() for line in lines[first : first + len(code)]] == code:
                return first + 1
    return start


def _page(root: Path, docname: str, seen: MutableMapping[str, dict[str, Any]]) -> Page:
    path = root / f"{docname}.md"
    try:
        status = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"_toc.yml names {docname!r}, but there is no file {docname}.md; "
            "add the page or take the name out of _toc.yml"
        ) from None
    stat = [status.st_mtime_ns, status.st_size]
    entry = seen.get(docname)
    if entry is None or entry["stat"] != stat:
        text = path.read_text(encoding="utf-8-sig")
        entry = {"stat": stat, "title": _title(text) or docname, "notebook": _is_notebook(text)}
        seen[docname] = entry
    return Page(docname, path, entry["title"], entry["notebook"])


def _is_notebook(text: str) -> bool:
    if not text.startswith("---"):
        return False
    from myst_nb.core.read import is_myst_markdown_notebook

    return is_myst_markdown_notebook(text)


def _title(text: str) -> str | None:
    """The first heading of the first level, as plain text; those inside fences do not count."""
    fence = None
    for line in _FRONT_MATTER.sub("", text, count=1).splitlines():
        mark = _FENCE.match(line)
        if fence is None and mark:
            fence = mark[1]
        elif fence is not None:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
        elif heading := _HEADING.match(line):
            plain = re.sub(r"\{[\w:.-]+\}(?=`)", "", heading[1])  # the name of a role
            return re.sub(r"[`*]", "", plain)
    return None


def _config_text(root: Path) -> str:
    path = Path(root) / "_config.yml"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@lru_cache
def _block_settings(config_text: str) -> dict[str, Any]:
    """The settings that Jupyter Book hands to myst-parser, defaults included."""
    import yaml
    from jupyter_book.config import get_final_config

    config, _ = get_final_config(
        user_yaml=yaml.safe_load(config_text) or {},
        cli_config={"latex_individualpages": False},
        validate=False,
    )
    given = {name: config.get(f"myst_{name}") for name in _BLOCK_SETTINGS}
    # Sphinx takes lists, myst-parser wants the extensions as a set.
    if given["enable_extensions"] is not None:
        given["enable_extensions"] = set(given["enable_extensions"])
    return {name: value for name, value in given.items() if value is not None}
