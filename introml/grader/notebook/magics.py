"""IPython's magics and shell lines in a cell: what of it is Python, and what does nothing.

This is for those who read a cell: the search for library answers, and the remarks. What runs is
the cell as it was written, by IPython's own rules (see `wire.cell_runner`).
"""

from __future__ import annotations

import re

from introml.grader.lab import syntax_error

#: Cell magics whose body is Python that the notebook needs.
_AROUND_PYTHON = {"%%time", "%%timeit", "%%capture", "%%prun", "%%memit"}
#: Possessive (`*+`): a line of a hundred thousand blanks is looked through once, not once for each.
_MAGIC = re.compile(r"\s*+(?:[\w,.\[\]][\w, .\[\]]*+=\s*+)?[%!]|\s*+\?|\s*+\S.*\?\s*$")
_AT_START = re.compile(r"\s*+[%!]")
_TIMED = re.compile(
    r"(\s*+(?:[\w,.\[\]][\w, .\[\]]*+=\s*+)?)%(?:time|timeit|prun|memit)\s+"
    r"(?:-[nrp]\s*\d+\s+|-[oqc]\s+)*+(.*\S)"
)
#: Characters that may be parsed again in all, line by line, before all lines are tried at once.
_PATIENCE = 500_000


def without_magics(source: str) -> tuple[str, list[tuple[int, str]]]:
    """The cell as Python, and (line, text) of what does nothing when graded.

    Python that runs under `%%time` or `%time` stays. A cell of another language is left out whole.
    A cell that is not Python for other reasons comes back as it was.
    """
    lines = source.split("\n")
    skipped: list[tuple[int, str]] = []
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is not None and lines[first].startswith("%%"):
        if lines[first].split()[0] not in _AROUND_PYTHON:
            return "", [(first + 1, lines[first])]
        lines[first] = ""
    kept = list(lines)
    for _ in range(max(1, min(50, _PATIENCE // (len(source) + 1)))):
        error = syntax_error("\n".join(lines))
        if error is None:
            return "\n".join(lines), sorted(skipped)
        if not 0 < error <= len(lines) or not _MAGIC.match(lines[error - 1]):
            break
        lines[error - 1] = _replacement(error, lines[error - 1], skipped)
    # Python's word on where it failed is not always the magic's line: try all that look like one.
    for number, line in enumerate(lines, start=1):
        if _AT_START.match(line):
            lines[number - 1] = _replacement(number, line, skipped)
    if syntax_error("\n".join(lines)) is None:
        return "\n".join(lines), sorted(skipped)
    return "\n".join(kept), []


def _replacement(number: int, line: str, skipped: list[tuple[int, str]]) -> str:
    if timed := _TIMED.match(line):
        return f"{timed[1]}{timed[2]}"
    skipped.append((number, line))
    return f"{line[: len(line) - len(line.lstrip())]}pass"
