"""What went wrong on a page, as an author wants to read it: where, what, and one traceback."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
#: Frames of the machinery that runs a cell, which say nothing about the cell.
_MACHINERY = re.compile(r"File [^\n]*/(IPython|ipykernel|ipykernel_launcher)[/.]")
_IN_CRASH = re.compile(
    r"/(IPython|ipykernel|tornado|asyncio|traitlets)/|<frozen|^Extension modules"
)
_RULE = re.compile(r"-{10,}")


class CellFailed(Exception):
    """A cell that did not run to its end; `number` counts code cells from 1, `None` is before any.

    `error` is one line, `frames` are the parts of IPython's traceback, and `count` is the number in
    it, `In[count]`, which skipped cells do not add to.
    """

    def __init__(
        self, number: int | None, error: str, frames: Sequence[str] = (), count: int | None = None
    ) -> None:
        super().__init__(error)
        self.number, self.error, self.frames, self.count = number, error, tuple(frames), count

    @property
    def line(self) -> int | None:
        """The line of the cell in which the error arose, or called what raised it, if known."""
        frame = re.compile(rf"Cell In\[{self.count}\], line (\d+)")
        lines = [line for part in self.frames for line in frame.findall(without_colors(part))]
        return int(lines[-1]) if lines else None


@dataclass(frozen=True)
class Failure:
    """A page's failure. `line` is one of the page's file, `cell` counts code cells, both from 1."""

    docname: str
    line: int
    error: str
    cell: int | None = None
    cell_line: int | None = None
    traceback: str = ""

    @property
    def headline(self) -> str:
        """The failure in one line, which editors and terminals turn into a link to its place."""
        place = [] if self.cell is None else [f"cell {self.cell}"]
        if self.cell_line is not None:
            place.append(f"line {self.cell_line} of it")
        where = f"{', '.join(place)}: " if place else ""
        return f"{self.docname}.md:{self.line}: {where}{self.error}"

    def report(self, *, color: bool = False) -> str:
        """The headline, and the traceback if there is one, with its colours or without."""
        traceback = self.traceback if color else without_colors(self.traceback)
        return f"{self.headline}\n\n{traceback}\n" if traceback else self.headline


def failure_on(docname: str, failed: CellFailed, code_lines: Sequence[int]) -> Failure:
    """The failure on a page whose code cells' code begins in these lines of its file."""
    traceback = traceback_text(failed.frames)
    if failed.number is None:
        return Failure(docname, 1, failed.error, traceback=traceback)
    line = code_lines[failed.number - 1] + (failed.line or 1) - 1
    return Failure(docname, line, failed.error, failed.number, failed.line, traceback)


def traceback_text(frames: Sequence[str]) -> str:
    """IPython's traceback without its rule and without the frames of the machinery."""
    kept = []
    for frame in frames:
        plain = without_colors(frame).strip()
        if not _RULE.fullmatch(plain) and not _MACHINERY.match(plain):
            kept.append(frame.rstrip())
    return "\n".join(kept).strip("\n")


def crash_frames(dump: str, count: int) -> list[str]:
    """Python's dump of a crash (see `faulthandler`) without machinery, the cell as `In[count]`."""
    frames = [line for line in dump.splitlines() if not _IN_CRASH.search(line)]
    # Only what a cell runs at its top level is sure to be the running cell's.
    cell = re.compile(r'File "[^"]*/ipykernel_\d+/\d+\.py", line (\d+) in <module>')
    return [cell.sub(rf"Cell In[{count}], line \1", frame) for frame in frames]


def without_colors(text: str) -> str:
    """The text without the escape sequences of terminal colours."""
    return _ANSI.sub("", text)


def error_line(name: str, message: str) -> str:
    """`ValueError: message`, in one line, without the file name that IPython gives to a cell."""
    first = message.strip().split("\n")[0]
    first = re.sub(r" \(\d+\.py, line \d+\)$", "", without_colors(first))
    return f"{name}: {first}" if first else name
