"""Measures speed checks with a real lab's answer, on the machine as it is and on a busy one.

The attention lab's own `attention` is compared with itself, in boxes, as a student's would be: the
ratio is 1, and each comparison must find that within its interval or say that it was not measured.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from introml.grader.box.limits import Limits
from introml.grader.box.template import Template
from introml.grader.checks.checks import NotMeasured, randn, rng_for
from introml.grader.checks.speed import compare_speed
from introml.grader.lab.lab import load_lab
from introml.grader.lab.source import Kind
from introml.grader.run.attempt import Attempt

COMPARISONS = 20
BUSY_LOOPS = 4
#: Batch and heads, queries and keys, features.
SIZES = ((8, 64, 64), (8, 128, 64), (16, 256, 64))
#: For each comparison, its interval; None where it was not measured.
Found = list[tuple[float, float] | None]


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many endless loops beside."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


def compare(template: Template, answers: str, size: tuple[int, int, int]) -> Found:
    def inputs(rng: np.random.Generator) -> list[torch.Tensor]:
        return [randn(rng, *size) for _ in range(3)]

    found: Found = []
    for draw in range(COMPARISONS):
        cells = [("answers", answers)]
        limits = Limits(wall_s=300, cpu_s=300)
        with Attempt(template, cells, limits=limits) as attempt:
            attempt.start()
            attempt.begin(draw, 290, public=False)
            try:
                speed = compare_speed(
                    attempt.submission, "attention", answers, inputs, rng_for(draw, "speed"),
                    hint="not the same", most_rounds=128,
                )  # fmt: skip
                found.append((speed.low, speed.high))
            except NotMeasured:
                found.append(None)
    return found


def measure_speed(_: Path) -> list[tuple[str, str, str]]:
    """A row for each size and machine."""
    return list(rows())


def rows() -> Iterator[tuple[str, str, str]]:
    torch.set_num_threads(1)
    lab = load_lab("attention")
    kinds = (Kind.ANSWER, Kind.LOCKED)
    answers = "\n\n".join(cell.source for cell in lab.cells if cell.kind in kinds)
    with Template() as template:
        for loops in (0, BUSY_LOOPS):
            with busy(loops):
                for size in SIZES:
                    found = compare(template, answers, size)
                    yield row(size, loops, found)


def row(size: tuple[int, int, int], loops: int, found: Found) -> tuple[str, str, str]:
    intervals = [one for one in found if one is not None]
    held = sum(low <= 1 <= high for low, high in intervals)
    wide = np.median([high / low for low, high in intervals]) if intervals else float("nan")
    machine = f"{loops} busy loops beside" if loops else "nothing started beside"
    return (
        f"attention of {size} compared with itself, {machine}",
        "19 of 20 of what was measured",
        f"{held} of {len(intervals)} hold 1, median width {wide:.2f}; "
        f"{len(found) - len(intervals)} not measured",
    )


if __name__ == "__main__":
    for line in rows():
        print(" | ".join(line), flush=True)
