"""A cell that stopped, in plain words: where, at what, what it means, and what to do.

The words are made here, from the student's own source, and from an error's type, message and line
as their process told them while nothing secret was there yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from introml.grader.lab import parse
from introml.grader.notebook import without_magics
from introml.grader.results import CellError
from introml.grader.text import cell_label, one_line
from introml.grader.wire import names_bound

#: What is said of a cell, after its name, that took the whole process with it.
LEFT_PYTHON = (
    "ended the process that ran your notebook. Look for code that leaves Python (exit, a signal, a "
    "crash in a library)."
)
_LONGEST_LINE = 120
_MOST_NOTES = 20
_MOST_NAMES = 4
_QUOTES = "“”„‟‘’‚‛«»"
_CONFLICT = re.compile(r"(<<<<<<<|=======|>>>>>>>)(\s|$)")
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")
_DEFINED = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)|^(\w+)\s*=[^=]", re.MULTILINE)

#: What to do, by an error's type; `{name}` is the name that was not defined.
_ADVICE = {
    "TabError": "The indentation mixes tabs and blanks. Indent every line of the cell by blanks.",
    "IndentationError": "Lines that belong together begin in the same column: look at the blanks "
    "before this line and the one above.",
    "SyntaxError": "Python cannot read this line. Look for a bracket, quote or colon that is "
    "missing here or in the line above.",
    "NameError": "Nothing above this line defines {name}. Define it there, correct its spelling, "
    "or delete the line.",
    "NotImplementedError": "Write your answer in the place of raise NotImplementedError.",
    "SystemExit": "exit() ends the cell here. Delete it.",
    "AssertionError": "This test of your own fails. Correct what it tests, or delete the test.",
    "FileNotFoundError": "Only the notebook is there when a lab is graded, no other file. Compute "
    "the data in the notebook, or delete the line.",
    "MemoryError": "It needs more memory than there is. Use smaller arrays.",
}
_NO_NETWORK = ("URLError", "gaierror", "ConnectionError", "ConnectTimeout", "HTTPError")
_ADVICE |= dict.fromkeys(_NO_NETWORK, "There is no network when a lab is graded. Delete the line.")
_ELSE = "Correct this line, or delete it if your answer does not need it."

#: Why a statement was left out (see `cell_runner.Skipped`).
_LEFT_OUT = {
    "withheld": "calls what this lab asks you to write yourself",
    "input": "waits for somebody to type, which nobody does when a lab is graded",
    "module": "imports a package that is not there when labs are graded",
    "notebook": "asks for a part of Jupyter that is not there when labs are graded",
    "lost": "needs a name that a line left out before it would have set",
}


def explained(cell: str, source: str, error: Mapping[str, Any]) -> CellError:
    """What a student reads of a cell that ended with an error.

    `error` is as the student's process tells it: "type", "message", "line" and "cell" of the
    innermost line in a cell, and "at", the line of the statement that ended the cell.
    """
    kind = str(error["type"])
    line, inner = _number(error.get("at")), _number(error.get("line"))
    elsewhere = error.get("cell") not in (None, cell)
    if not elsewhere:
        line = inner or line
    code = _line(source, line)
    message = re.sub(r" \(<cell .*>, line \d+\)$", "", str(error["message"]))
    if elsewhere and inner:
        message = f"{message} (line {inner} of {cell_label(str(error['cell']))})".strip()
    if kind == "NotImplementedError" and not error["message"]:
        said = f"not done yet {message}".strip()
    else:
        said = one_line(f"{kind}: {message}" if message else kind, 500)
    advice = _advice(kind, message, code)
    if kind in _SYNTAX:
        advice += " Nothing in this cell was run."
    elif names := _some(names_after(source, line)):
        advice += f" What comes after it in this cell was not run: {names}."
    return CellError(cell_label(cell), said, line, code, advice)


def _advice(kind: str, message: str, code: str) -> str:
    if kind == "SyntaxError" and any(quote in message for quote in _QUOTES):
        return "These quotes are a word processor's. Type straight ones in their place: \" or '."
    if kind in _SYNTAX and (mark := _CONFLICT.match(code.strip())):
        return (
            f"This line ({mark[1]}) is git's mark of a conflict between two versions. Keep one of "
            "the two, and delete the lines that begin with <<<<<<<, ======= and >>>>>>>."
        )
    name = re.search(r"name '(\w+)' is not defined", message)
    if kind == "NameError" and name is None:
        return _ELSE
    return _ADVICE.get(kind, _ELSE).format(name=name[1] if name else "")


def names_after(source: str, line: int | None) -> list[str]:
    """The names that a cell would have bound from a line on, and not before; all without a line."""
    tree = parse(without_magics(source)[0])
    if tree is None:
        return list(dict.fromkeys(a or b for a, b in _DEFINED.findall(source)))
    before: set[str] = set()
    after: dict[str, None] = {}
    for node in tree.body:
        here = line is None or (node.end_lineno or node.lineno) >= line
        for name in sorted(names_bound(node)):
            if here:
                after[name] = None
            else:
                before.add(name)
    return [name for name in after if name not in before and not name.startswith("_")]


def why_missing(cells: Sequence[tuple[str, str]], errors: Sequence[CellError]) -> dict[str, str]:
    """Of each name that a stopped cell would have bound: the sentence that says so."""
    stopped = {one.cell: one for one in errors}
    reasons: dict[str, str] = {}
    for cell, source in cells:
        error = stopped.get(cell_label(cell))
        if error is None:
            continue
        unread = error.message.startswith(_SYNTAX)
        at = f" at line {error.line}" if error.line else ""
        for name in names_after(source, None if unread else error.line):
            reasons[name] = f"{error.cell} stopped{at}, before it had defined {name}."
    return reasons


def notes_on_left_out(cell: str, source: str, left_out: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each statement that was left out, and for what it cost."""
    notes = []
    for one in left_out:
        line, why = _number(one["line"]), _LEFT_OUT.get(str(one["kind"]))
        if line is None or why is None:
            continue
        code = _line(source, line)
        notes.append(
            f"{cell_label(cell)}, line {line} {why}. That statement was left out, and the cell "
            f"went on: {code}"
        )
    return notes[:_MOST_NOTES]


def _number(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 10**6 else None


def _line(source: str, line: int | None) -> str:
    lines = re.split(r"\r\n|\r|\n", source)
    if line is None or line > len(lines):
        return ""
    return one_line(lines[line - 1], _LONGEST_LINE)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {more} more names" if more > 0 else shown
