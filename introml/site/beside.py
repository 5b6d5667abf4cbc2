"""What lies beside a page: the folder in which it runs, and the files there that its code names.

A page runs in a copy of the book made of links, so that `data.csv` and `../data/table.csv` are
where its author sees them, and what it writes is gone afterwards.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

#: Longer strings are text, not the names of files.
LONGEST_NAME = 200
#: Of the book's own folder, what no page reads and what would shadow the installed package.
_NOT_LINKED = {"_build", "introml", "node_modules"}
#: What belongs to pages themselves, and not to the data that a folder holds.
_PAGES = {".md", ".ipynb"}
_WORD = re.compile(r"[\w./*?\[\]~-]+")


def mentions(sources: Iterable[str]) -> tuple[str, ...]:
    """All in the code that may name a file beside it: strings, imported modules, magics' words.

    Of a formatted string its first part counts, with a star for the rest.
    """
    found: set[str] = set()
    for source in sources:
        python = []
        for line in source.split("\n"):
            if re.match(r"\s*(?:[\w, ]+=\s*)?[%!]", line):
                found |= set(_WORD.findall(line))
                line = re.match(r"\s*", line)[0] + "pass"  # type: ignore[index]
            python.append(line)
        try:
            tree = ast.parse("\n".join(python))
        except (SyntaxError, ValueError):
            found |= set(_WORD.findall(source))
            continue
        found |= set(_named(tree))
    return tuple(sorted(name for name in found if 0 < len(name) <= LONGEST_NAME))


def _named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if "\n" not in node.value and "\0" not in node.value:
                yield node.value
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            yield f"{node.values[0].value!s}*"
        elif isinstance(node, ast.Import):
            yield from (f"{alias.name.split('.')[0]}.py" for alias in node.names)
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield f"{node.module.split('.')[0]}.py"
            yield node.module.split(".")[0]


def files_beside(root: Path, folder: str, names: Iterable[str]) -> set[Path]:
    """The book's files that code in this folder of it reaches by these names.

    A module of the author's own counts with what it names in turn. What lies outside the book is
    nobody's to watch.
    """
    found: set[Path] = set()
    waiting = {path for name in names for path in _matching(root, root / folder, name)}
    while waiting:
        path = waiting.pop()
        found.add(path)
        if path.suffix == ".py":
            text = path.read_text(encoding="utf-8", errors="replace")
            inner = {one for name in mentions([text]) for one in _matching(root, path.parent, name)}
            waiting |= inner - found
    return found


def _matching(root: Path, base: Path, name: str) -> Iterator[Path]:
    path = PurePosixPath(name)
    if path.is_absolute() or not set(path.parts) - {".", ".."}:
        return
    try:
        if re.search(r"[*?\[]", name):
            # A pattern may reach above its folder, which `glob` takes only from there.
            ups = [part for part in path.parts if part == ".."]
            rest = path.parts[len(ups) :]
            start = base.joinpath(*ups)
            reached = list(start.glob("/".join(rest))) if rest and set(rest) - {"*", "**"} else []
        else:
            reached = [base / name]
        for one in reached:
            inside = [one] if one.is_file() else one.rglob("*") if one.is_dir() else ()
            for file in inside:
                if _counts(root, file) and (file == one or file.suffix not in _PAGES):
                    yield file.resolve()
    except (OSError, ValueError, NotImplementedError):
        return


def _counts(root: Path, file: Path) -> bool:
    """Whether it is a file of the book: no link out of it, nothing hidden or built."""
    file = file.resolve()
    if not file.is_relative_to(root) or not file.is_file():
        return False
    parts = file.relative_to(root).parts
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
    return not hidden and parts[0] not in _NOT_LINKED


def lay_out(root: Path, folder: str, work: Path) -> Path:
    """Make `work` look like the book from the folder up, by links; returns the folder in it."""
    here, there = root, work
    there.mkdir(exist_ok=True)
    for part in (*PurePosixPath(folder).parts, None):
        for entry in here.iterdir() if here.is_dir() else ():
            kept = here == root and entry.name in _NOT_LINKED
            if entry.name != part and not entry.name.startswith(".") and not kept:
                (there / entry.name).symlink_to(entry)
        if part is not None:
            here, there = here / part, there / part
            there.mkdir()
    return there
