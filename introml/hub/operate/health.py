"""How a course is, for a teacher at the command line and for whoever watches machines."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from introml.grader.results import Verdict
from introml.hub.course import Course, Grading, LabSchedule, Person, Submission, now

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
    running = is_running(course)
    lines.append("the hub is running" if running else "the hub is not running on this machine")
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
    free = shutil.disk_usage(course.folder).free
    lines.append(f"disk: {free / 1e9:.1f} GB free")
    if free < _LEAST_FREE:
        worries.append(f"the disk of {course.folder} is nearly full")
    return State(tuple(lines), tuple(worries))


def counted(count: int, what: str) -> str:
    """ "1 student", "2 students"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def is_running(course: Course) -> bool:
    """Whether a hub of this course runs on this machine: it holds the course's lock."""
    with contextlib.suppress(FileNotFoundError), (course.folder / "hub.lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


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
