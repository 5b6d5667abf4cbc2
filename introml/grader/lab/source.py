"""`lab.md`, the one source of a lab: read into cells, and each cell as starter, solution or source.

The file is a MyST notebook. A code cell says by its tags what it is: `locked`, `answer`,
`experiment`, `check`, or none of these. What a student is to write stands between
`### BEGIN SOLUTION hint: …` and `### END SOLUTION`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

#: How long a line of a page's code can be before it is cut.
_LINE = 72
_BEGIN = re.compile(r"^(\s*)### BEGIN SOLUTION(?:\s+hint:\s*(\S.*?))?\s*$")
_END = re.compile(r"^\s*### END SOLUTION\s*$")
_MARK = re.compile(r"(BEGIN|END) SOLUTION", re.IGNORECASE)
_GRADE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
#: Ids that release gives to cells without a grade_id, and nbgrader's test cells.
_OWN_IDS = ("text-", "code-", "test-", "cell-")
#: What the book can show and JupyterLab cannot.
_NOT_MARKDOWN = {
    "a role": re.compile(r"\{[\w:.-]+\}`"),
    "a directive": re.compile(r"^\s*(?:`{3,}|~{3,}|:{3,})\s*\{"),
    "a label": re.compile(r"^\([\w:.-]+\)=\s*$"),
    "an image": re.compile(r"!\[[^\]]*\]\("),
}
_CODE_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(?!\s*\{)")


class LabError(Exception):
    """A lab is not as it must be: says the file, the line, and what is allowed."""

    def __init__(self, place: Path | str, line: int | None, message: str) -> None:
        super().__init__(f"{place}:{line}: {message}" if line else f"{place}: {message}")
        self.place, self.line, self.message = place, line, message


class Kind(StrEnum):
    """What a cell of a lab is for."""

    TEXT = "text"
    SOLUTION_TEXT = "solution text"
    LOCKED = "locked"
    ANSWER = "answer"
    EXPERIMENT = "experiment"
    CHECK = "check"
    FREE = "free"


_KINDS = {
    frozenset(): Kind.FREE,
    frozenset({"locked"}): Kind.LOCKED,
    frozenset({"answer"}): Kind.ANSWER,
    frozenset({"experiment"}): Kind.EXPERIMENT,
    frozenset({"experiment", "answer"}): Kind.EXPERIMENT,
    frozenset({"check"}): Kind.CHECK,
}


@dataclass(frozen=True)
class Cell:
    """A cell of a lab. `line` is where its source begins in `lab.md`, from 1.

    `id` is the grade_id, or "text-3", "code-1" for a cell that has none.
    """

    kind: Kind
    id: str
    source: str
    line: int

    @property
    def is_code(self) -> bool:
        return self.kind not in (Kind.TEXT, Kind.SOLUTION_TEXT)

    @property
    def has_regions(self) -> bool:
        return self.is_code and any(_BEGIN.match(line) for line in self.source.split("\n"))

    @property
    def starter(self) -> str:
        """What the student gets: each region is its hint and `raise NotImplementedError`."""
        return "\n".join(line for line, _ in _starter(self))

    @property
    def solution(self) -> str:
        """The cell without the marks."""
        lines = self.source.split("\n")
        return "\n".join(x for x in lines if not (_BEGIN.match(x) or _END.match(x)))

    @property
    def solution_lines(self) -> set[int]:
        """The lines of `solution`, from 1, that stood between marks: what a student writes."""
        lines, inside, number = set(), False, 0
        for line in self.source.split("\n"):
            if _BEGIN.match(line) or _END.match(line):
                inside = not inside
                continue
            number += 1
            if inside:
                lines.add(number)
        return lines

    @property
    def nbgrader_source(self) -> str:
        """The cell with nbgrader's own marks; the hint stands before the region."""
        lines = []
        for line in self.source.split("\n"):
            begin = _BEGIN.match(line)
            lines += [*_hint(begin), f"{begin[1]}### BEGIN SOLUTION"] if begin else [line]
        return "\n".join(lines)


def _starter(cell: Cell) -> list[tuple[str, bool]]:
    """The starter's lines, and whether each is the `raise` that stands for a region."""
    lines, inside = [], False
    for line in cell.source.split("\n"):
        if begin := _BEGIN.match(line):
            inside = True
            lines += [(words, False) for words in _hint(begin)]
            lines += [(f"{begin[1]}raise NotImplementedError", True)]
        elif _END.match(line):
            inside = False
        elif not inside:
            lines.append((line, False))
    return lines


def _hint(begin: re.Match[str]) -> list[str]:
    """A region's hint as comment lines that fit a page of the book."""
    return textwrap.wrap(
        begin[2], _LINE, initial_indent=f"{begin[1]}# ", subsequent_indent=f"{begin[1]}# "
    )


def cells_to_json(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """The cells as JSON values, for another process; `cells_from_json` takes them back."""
    return [asdict(cell) for cell in cells]


def cells_from_json(nodes: list[dict[str, Any]]) -> tuple[Cell, ...]:
    return tuple(Cell(**node | {"kind": Kind(node["kind"])}) for node in nodes)


def read_cells(path: Path) -> tuple[Cell, ...]:
    """The cells of a `lab.md`, in order. Raises `LabError`."""
    from jupytext.myst import myst_to_notebook

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise LabError(path, None, "there is no such file; a lab is written in lab.md") from None
    except UnicodeDecodeError:
        raise LabError(path, None, "is not UTF-8 text") from None
    if not text.startswith("---"):
        raise LabError(path, 1, "must begin with the front matter of a MyST notebook (`---` …)")
    try:
        notebook = myst_to_notebook(text, add_source_map=True)
    # jupytext raises its own class, yaml's, or what its own reading of odd options happens to hit.
    except Exception as problem:
        found = re.search(r"at line (\d+)", str(problem))
        line = int(found[1]) if found else None
        raise LabError(path, line, f"cannot be read as a MyST notebook: {problem}") from problem
    lines = text.splitlines()
    cells: list[Cell] = []
    numbers = {"text": 0, "code": 0}
    for one, start in zip(notebook.cells, notebook.metadata["source_map"], strict=True):
        line = _first_line(one.source, start, lines)
        cells.append(_cell(path, one, line, numbers))
    _refuse_bad_order(path, cells)
    return tuple(cells)


def _first_line(source: str, start: int, lines: list[str]) -> int:
    """Where the source stands in the file, from 1; `start` is a line at or above it, from 0."""
    own = source.split("\n")
    for first in range(start, len(lines) - len(own) + 1):
        if [x.rstrip() for x in lines[first : first + len(own)]] == [x.rstrip() for x in own]:
            return first + 1
    return start + 1


def _cell(path: Path, cell: Any, line: int, numbers: dict[str, int]) -> Cell:
    tags = cell.metadata.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise LabError(path, line, f"tags are {tags!r}; write `:tags: [answer]`")
    odd = sorted(set(cell.metadata) - {"tags", "grade_id"})
    if odd:
        raise LabError(path, line, f"unknown cell option {odd[0]!r}; grade_id and tags are allowed")
    if cell.cell_type == "markdown":
        return _text_cell(path, cell, line, frozenset(tags), numbers)
    if cell.cell_type != "code":
        raise LabError(path, line, "a raw cell has no place in a lab; use text or code")
    kind = _KINDS.get(frozenset(tags))
    if kind is None:
        allowed = "locked, answer, experiment, experiment with answer, check, or no tag"
        raise LabError(path, line, f"tags are {sorted(tags)}; allowed are {allowed}")
    ident = cell.metadata.get("grade_id")
    if kind is Kind.FREE and ident is None:
        numbers["code"] += 1
        ident = f"code-{numbers['code']}"
    elif kind is Kind.FREE:
        raise LabError(path, line, f"cell {ident!r} has a grade_id but no tag; give it one")
    elif not isinstance(ident, str) or not _GRADE_ID.fullmatch(ident) or ident.startswith(_OWN_IDS):
        raise LabError(
            path, line,
            f"the {kind} cell's grade_id is {ident!r}; it must be 1 to 60 lower-case letters, "
            f"digits, - or _, and not begin with {', '.join(_OWN_IDS)}",
        )  # fmt: skip
    made = Cell(kind, ident, cell.source, line)
    _refuse_bad_code(path, made, "answer" in tags)
    return made


def _text_cell(
    path: Path, cell: Any, line: int, tags: frozenset[str], numbers: dict[str, int]
) -> Cell:
    if "grade_id" in cell.metadata or tags - {"solution"}:
        raise LabError(path, line, 'a text cell may only be tagged: +++ {"tags": ["solution"]}')
    fence = None
    for number, text in enumerate(cell.source.split("\n"), start=line):
        mark = _CODE_FENCE.match(text)
        if fence:
            fence = None if mark and mark[1].startswith(fence) else fence
            continue
        if mark:
            fence = mark[1]
            continue
        if _MARK.search(text):
            raise LabError(path, number, "solution marks stand in answer cells, not in text")
        for what, pattern in _NOT_MARKDOWN.items():
            if pattern.search(text):
                raise LabError(
                    path, number, f"{what} cannot be shown in JupyterLab; use ordinary Markdown"
                )
    numbers["text"] += 1
    kind = Kind.SOLUTION_TEXT if tags else Kind.TEXT
    return Cell(kind, f"text-{numbers['text']}", cell.source, line)


def _refuse_bad_code(path: Path, cell: Cell, is_answer: bool) -> None:
    _refuse_bad_marks(path, cell)
    if is_answer and not cell.has_regions:
        raise LabError(
            path, cell.line,
            f"answer cell {cell.id!r} has no `### BEGIN SOLUTION hint: …` … `### END SOLUTION`",
        )  # fmt: skip
    if cell.has_regions and not is_answer:
        raise LabError(path, cell.line, f"cell {cell.id!r} has a solution; tag it `answer`")
    try:
        ast.parse(cell.source)  # with its marks, which are comments, so that lines are the file's
    except SyntaxError as problem:
        line = cell.line + (problem.lineno or 1) - 1
        raise LabError(path, line, f"cell {cell.id!r} is not Python: {problem.msg}") from problem
    starter = _starter(cell)
    try:
        tree = ast.parse(cell.starter)
    except SyntaxError as problem:
        raise LabError(
            path, cell.line,
            f"without its solutions, cell {cell.id!r} is not Python (line {problem.lineno} of what "
            f"is released): {problem.msg}",
        ) from problem  # fmt: skip
    if cell.kind is Kind.EXPERIMENT:
        return
    bodies = [
        range(node.body[0].lineno, (node.end_lineno or 0) + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for number, (_, stands_for_region) in enumerate(starter, start=1):
        if stands_for_region and not any(number in body for body in bodies):
            raise LabError(
                path, cell.line,
                f"a solution in {cell.id!r} stands outside of a function; the starter would fail "
                "when it is defined. Put it into a function, or tag the cell experiment, answer",
            )  # fmt: skip


def _refuse_bad_marks(path: Path, cell: Cell) -> None:
    inside = False
    for number, line in enumerate(cell.source.split("\n"), start=cell.line):
        begin, end = _BEGIN.match(line), _END.match(line)
        if not _MARK.search(line):
            continue
        if begin and not begin[2]:
            raise LabError(
                path, number, "a solution needs a hint: `### BEGIN SOLUTION hint: one line`"
            )
        if not (begin or end):
            raise LabError(
                path, number,
                "solution marks are `### BEGIN SOLUTION hint: …` and `### END SOLUTION`, "
                "each alone on its line",
            )  # fmt: skip
        if bool(begin) == inside:
            raise LabError(path, number, "solution marks must alternate: BEGIN, END, BEGIN, END, …")
        inside = bool(begin)
    if inside:
        raise LabError(path, cell.line, f"a solution in {cell.id!r} has no `### END SOLUTION`")


def _refuse_bad_order(path: Path, cells: list[Cell]) -> None:
    if not cells or cells[0].kind is not Kind.TEXT or not cells[0].source.startswith("# "):
        raise LabError(path, None, "must begin with a text cell whose first line is `# Title`")
    seen: dict[str, Cell] = {}
    for cell in cells:
        if cell.id in seen:
            raise LabError(
                path, cell.line, f"grade_id {cell.id!r} is also that of line {seen[cell.id].line}"
            )
        seen[cell.id] = cell
    if not any(cell.has_regions for cell in cells):
        raise LabError(path, None, "has no answer cell, so there is nothing to grade")
