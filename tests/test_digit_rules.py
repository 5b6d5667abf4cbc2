"""The rules for a 7 on pictures drawn by hand, and their measurements against numpy and re."""

import math
import re

import numpy as np
import pytest
import torch

from introml.data import mnist
from introml.digit_rules import (
    INK,
    RULES,
    THIN,
    Limits,
    examine,
    fit_line,
    has_bar,
    has_diagonal,
    is_seven,
    longest_run,
    they_meet,
)


def picture(text: str) -> torch.Tensor:
    lines = [line.strip() for line in text.strip().splitlines()]
    return torch.tensor([[float(mark == "#") for mark in line] for line in lines])


SEVEN = picture("""
    ..........
    .########.
    .......##.
    ......##..
    .....##...
    .....##...
    ....##....
    ....##....
    ...##.....
    ...##.....
""")
BAR_LEFT_OF_STROKE = picture("""
    #####...
    .......#
    ......#.
    .....#..
    ....#...
    ...#....
""")
# Below its top third the middles are 4, 4, 4, 4, 3: slope −0.2, so it arrives at 4.8 in row 0, and
# 10 − 4.8 is more than 0.4 of the width 11.
LETTER_T = picture("""
    ###########
    ###########
    ....#......
    ....#......
    ....#......
    ....#......
    ....#......
    ...#.......
""")
RING = picture("""
    .######.
    .#....#.
    .#....#.
    .#....#.
    .#....#.
    .######.
""")


def test_evidence_of_a_seven_by_hand():
    # The box is rows 1-9 and columns 1-8: 8 wide, 9 high, so its top third ends before row 4.
    found = examine(SEVEN)
    assert (found.bar_row, found.bar_start, found.bar_end) == (1, 1, 8)
    assert found.bar == 1.0
    # Middles of rows 4-9: 5.5, 5.5, 4.5, 4.5, 3.5, 3.5; np.polyfit is an independent least squares.
    slope, intercept = np.polyfit([4, 5, 6, 7, 8, 9], [5.5, 5.5, 4.5, 4.5, 3.5, 3.5], 1)
    assert found.slope == pytest.approx(slope)
    assert found.reach == pytest.approx(slope * 1 + intercept)
    assert found.gap == pytest.approx((8 - (slope + intercept)) / 8)
    assert found.thin == 1.0
    assert is_seven(SEVEN)


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        (SEVEN, [True, True, True]),
        (SEVEN.flip(1), [True, False, False]),  # the diagonal runs to the south-east
        # Upside down the bar is at the bottom. The lower rows' middles, 4.5, 5.5, 5.5, 6.5, 7.5,
        # 4.5, have slope 0.2 and lead to 4.57 in the first row, where the ink ends at 4.
        (SEVEN.flip(0), [False, False, True]),
        (LETTER_T, [True, True, False]),  # the bar goes on to the right of the stroke
        (BAR_LEFT_OF_STROKE, [True, True, False]),  # the stroke starts to the right of the bar
        (RING, [True, False, False]),
    ],
)
def test_each_rule_fails_where_it_should(drawing, expected):
    found = examine(drawing)
    assert [rule(found) for rule in RULES] == expected
    assert is_seven(drawing) == all(expected)


def test_place_on_the_page_does_not_matter():
    page = torch.zeros(28, 28)
    page[:10, :10] = SEVEN
    first = examine(page)
    for down, right in [(0, 18), (18, 0), (9, 4)]:
        moved = examine(page.roll((down, right), (0, 1)))
        assert (moved.bar, moved.slope, moved.thin) == (first.bar, first.slope, first.thin)
        assert moved.gap == pytest.approx(first.gap)


def test_half_grey_is_ink():
    assert examine(torch.full((3, 3), INK - 1e-3)) is None
    assert examine(torch.full((3, 3), INK)) is not None


def test_limits_are_themselves_allowed():
    found = examine(SEVEN)
    assert has_bar(found, Limits(bar=found.bar))
    assert they_meet(found, Limits(gap=found.gap))
    assert has_diagonal(found, Limits(thin=found.thin))
    # A vertical stroke is no diagonal: the slope must be under its limit.
    assert not has_diagonal(found, Limits(slope=found.slope))


def test_a_picture_without_a_stroke_below_is_no_seven():
    found = examine(picture("..\n##\n.."))
    assert math.isnan(found.slope)
    assert [rule(found) for rule in RULES] == [True, False, False]
    assert examine(torch.zeros(28, 28)) is None
    assert not is_seven(torch.zeros(28, 28))


def test_a_batch_is_refused_in_words():
    with pytest.raises(ValueError, match="one picture"):
        examine(torch.zeros(2, 28, 28))


def test_longest_run_equals_a_regular_expression():
    rng = np.random.default_rng(0)
    for _ in range(500):
        row = (rng.random(int(rng.integers(1, 29))) < rng.uniform(0.2, 0.9)).tolist()
        text = "".join("#" if inked else "." for inked in row)
        # max() keeps the first of equals, as the function promises.
        runs = [match.span() for match in re.finditer("#+", text)]
        best = max(runs, key=lambda span: span[1] - span[0], default=(0, 0))
        assert longest_run(row) == (best[0], best[1] - 1)


def test_fit_line_equals_polyfit():
    rng = np.random.default_rng(1)
    for _ in range(300):
        n = int(rng.integers(2, 20))
        rows = np.sort(rng.choice(28, n, replace=False))
        columns = rng.integers(0, 56, n) / 2
        slope, middle_row, middle_column = fit_line(
            list(zip(rows.tolist(), columns.tolist(), strict=True))
        )
        expected = np.polyfit(rows, columns, 1)
        assert slope == pytest.approx(expected[0], abs=1e-9)
        assert middle_column == pytest.approx(np.polyval(expected, middle_row), abs=1e-9)
    assert all(math.isnan(value) for value in fit_line([(3, 1.0)]))


def test_evidence_of_real_digits_equals_numpy():
    X, _ = mnist.load("test")
    for picture_ in X[:400]:
        ink = picture_.numpy() >= 0.5
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        height, width = box.shape
        third = -(-height // 3)
        strings = ["".join("#" if inked else "." for inked in line) for line in box[:third]]
        longest = max(len(run) for line in strings for run in re.findall("#+", line))
        found = examine(picture_)
        assert found.bar == longest / width
        below = [row for row in range(third, height) if box[row].any()]
        spans = np.array([np.flatnonzero(box[row])[[0, -1]] for row in below])
        line = np.polyfit(below, spans.mean(1), 1)
        assert found.slope == pytest.approx(line[0], abs=1e-9)
        assert found.thin == np.mean(np.ptp(spans, axis=1) + 1 <= THIN * width)
        arrives = np.polyval(line, found.bar_row - rows[0]) + columns[0]
        assert found.reach == pytest.approx(arrives, abs=1e-8)
        assert found.gap == pytest.approx(abs(found.bar_end - arrives) / width, abs=1e-8)


def test_the_rules_find_most_sevens_and_are_mostly_right():
    X, y = mnist.load("test")
    said, seven = torch.tensor([is_seven(one) for one in X]), y == 7
    assert (said & seven).sum() / said.sum() > 0.75
    assert (said & seven).sum() / seven.sum() > 0.55
