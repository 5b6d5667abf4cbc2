"""Three hand-written rules for a 7: a line at the top, a diagonal, and the place where they meet.

Rows are counted from the top and columns from the left, from 0. The box is the smallest rectangle
around the ink; every length is a fraction of its width, so the rules do not care where on the page
a digit stands, nor, the thickness of the pen aside, how large it is. The figure of
{ref}`sec-what-is-machine-learning` computes the same in JavaScript (`widgets/draw_digit/rules.js`),
and a test holds the two together.
"""

import math
from dataclasses import dataclass

from torch import Tensor

INK = 0.5
"""A pixel at least this dark is ink."""

THIN = 0.4
"""Ink that spans at most this share of the box in its row is thin: one stroke, not a loop."""


@dataclass(frozen=True)
class Limits:
    """How long, how slanted, how thin and how near is enough: chosen on the training digits."""

    bar: float = 0.5
    slope: float = 0.0
    thin: float = 0.9
    gap: float = 0.4


@dataclass(frozen=True)
class Evidence:
    """What was measured in one picture."""

    bar_row: int
    bar_start: int
    bar_end: int
    bar: float
    """Length of the longest unbroken run of ink in the top third, as a share of the width."""
    slope: float
    """Columns to the right, per row down, of the stroke below; NaN with fewer than two rows."""
    thin: float
    """The share of the rows below the top third in which the ink is thin."""
    reach: float
    """The column at which the line through that stroke arrives at the row of the bar."""
    gap: float
    """Distance from there to the right end of the bar, as a share of the width."""


def longest_run(row: list[bool]) -> tuple[int, int]:
    """(first, last) column of the longest run of ink, the leftmost of equals; (0, -1) if none."""
    best, start = (0, -1), 0
    for column, inked in enumerate([*row, False]):
        if not inked:
            if column - start > best[1] - best[0] + 1:
                best = (start, column - 1)
            start = column + 1
    return best


def fit_line(points: list[tuple[int, float]]) -> tuple[float, float, float]:
    """(slope, mean row, mean column) of the least-squares line through (row, column) points.

    The slope is NaN when the points share a row, or there are none.
    """
    n = len(points)
    rows, columns = sum(row for row, _ in points), sum(column for _, column in points)
    spread = n * sum(row * row for row, _ in points) - rows * rows
    if spread == 0:
        return math.nan, math.nan, math.nan
    together = n * sum(row * column for row, column in points) - rows * columns
    return together / spread, rows / n, columns / n


def examine(picture: Tensor) -> Evidence | None:
    """Measure the bar, the stroke below it and the distance between them; None without any ink.

    `picture` (h, w) in [0, 1], 0 for paper.
    Raises `ValueError` for another number of dimensions.
    Taught in {ref}`sec-what-is-machine-learning`.
    """
    if picture.ndim != 2:
        raise ValueError(
            f"picture has shape {tuple(picture.shape)}; it must be (height, width): one picture."
        )
    ink = (picture >= INK).tolist()
    inked = [row for row, line in enumerate(ink) if any(line)]
    if not inked:
        return None
    ends = {row: _ends(ink[row]) for row in inked}
    top, bottom = inked[0], inked[-1]
    width = max(last for _, last in ends.values()) - min(first for first, _ in ends.values()) + 1
    third = top + math.ceil((bottom - top + 1) / 3)

    bar_row, bar_start, bar_end = 0, 0, -1
    for row in range(top, third):
        start, end = longest_run(ink[row])
        if end - start > bar_end - bar_start:
            bar_row, bar_start, bar_end = row, start, end

    below = [row for row in inked if row >= third]
    slope, middle_row, middle_column = fit_line([(row, sum(ends[row]) / 2) for row in below])
    thin_rows = sum(ends[row][1] - ends[row][0] + 1 <= THIN * width for row in below)
    reach = middle_column + slope * (bar_row - middle_row)
    return Evidence(
        bar_row=bar_row,
        bar_start=bar_start,
        bar_end=bar_end,
        bar=(bar_end - bar_start + 1) / width,
        slope=slope,
        thin=thin_rows / len(below) if below else 0.0,
        reach=reach,
        gap=abs(bar_end - reach) / width,
    )


def _ends(line: list[bool]) -> tuple[int, int]:
    return line.index(True), len(line) - 1 - line[::-1].index(True)


def has_bar(found: Evidence, limits: Limits = Limits()) -> bool:
    """Rule 1: a horizontal line at the top, half as long as the box."""
    return found.bar >= limits.bar


def has_diagonal(found: Evidence, limits: Limits = Limits()) -> bool:
    """Rule 2: a diagonal, one thin stroke, going left on its way."""
    return found.slope < limits.slope and found.thin >= limits.thin


def they_meet(found: Evidence, limits: Limits = Limits()) -> bool:
    """Rule 3: they meet: the stroke leads to the bar's right end."""
    return found.gap <= limits.gap


RULES = (has_bar, has_diagonal, they_meet)


def is_seven(picture: Tensor, limits: Limits = Limits()) -> bool:
    """A picture (h, w) in [0, 1] shows a 7 if all three rules hold.

    Taught in {ref}`sec-what-is-machine-learning`.
    """
    found = examine(picture)
    return found is not None and all(rule(found, limits) for rule in RULES)
