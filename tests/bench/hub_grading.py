"""Measures grading behind the hub, and writes the table to _build/bench-hub-grading.md.

`hub_grading.py labs slurm` measures these parts; without arguments, both. labs: from handing in to
the grade, for each of the book's labs, with a worker that was idle, warm and cold. slurm: two
one-processor nodes of a real Slurm against one, with a check that waits. Takes root, for Slurm.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "hub")]

from machine import machine  # noqa: E402
from served import app_of, served  # noqa: E402
from service_process import WorkerProcess  # noqa: E402
from slurm_cluster import SlurmCluster, wait_for  # noqa: E402
from tiny_course import make_course  # noqa: E402

from introml.grader.authoring.release import solution_notebook  # noqa: E402
from introml.grader.lab.lab import LABS  # noqa: E402
from introml.hub.course.course import Course  # noqa: E402
from introml.hub.course.models import Grading  # noqa: E402
from introml.hub.grades.submissions import hand_in  # noqa: E402
from introml.hub.people import people  # noqa: E402
from introml.hub.queue.slurm import launcher_for  # noqa: E402

ROUNDS = 5
#: How many are graded by one node, and by two; how long a check of each waits.
SUBMISSIONS, WAITS_S = 16, 2.0
_CHECK = "def loss_is_a_mean(submission, rng):\n"
#: A row of the table: what was measured, the bar, the result.
Row = tuple[str, str, str]


def rows(course: Course) -> list[Grading]:
    with course.database.reading() as session:
        return list(session.scalars(sa.select(Grading).order_by(Grading.id)))


def measure_labs(place: Path) -> Iterator[Row]:
    """Seconds from handing in to the grade in the database, of the labs' own solutions."""
    course = make_course(place / "labs", labs_folder=str(LABS))
    with served(app_of(course)) as url:
        for name, lab in course.labs.items():
            notebook = solution_notebook(lab)

            def seconds(number: int, lab=lab, notebook=notebook) -> float:
                began = time.monotonic()
                hand_in(course, "ann", lab, "lab.ipynb", notebook + b" " * number)
                wait_for(lambda: rows(course)[-1].state == "done", 120, lab.name)
                last = rows(course)[-1]
                if (last.verdict, last.score) != ("graded", last.max_score):
                    raise RuntimeError(f"{lab.name}: {last.verdict}, {last.score} points")
                return time.monotonic() - began

            cold = []
            for number in range(2):
                worker = WorkerProcess(course, url, "--labs", str(LABS), fake=False)
                time.sleep(5)  # it is up and idle, without a checker
                cold.append(seconds(number))
                if number == 0:
                    worker.terminate()
                    worker.close()
            warm = [seconds(2 + number) for number in range(ROUNDS)]
            worker.close()
            yield (
                f"submit to grade, {name}, idle machine, warm: median of {ROUNDS} (largest), s",
                "5",
                f"{statistics.median(warm):.1f} ({max(warm):.1f})",
            )
            yield (
                f"the same, no checker started yet: largest of {len(cold)}, s",
                "–",
                f"{max(cold):.1f}",
            )
    course.database.close()


def measure_slurm(place: Path) -> Iterator[Row]:
    """The same submissions by one worker and by two, each on a node of its own."""
    with SlurmCluster() as cluster:
        os.environ.update(cluster.environment)
        took, split = {}, {}
        for nodes in (1, 2):
            took[nodes], split[nodes] = grade_on(place / f"nodes{nodes}", nodes)
            cluster.run("scancel", "--user", "root")
            wait_for(lambda: not cluster.run("squeue", "-h"), 60, "the end of all jobs")
        shares = " and ".join(str(count) for _, count in sorted(split[2].items()))
        yield (
            f"{SUBMISSIONS} submissions, a check that waits {WAITS_S:g} s: one node, two nodes, s",
            "–",
            f"{took[1]:.1f}, {took[2]:.1f}",
        )
        yield (
            "two one-processor nodes against one, workers started",
            "1.7",
            f"{took[1] / took[2]:.2f}",
        )
        yield "how the two nodes shared the work", "evenly", shares
        yield "memory limits of Slurm's jobs", "–", cluster.limits


def grade_on(place: Path, nodes: int) -> tuple[float, Counter[str]]:
    made = make_course(place)
    checks = made.labs["tiny"].folder / "checks.py"
    text = checks.read_text()
    if _CHECK not in text:
        raise RuntimeError("the tiny lab's first check is another one now")
    checks.write_text(text.replace(_CHECK, f"{_CHECK}    __import__('time').sleep({WAITS_S})\n"))
    students = [f"s{number}" for number in range(SUBMISSIONS)]
    with made.database.writing() as session:
        people.add_people(session, [people.Entry(name) for name in students], "bench")
    made.secret("worker")
    with served(app_of(made)) as url:
        lines = {
            "url": json.dumps(url),
            "python": json.dumps(sys.executable),
            "token_file": json.dumps(str(made.folder / "worker.secret")),
            "cpu": f"{{workers = {nodes}, memory_mb = 2500, minutes = 10}}",
        }
        with (made.folder / "course.toml").open("a") as file:
            file.writelines(f"slurm.{key} = {value}\n" for key, value in lines.items())
        course = Course.at(made.folder)
        lab = course.labs["tiny"]
        launcher = launcher_for(course)
        for name in ("ann", "bob")[:nodes]:
            hand_in(course, name, lab, "tiny.ipynb", solution_notebook(lab))
        while not all(row.state == "done" for row in rows(course)):
            launcher.round()
            time.sleep(1)
        first = len(rows(course))
        if len({row.worker for row in rows(course)}) != nodes:
            raise RuntimeError("a worker came too late to be measured; measure again")
        began = time.monotonic()
        for name in students:
            hand_in(course, name, lab, "tiny.ipynb", solution_notebook(lab))
        wait_for(lambda: all(row.state == "done" for row in rows(course)), 300, "all graded")
        seconds = time.monotonic() - began
        done = rows(course)[first:]
        if any((row.verdict, row.tries) != ("graded", 1) for row in done):
            raise RuntimeError("a grading failed, or was tried again")
        course.database.close()
    made.database.close()
    return seconds, Counter(row.worker.partition(",")[0] for row in done)


PARTS: dict[str, Callable[[Path], Iterator[Row]]] = {"labs": measure_labs, "slurm": measure_slurm}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    options = parser.parse_args()
    lines = [f"{machine()}.", "", "| what | bar | measured |", "|---|---|---|"]
    print(lines[0], flush=True)
    with tempfile.TemporaryDirectory(prefix="introml-bench-") as place:
        for part in options.parts or PARTS:
            with contextlib.closing(PARTS[part](Path(place))) as found:
                for row in found:
                    lines.append(f"| {' | '.join(row)} |")
                    print(lines[-1], flush=True)
    (ROOT / "_build").mkdir(exist_ok=True)
    (ROOT / "_build" / "bench-hub-grading.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
