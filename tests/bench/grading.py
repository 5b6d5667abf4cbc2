"""Measures the grader against its bars and writes the table to _build/bench-grading.md.

`grading.py rate boxes attacks speed` measures these parts; without arguments, all of them. nbgrader
grades the same notebooks, in the same run, in an environment of its own; its tests are plain
asserts, which cost it least. Run by `make bench`.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "grader")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from box_start import WITHHELD, bare_fork, box_start  # noqa: E402
from machine import machine  # noqa: E402
from plain_tests import TESTS  # noqa: E402
from speed_checks import measure_speed  # noqa: E402

from introml.grader.authoring.release import nbgrader_source  # noqa: E402
from introml.grader.box.template import Template  # noqa: E402
from introml.grader.lab.lab import load_lab  # noqa: E402

LAB = HERE / "labs" / "ten-functions"
NBGRADER = "0.9.6"
OURS, THEIRS = 200, 12
#: A row of the table: what was measured, the bar, the result.
Row = tuple[str, str, str]


class Failed(Exception):
    """What was to be measured did not work; the text says how it failed."""


@dataclass(frozen=True)
class Rate:
    """Seconds for a number of submissions in all, and for each once the start is over."""

    submissions: int
    seconds: float
    each: float

    @property
    def a_minute(self) -> float:
        return 60 * self.submissions / self.seconds

    @property
    def a_minute_warm(self) -> float:
        return 60 / self.each

    @property
    def start(self) -> float:
        return self.seconds - self.submissions * self.each


class Nbgrader:
    """A course with the lab, in an environment with nothing but nbgrader and what the lab needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        made = subprocess.run(
            ["bash", str(ROOT / "tests" / "grader" / "nbgrader_env.sh")],
            capture_output=True, text=True,
        )  # fmt: skip
        if made.returncode:
            raise Failed(f"nbgrader's environment cannot be made:\n{made.stderr[-2000:]}")
        self._python = Path(made.stdout.split()[-1])
        book = json.loads(nbgrader_source(load_lab(LAB)))
        for cell in book["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id", "").removeprefix("test-")
            if name in TESTS:
                cell["source"] = TESTS[name].strip()
            elif "introml.grader" in "".join(cell["source"]):
                cell["source"] = "# The check cell: not needed here."
        source = folder / "source" / LAB.name
        source.mkdir(parents=True)
        (source / f"{LAB.name}.ipynb").write_text(json.dumps(book))
        self.run("generate_assignment", LAB.name, "--create")
        self.released = json.loads(
            (folder / "release" / LAB.name / f"{LAB.name}.ipynb").read_text()
        )

    def run(self, *arguments: str) -> float:
        """Run a command of nbgrader's; return the seconds that it took."""
        path = f"{self._python.parent}:{os.environ['PATH']}"
        command = [str(self._python), "-m", "nbgrader", *arguments, f"--course-dir={self.folder}"]
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Failed(f"nbgrader {arguments[0]}: {done.stderr[-2000:]}")
        return time.monotonic() - began

    def autograde(self, notebooks: list[Path]) -> Rate:
        """Grade the first one, then the others in one command: the difference is the start."""
        for path in notebooks:
            folder = self.folder / "submitted" / path.stem / LAB.name
            folder.mkdir(parents=True)
            (folder / f"{LAB.name}.ipynb").write_bytes(path.read_bytes())
        one = self.run("autograde", LAB.name, "--create", f"--student={notebooks[0].stem}")
        others = len(notebooks) - 1
        rest = self.run("autograde", LAB.name, "--create")
        rows = sqlite3.connect(self.folder / "gradebook.db").execute(
            "select sum(auto_score) from grade group by notebook_id"
        )
        if (scores := [score for (score,) in rows]) != [len(TESTS)] * len(notebooks):
            raise Failed(f"nbgrader gave {scores}")
        return Rate(others, rest, (rest - one) / (others - 1))


def grade(notebooks: Path, out: Path, jobs: int) -> Rate:
    """`introml grade` over a folder."""
    command = [
        sys.executable, "-m", "introml.command", "grade", str(LAB), str(notebooks),
        "--out", str(out), "--jobs", str(jobs),
    ]  # fmt: skip
    began, moments, said = time.monotonic(), [], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            said.append(line)
            if "/" in line.partition(" ")[0]:
                moments.append(time.monotonic())
    total = time.monotonic() - began
    full = sum("graded  15/15" in line for line in said)
    if process.returncode or full != len(moments):
        raise Failed(f"introml grade: {full} of {len(moments)} had full marks; {said[-3:]}")
    return Rate(len(moments), total, (moments[-1] - moments[0]) / (len(moments) - 1))


def answered(released: dict, folder: Path, count: int) -> list[Path]:
    """`count` solutions, each with a comment of its own."""
    answers = load_lab(LAB).answers
    folder.mkdir()
    paths = [folder / f"s{number:03}.ipynb" for number in range(count)]
    for number, path in enumerate(paths):
        for cell in released["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if name in answers:
                cell["source"] = f"{answers[name].solution}\n# {number}"
        path.write_text(json.dumps(released))
    return paths


def measure_rate(place: Path) -> list[Row]:
    """Submissions a minute, beside nbgrader's."""
    nbgrader = Nbgrader(place / "course")
    few = answered(nbgrader.released, place / "few", THEIRS + 1)
    answered(nbgrader.released, place / "many", OURS)
    rates = {jobs: grade(place / "many", place / f"out{jobs}", jobs) for jobs in (2, 1)}
    theirs = nbgrader.autograde(few)

    def numbers(rate: Rate) -> str:
        return (
            f"{rate.a_minute:,.0f} with its start of {rate.start:.1f} s ({rate.submissions} "
            f"submissions); {rate.a_minute_warm:,.0f} without"
        )

    return [
        (f"nbgrader {NBGRADER}, submissions a minute", "", numbers(theirs)),
        ("introml grade --jobs 2", "", numbers(rates[2])),
        ("introml grade --jobs 1", "", numbers(rates[1])),
        (
            "introml grade --jobs 2 against nbgrader, with both starts",
            "≥ 20 times",
            f"{rates[2].a_minute / theirs.a_minute:.0f} times",
        ),
        (
            "the same, without both starts",
            "≥ 20 times",
            f"{rates[2].a_minute_warm / theirs.a_minute_warm:.0f} times",
        ),
    ]


def measure_boxes(_: Path, count: int = 200) -> list[Row]:
    """From the request for a box to the first reply out of it."""
    torch.set_num_threads(1)
    starts, withheld, forks = [], [], []
    with Template() as template, Template() as other:
        box_start(other, WITHHELD)  # what it costs once, for all boxes of a checker
        for _ in range(count):
            starts.append(1e3 * box_start(template)[0])
            withheld.append(1e3 * box_start(other, WITHHELD)[0])
            forks.append(1e3 * bare_fork())
    more = statistics.median(withheld) - statistics.median(starts)
    percentile = statistics.quantiles(starts, n=20)[-1]
    return [
        ("start of a box, median of 200, ms", "≤ 30", f"{statistics.median(starts):.1f}"),
        ("start of a box, 95th percentile, ms", "≤ 60", f"{percentile:.1f}"),
        (f"the same more where {' and '.join(WITHHELD)} are withheld, ms", "≤ 5", f"{more:.1f}"),
        ("a bare fork of a process with torch, median, ms", "", f"{statistics.median(forks):.1f}"),
    ]


def measure_attacks(place: Path) -> list[Row]:
    """The attack suite: what fails in it gained a point or leaked a canary."""
    report = place / "attacks.xml"
    subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "tests/grader/test_attacks.py",
            f"--junitxml={report}",
        ],
        cwd=ROOT,
        capture_output=True,
    )  # fmt: skip
    suite = ElementTree.parse(report).getroot().find("testsuite") if report.exists() else None
    if suite is None or not int(suite.get("tests")):
        raise Failed("the attack suite did not run")
    bad = int(suite.get("failures")) + int(suite.get("errors"))
    attacks = len(list((ROOT / "tests" / "grader" / "attacks").glob("*.py")))
    what = f"checks of {attacks} attacks that found a point gained or a canary leaked"
    return [(what, "0", f"{bad} of {suite.get('tests')}")]


PARTS: dict[str, Callable[[Path], list[Row]]] = {
    "rate": measure_rate,
    "boxes": measure_boxes,
    "attacks": measure_attacks,
    "speed": measure_speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))} is no part; the parts are {', '.join(PARTS)}")
    versions = f"Python {sys.version.split()[0]}, torch {torch.__version__}, NumPy {np.__version__}"
    head = f"{machine()}; {versions}, Linux {os.uname().release}."
    with tempfile.TemporaryDirectory(prefix="introml-bench-") as place:
        rows = [row for part in chosen for row in PARTS[part](Path(place))]
    table = [head, "", "| what | bar | measured |", "|---|---|---|"]
    table += [f"| {what} | {bar} | {value} |" for what, bar, value in rows]
    (ROOT / "_build" / "bench-grading.md").write_text("\n".join(table) + "\n", encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
