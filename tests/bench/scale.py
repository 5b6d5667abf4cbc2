"""Measures a book of seventy lessons, made of copies of today's, against the bars of the real one.

The book is a checkout of its own in _build/large. `scale` measures its site, `scale-tests` its
tests, which takes an hour and more.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from copied_outputs import large_book

ROOT = Path(__file__).resolve().parents[2]
LARGE = ROOT / "_build" / "large"
LESSON = LARGE / "chapters" / "ml-basics" / "gradient-descent-c.md"
VIEW = LARGE / "introml" / "widgets" / "gradient_descent_c" / "view.js"
Row = tuple[str, str, str]


@contextmanager
def edits(path: Path, text: Callable[[int], str]) -> Iterator[Iterator[int]]:
    """Each step adds another text to the file's end; in the end all of it is taken back."""
    kept = path.read_text(encoding="utf-8")

    def steps() -> Iterator[int]:
        for count in range(3):
            path.write_text(kept + text(count), encoding="utf-8")
            yield count

    try:
        yield steps()
    finally:
        path.write_text(kept, encoding="utf-8")


def prose(count: int) -> str:
    return f"\nOne more sentence, number {count} at {time.time():.0f}.\n"


def code(count: int) -> str:
    return f"\n// One more remark, number {count} at {time.time():.0f}.\nvoid {count};\n"


def seconds(*command: str) -> tuple[float, int]:
    """How long the command takes in the large book, and its exit status."""
    began = time.monotonic()
    done = subprocess.run(command, cwd=LARGE, stdout=subprocess.DEVNULL)
    return time.monotonic() - began, done.returncode


def build() -> float:
    took, status = seconds("make", "site")
    assert status == 0, f"the large book does not build; run `make site` in {LARGE}"
    return took


def table_rows(path: Path) -> Iterator[Row]:
    """The rows of a bench's table."""
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1].startswith("≤ "):
            yield cells[0], cells[1].removeprefix("≤ "), cells[2]


def measure_scale() -> list[Row]:
    """How long the large book's builds take, and what its pages weigh."""
    large_book(ROOT, LARGE)
    build()
    nothing = statistics.median(build() for _ in range(3))
    with edits(LESSON, prose) as steps:
        changed = statistics.median([build() for _ in steps])
    build()
    subprocess.run(
        [LARGE / ".venv" / "bin" / "python", "tests/bench/bench.py", "weight"],
        cwd=LARGE, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    weight = table_rows(LARGE / "_build" / "bench.md")
    return [
        ("70 lessons: rebuild, nothing changed, s", "3", f"{nothing:.1f}"),
        ("70 lessons: rebuild, prose of one page changed, s", "6", f"{changed:.1f}"),
        *((f"70 lessons: {what}", bar, value) for what, bar, value in weight),
    ]


def test_minutes(*arguments: str) -> str:
    took, status = seconds("make", "test", *arguments)
    return f"{took / 60:.1f}" + (f" (exit status {status})" if status else "")


def measure_scale_tests() -> list[Row]:
    """How long the large book's tests take: all, and those that an edit asks for."""
    large_book(ROOT, LARGE)
    rows = [("70 lessons: make test ALL=1, min", "45", test_minutes("ALL=1"))]
    rows.append(("70 lessons: make test, nothing changed, min", "2", test_minutes()))
    for what, bar, path, text in (
        ("prose of one page changed", "3", LESSON, prose),
        ("one widget's view changed", "5", VIEW, code),
    ):
        with edits(path, text) as steps:
            next(steps)
            rows.append((f"70 lessons: make test, {what}, min", bar, test_minutes()))
    return rows
