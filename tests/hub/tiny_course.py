"""A small course for tests: people, the grader's tiny lab, and notebooks of it."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from introml.grader.authoring.release import starter_notebook
from introml.grader.lab import load_lab
from introml.grader.results.results import CheckResult, SubmissionResult, Verdict, to_json
from introml.hub.course.course import Course
from introml.hub.grades.submissions import dates_of
from introml.hub.people import people
from introml.hub.queue import jobs

TINY = Path(__file__).resolve().parents[1] / "grader" / "labs" / "tiny"
PEOPLE = (
    people.Entry("tess", "Tess Teacher", "tess@example.edu", "teacher"),
    people.Entry("ann", "Ann Able", "ann@example.edu", lms_id="101", lms_login="ann1"),
    people.Entry("bob", "Bob Baker", "bob@example.edu", lms_id="102", lms_login="bob1"),
)


def labs_folder(folder: Path) -> Path:
    """A folder of labs with a copy of the tiny one in it, so that a test may change it."""
    target = folder / "labs"
    shutil.copytree(TINY, target / "tiny", ignore=shutil.ignore_patterns("__pycache__"))
    return target


def make_course(folder: Path, database: str = "", **settings: Any) -> Course:
    """A migrated course with the tiny lab, a teacher (tess) and two students (ann, bob)."""
    home = folder / "course"
    home.mkdir(mode=0o700, parents=True)
    values = {
        "title": "Tiny course", "labs_folder": str(labs_folder(folder)), "workers": 0,
        "database": database, **settings,
    }  # fmt: skip
    lines = (f"{key} = {json.dumps(value)}\n" for key, value in values.items())
    (home / "course.toml").write_text("".join(lines), encoding="utf-8")
    course = Course.at(home)
    course.database.migrate()
    with course.database.writing() as session:
        people.add_people(session, PEOPLE, "test")
    return course


def set_dates(course: Course, **dates: datetime | None) -> None:
    """Set these of the tiny lab's dates, unchecked, and leave the others."""
    with course.database.writing() as session:
        row = dates_of(session, "tiny")
        for key, value in dates.items():
            setattr(row, key, value)


def notebook(words: str = "") -> bytes:
    """The tiny lab's notebook, unsolved, that says these words in its metadata."""
    made = json.loads(_starter())
    made["metadata"]["says"] = words
    return json.dumps(made).encode()


@cache
def _starter() -> bytes:
    return starter_notebook(load_lab(str(TINY)))


def result_of(
    lease: jobs.Lease, points: float = 3.0, verdict: Verdict = Verdict.GRADED, **more: Any
) -> dict[str, Any]:
    """What a worker would report: one public check of 4 points and one hidden check of 6."""
    checks = [
        CheckResult("shown", "The loss is right", min(points, 4), 4, "partial"),
        CheckResult("secret", "Steps go on", max(points - 4, 0), 6, "partial", hidden=True),
    ]
    fields = {"checks": checks, "lab_version": "v1", **more}
    version = fields.pop("lab_version")
    return to_json(
        SubmissionResult(
            lease.submission, lease.sha256, lease.lab, version, lease.seed, verdict, **fields
        )
    )


def grade_next(course: Course, points: float = 3.0, **more: Any) -> jobs.Lease:
    """Lease the next grading and report it done, as a worker would."""
    lease = jobs.lease(course, "worker-1", ["cpu", "cuda"])
    assert lease is not None, "nothing waits to be graded"
    jobs.report(course, lease.grading, lease.token, result_of(lease, points, **more))
    return lease
