"""How a course is, by its database and its disks, whether its hub runs or not."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from introml.grader.results import Verdict
from introml.hub.course.course import Course
from introml.hub.course.database import now
from introml.hub.course.disk import has_room, room
from introml.hub.course.models import Grading, LabSchedule, Person, Submission

#: What a grading that waits longer than this tells: no worker takes it.
_LONG_WAIT = timedelta(minutes=15)
#: Free bytes below which a disk is nearly full.
_LEAST_FREE = 2_000_000_000


@dataclass(frozen=True)
class State:
    """`lines` to read, and `worries`: what needs a look, a sentence each."""

    lines: tuple[str, ...]
    worries: tuple[str, ...]


def state_of(course: Course) -> State:
    """The state of a course, running or not."""
    lines, worries = [f"{course.settings.title}, in {course.folder}"], []
    lines.append(f"database: {course.database.engine.url}")
    at = now()
    with course.database.reading() as session:
        roles = Counter(session.scalars(sa.select(Person.role).filter_by(active=True)))
        lines.append(
            f"{counted(roles['student'], 'student')}, {counted(roles['teacher'], 'teacher')}"
        )
        for lab in session.scalars(sa.select(LabSchedule.lab).order_by(LabSchedule.lab)):
            lines.append(f"{lab}: {_lab_line(session, lab)}")
        oldest = session.scalar(sa.select(sa.func.min(Grading.made_at)).filter_by(state="waiting"))
        newest = (
            sa.select(sa.func.max(Grading.id))
            .filter_by(state="done")
            .group_by(Grading.submission_id)
        )
        faults = session.scalar(
            sa.select(sa.func.count())
            .select_from(Grading)
            .where(Grading.verdict == Verdict.FAULT, Grading.id.in_(newest))
        )
    if oldest is not None and at - oldest > _LONG_WAIT:
        minutes = int((at - oldest).total_seconds() // 60)
        worries.append(f"a submission has waited {minutes} minutes to be graded; do workers run?")
    if faults:
        worries.append(
            f"the grader failed on {counted(faults, 'submission')}; the teacher's pages say where"
        )
    _disks(course, lines, worries)
    return State(tuple(lines), tuple(worries))


def health_file(course: Course) -> Path:
    """Where the service writes how it is."""
    return course.folder / "health.json"


def counted(count: int, what: str) -> str:
    """ "1 student", "2 students"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _lab_line(session: sa.orm.Session, lab: str) -> str:
    students, submissions = session.execute(
        sa.select(
            sa.func.count(sa.distinct(Submission.person_id)), sa.func.count(Submission.id)
        ).filter_by(lab=lab)
    ).one()
    states = Counter(
        dict(
            session.execute(
                sa.select(Grading.state, sa.func.count())
                .join(Submission)
                .where(Submission.lab == lab)
                .group_by(Grading.state)
            ).all()
        )
    )
    words = f"{counted(submissions, 'submission')} by {counted(students, 'student')}"
    if states["waiting"] or states["leased"]:
        words += f"; {states['waiting']} wait to be graded, {states['leased']} are being graded"
    return words


def _disks(course: Course, lines: list[str], worries: list[str]) -> None:
    """Each disk that a course writes to, once."""
    told: set[int] = set()
    for what, folder in (
        ("the course's folder", course.folder),
        ("students' homes", Path(course.hub_settings().homes)),
        ("temporary files", Path(tempfile.gettempdir())),
    ):
        if not folder.is_dir() or (device := folder.stat().st_dev) in told:
            continue
        told.add(device)
        free = room(folder, ordinary=True)  # what df says, too
        lines.append(f"disk of {what}, {folder}: {free / 1e9:.1f} GB free")
        if not has_room(folder):
            worries.append(
                f"the disk of {what} is full ({folder}): nothing new can be kept there; make room"
            )
        elif free < _LEAST_FREE:
            worries.append(
                f"the disk of {what} is nearly full ({folder}, {free / 1e6:.0f} MB free)"
            )
