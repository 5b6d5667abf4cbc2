"""A lab in its folder: its cells, settings and checks, a hash of them, and answers to try."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from introml.book.paths import LABS
from introml.grader.lab.examples import (
    RightSolution,
    WrongSolution,
    right_solutions,
    wrong_solutions,
)
from introml.grader.lab.settings import LabSettings, read_settings
from introml.grader.lab.source import Cell, LabError, read_cells

#: The lab's page in the book, which a build of the site writes into the lab's folder.
PAGE = "handout.md"
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class CheckInfo:
    """What is known of a check without running its file."""

    name: str
    title: str
    points: float
    tier: str
    hidden: bool


@dataclass(frozen=True)
class Lab:
    """A lab that can be released and graded. `version` is a sha256 of all that decides a grade."""

    name: str
    folder: Path
    version: str
    settings: LabSettings
    cells: tuple[Cell, ...]
    public_checks: Path
    hidden_checks: Path | None

    @property
    def title(self) -> str:
        return self.settings.title

    @property
    def answers(self) -> dict[str, Cell]:
        """The cells with something to write, by grade_id."""
        return {cell.id: cell for cell in self.cells if cell.has_regions}

    @property
    def checks_file(self) -> str:
        """The name under which the public checks are released, beside the notebook."""
        return f"{self.name.replace('-', '_')}_checks.py"

    def check_list(self) -> list[CheckInfo]:
        """Names, titles and points of all checks, read without running them. Raises `LabError`."""
        found = _checks_in(self.public_checks, hidden=False)
        if self.hidden_checks is not None:
            found += _checks_in(self.hidden_checks, hidden=True)
        names = [one.name for one in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise LabError(self.folder, None, f"check {twice[0]!r} is there twice; rename one")
        return found

    def right_solutions(self) -> list[RightSolution]:
        """The solutions in `right/`, by name. Raises `LabError`."""
        return right_solutions(self.folder / "right", self.answers)

    def wrong_solutions(self) -> list[WrongSolution]:
        """The solutions in `wrong/`, by name. Raises `LabError`."""
        names = {one.name for one in self.check_list()}
        return wrong_solutions(self.folder / "wrong", self.answers, names)


def labs(folder: Path = LABS) -> list[str]:
    """The names of the labs, sorted."""
    return sorted(path.parent.name for path in folder.glob("*/lab.md"))


def load_lab(
    name_or_path: str | Path, hidden: Path | None = None, cells: tuple[Cell, ...] | None = None
) -> Lab:
    """The lab of that name under labs/, or in that folder.

    `hidden` is a folder of private hidden checks that take the place of the lab's own:
    `hidden_checks.py` in it, or in a folder of the lab's name in it. `cells` are those of lab.md
    where they are known: to read them takes jupytext, which is slow to import. Raises `LabError`.
    """
    folder = Path(name_or_path)
    if not (folder / "lab.md").is_file():
        if not isinstance(name_or_path, str) or not _NAME.fullmatch(name_or_path):
            raise LabError(name_or_path, None, "is no lab: there is no lab.md in it")
        folder = LABS / name_or_path
        if not (folder / "lab.md").is_file():
            known = ", ".join(labs()) or "none"
            raise LabError(name_or_path, None, f"is no lab; the labs are: {known}")
    folder = folder.resolve()
    if not _NAME.fullmatch(folder.name):
        raise LabError(folder, None, "a lab's name is lower-case letters, digits and hyphens")
    public = folder / "checks.py"
    if not public.is_file():
        raise LabError(public, None, "there is no such file; a lab has public checks")
    own = folder / "hidden_checks.py"
    hidden_checks = _laid_over(hidden, folder.name) if hidden else own if own.is_file() else None
    return Lab(
        name=folder.name,
        folder=folder,
        version=_version(folder, hidden_checks),
        settings=read_settings(folder / "lab.toml"),
        cells=read_cells(folder / "lab.md") if cells is None else cells,
        public_checks=public,
        hidden_checks=hidden_checks,
    )


def _laid_over(hidden: Path, name: str) -> Path:
    for path in (hidden / name / "hidden_checks.py", hidden / "hidden_checks.py"):
        if path.is_file():
            return path.resolve()
    raise LabError(
        hidden, None, f"holds neither {name}/hidden_checks.py nor hidden_checks.py; write one"
    )


def _version(folder: Path, hidden_checks: Path | None) -> str:
    """A hash of the names and bytes of the files that decide a grade."""
    files = [(name, folder / name) for name in ("lab.md", "lab.toml", "checks.py")]
    if hidden_checks is not None:
        beside = [hidden_checks]
        if hidden_checks.parent != folder:  # a private folder: what lies beside may be imported
            beside = sorted(x for x in hidden_checks.parent.rglob("*") if x.is_file())
            beside = [x for x in beside if "__pycache__" not in x.parts]
        files += [(f"hidden/{x.relative_to(hidden_checks.parent).as_posix()}", x) for x in beside]
    # What lies beside the checks may be imported by them.
    rest = {*folder.iterdir()} - {path for _, path in files}
    rest -= {folder / name for name in ("hidden_checks.py", "lab_test.toml", PAGE)}
    files += [(x.name, x) for x in sorted(rest) if x.is_file() and x.name[0] != "."]
    digest = hashlib.sha256()
    for name, path in files:
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _checks_in(path: Path, *, hidden: bool) -> list[CheckInfo]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as problem:
        raise LabError(path, problem.lineno, f"is not Python: {problem.msg}") from None
    except ValueError as problem:
        raise LabError(path, None, f"is not Python: {problem}") from None
    found = []
    for node in (one for one in tree.body if isinstance(one, ast.FunctionDef)):
        for one in node.decorator_list:
            if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "check":
                found.append(_check_info(path, node.name, one, hidden))
    if not found:
        raise LabError(path, None, "has no checks; write at least one function under @check(…)")
    return found


def _check_info(path: Path, name: str, call: ast.Call, hidden: bool) -> CheckInfo:
    options = {}
    for keyword in call.keywords:
        try:
            options[keyword.arg] = ast.literal_eval(keyword.value)
        except ValueError:
            if keyword.arg in ("points", "title", "tier"):
                raise LabError(
                    path, call.lineno,
                    f"{keyword.arg} of check {name!r} is computed; write it as a constant",
                ) from None  # fmt: skip
    points, title = options.get("points"), options.get("title")
    if not isinstance(points, int | float) or not isinstance(title, str):
        raise LabError(path, call.lineno, f"check {name!r} needs points=<number> and title=<text>")
    return CheckInfo(name, title.strip(), float(points), options.get("tier", "cpu"), hidden)
