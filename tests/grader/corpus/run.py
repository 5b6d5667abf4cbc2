"""Grades the corpus of one lab, and runs it as a student would; one line of JSON a notebook.

usage: python -m corpus.run LAB OUT [--every-lab] [--only WORD]   (with tests/grader on the path)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from introml.grader.run.checker import Checker, Setup

from .at_home import verdicts_at_home
from .entries import LABS, TURNS, Entry, entries, lab_of, with_starters

SEED = 2**50 + 11
#: Checks that take long: left out where a notebook is not about the lab's own answers.
SLOW = {
    "gradient_at_other_sizes", "schedule_at_every_step", "lookup_ignores_order_and_padding",
    "learns_to_look_up", "blocks_keep_memory_small",
}  # fmt: skip
#: Seconds for a submission, and for one of which a part never ends.
LIMIT_S, ENDLESS_S = 60.0, 4.0


def graded(place: Path, every_lab: bool = False) -> dict[tuple[str, str], dict[str, Any]]:
    """(lab, entry) -> what became of it; the labs' notebooks are graded side by side."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    every = ["--every-lab"] if every_lab else []
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "corpus.run", lab, str(place / lab), *every],
            env=os.environ | {"PYTHONPATH": path},
        )
        for lab in sorted(LABS if every_lab else set(TURNS))
    ]
    ended = [one.wait() for one in running]
    if any(ended):
        raise RuntimeError("a process that grades the corpus ended early; it says why above")
    return {
        (file.name, found["name"]): found
        for file in place.iterdir()
        for found in map(json.loads, file.read_text().splitlines())
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lab")
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--every-lab", dest="all", action="store_true", help="every entry, and every check"
    )
    parser.add_argument("--only", default="", help="entries with this word in their name")
    parser.add_argument("--no-home", action="store_true")
    told = parser.parse_args()
    torch.set_num_threads(1)
    own = [x for x in entries(told.all) if x.lab == told.lab and told.only in x.name]
    with told.out.open("w", encoding="utf-8") as file:
        for endless in (False, True):
            some = [one for one in own if one.endless == endless]
            if some:
                limit = ENDLESS_S if endless else LIMIT_S
                with Checker(
                    Setup(str(lab_of(told.lab).folder), SEED, time_limit=limit)
                ) as checker:
                    grading = Grading(checker, told.lab, told.all)
                    for one in some:
                        found = grading.of(one)
                        if one.at_home and not told.no_home:
                            found["home"] = verdicts_at_home(one)
                        file.write(json.dumps(found) + "\n")
                        file.flush()


class Grading:
    """Grades entries, and says what each was to lose."""

    def __init__(self, checker: Checker, lab: str, every_check: bool) -> None:
        limits = replace(checker.lab.settings.limits, check_s=60)  # this machine may be busy
        checker.lab = replace(checker.lab, settings=replace(checker.lab.settings, limits=limits))
        self._checker, self._lab, self._every = checker, lab, every_check
        self._checks = list(checker.checks)
        self._lost: dict[tuple, list[str]] = {}

    def of(self, one: Entry) -> dict[str, Any]:
        shared = not (self._every or one.about_the_lab)
        self._checker.checks = [x for x in self._checks if not (shared and x.name in SLOW)]
        result = self._graded(one.data)
        told = [result.message, *result.notes, *(x.words for x in result.cell_errors)]
        told += [x.hint for x in result.checks]
        return {
            "name": one.name,
            "verdict": str(result.verdict),
            "outcomes": {x.name: x.outcome for x in result.checks if x.counts},
            "public": [x.name for x in result.checks if not x.hidden],
            "told": told,
            "flags": [[x.kind, x.evidence] for x in result.flags],
            "lost": self._lost_with(one.costs, shared) if one.costs else [],
            "seconds": result.measured["wall_s"],
            "fault": result.teacher.get("fault", ""),
        }

    def _lost_with(self, costs: tuple[str, ...], shared: bool) -> list[str]:
        """The checks that do not pass where these cells are as they were released."""
        key = (costs, shared)
        if key not in self._lost:
            result = self._graded(with_starters(self._lab, costs))
            self._lost[key] = [x.name for x in result.checks if x.counts and x.outcome != "passed"]
        return self._lost[key]

    def _graded(self, data: bytes) -> Any:
        return self._checker.grade("x", hashlib.sha256(data).hexdigest(), data)


if __name__ == "__main__":
    main()
    os._exit(0)  # threads that a notebook began keep nothing
