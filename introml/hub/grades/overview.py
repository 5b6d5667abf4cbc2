"""What a teacher sees of a class at a glance: counts, the spread of scores, the hardest checks."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.grader.lab import Lab
from introml.grader.results import Verdict
from introml.hub.course import Course, Grading, LabSchedule, Override, Person, Submission
from introml.hub.grades.exports import points_of
from introml.hub.grades.standing import Standing, class_standing
from introml.hub.grades.submissions import current_grading
from introml.hub.queue import HELD

#: How many bars the histogram of scores has, each a tenth of the points wide.
BARS = 10
_MOST_HARD = 40


@dataclass(frozen=True)
class LabSummary:
    """One lab in the overview of the course. The counts are of active students."""

    lab: Lab
    points: float
    dates: LabSchedule | None
    handed_in: int
    waiting: int
    needs_a_person: int


@dataclass(frozen=True)
class Bar:
    """How many students have a grade from `low` to `high`; below `high` but in the last bar."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class CheckFigures:
    """How a class did at one check: the share of its points that was reached, from 0 to 1."""

    title: str
    hidden: bool
    points: float
    graded: int
    share: float
    full: int


def lab_summaries(session: Session, course: Course) -> tuple[int, list[LabSummary]]:
    """How many active students there are, and a summary of each lab, in the course's order."""
    students = session.scalars(
        sa.select(sa.func.count()).select_from(Person).filter_by(role="student", active=True)
    ).one()
    newest = (
        sa.select(Submission.lab, Submission.person_id, sa.func.max(Submission.number).label("n"))
        .join(Person)
        .where(Person.role == "student", Person.active)
        .group_by(Submission.lab, Submission.person_id)
        .subquery()
    )
    done = (
        sa.select(Grading.submission_id, sa.func.max(Grading.id).label("id"))
        .where(Grading.state == "done")
        .group_by(Grading.submission_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            Submission.lab,
            sa.func.count(),
            sa.func.sum(sa.case((Grading.id.is_(None), 1), else_=0)),
            sa.func.sum(sa.case((Grading.flagged, 1), else_=0)),
        )
        .join(
            newest,
            sa.and_(
                newest.c.lab == Submission.lab,
                newest.c.person_id == Submission.person_id,
                newest.c.n == Submission.number,
            ),
        )
        .outerjoin(done, done.c.submission_id == Submission.id)
        .outerjoin(Grading, Grading.id == done.c.id)
        .group_by(Submission.lab)
    )
    counts = {lab: (int(new), int(waits), int(odd)) for lab, new, waits, odd in rows}
    dates = {one.lab: one for one in session.scalars(sa.select(LabSchedule))}
    for lab in _with_decisions(session, course):
        new, waits, _ = counts.get(lab.name, (0, 0, 0))
        odd = sum(one.needs_a_person for one in class_standing(session, lab))
        counts[lab.name] = (new, waits, odd)
    return students, [
        LabSummary(
            lab, points_of(course, lab), dates.get(lab.name), *counts.get(lab.name, (0, 0, 0))
        )
        for lab in course.labs.values()
    ]


def _with_decisions(session: Session, course: Course) -> list[Lab]:
    """Labs in which it takes more than the newest grading to know who needs a person."""
    held = sa.select(Submission.lab).join(Grading).where(Grading.state == HELD)
    names = set(session.scalars(sa.union(sa.select(Override.lab), held)))
    return [lab for name, lab in course.labs.items() if name in names]


def histogram(grades: Sequence[float], points: float) -> list[Bar]:
    """Grades sorted into `BARS` bars over 0 … `points`. A grade above goes into the last one."""
    width = points / BARS
    counts = [0] * BARS
    for grade in grades:
        # 0.3 / 0.1 is 2.9999999999999996: a grade on a border belongs to the bar that it begins.
        place = math.floor(round(grade / width, 6)) if width else 0
        counts[min(max(place, 0), BARS - 1)] += 1
    return [Bar(round(i * width, 6), round((i + 1) * width, 6), n) for i, n in enumerate(counts)]


def hardest_checks(session: Session, standings: Sequence[Standing]) -> list[CheckFigures]:
    """The checks by the share of points reached, the hardest first: of each student's best grading.

    A check is told by name, so one that was mended counts once, under its newest title. Faults of
    the grader and checks that do not count say nothing of the class, and are left out.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    told: dict[str, tuple[int, str, bool]] = {}
    best = [one.id for one in map(_best, standings) if one is not None]
    results = session.execute(sa.select(Grading.id, Grading.result).where(Grading.id.in_(best)))
    for ident, result in results:
        for one in json.loads(result)["checks"]:
            if one["counts"] and one["max_points"]:
                found.setdefault(one["name"], []).append((one["points"], one["max_points"]))
                news = (ident, one["title"], one["hidden"])
                told[one["name"]] = max(told.get(one["name"], news), news)
    figures = [
        CheckFigures(
            title=told[name][1],
            hidden=told[name][2],
            points=pairs[-1][1],
            graded=len(pairs),
            share=sum(points / most for points, most in pairs) / len(pairs),
            full=sum(points >= most for points, most in pairs),
        )
        for name, pairs in found.items()
    ]
    return sorted(figures, key=lambda one: (one.share, one.title))[:_MOST_HARD]


def _best(standing: Standing) -> Grading | None:
    gradings = [current_grading(one) for one in standing.submissions]
    known = [one for one in gradings if one is not None and one.verdict != Verdict.FAULT]
    return max(known, key=lambda one: (one.score or 0, one.id), default=None)


def median(values: Sequence[float]) -> float | None:
    """The middle value, or the mean of the two in the middle; None of nothing."""
    ordered, middle = sorted(values), len(values) // 2
    if not ordered:
        return None
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def last_seen(standing: Standing) -> datetime | None:
    """When someone last handed in."""
    return standing.submissions[-1].submitted_at if standing.submissions else None
