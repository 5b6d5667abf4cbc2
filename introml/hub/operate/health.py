"""How a course is, for a teacher at the command line and for whoever watches machines."""

from __future__ import annotations

import contextlib
import fcntl
import json
import ssl
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from introml.grader.results import Verdict
from introml.hub.course import (
    Course,
    Grading,
    HubSettings,
    LabSchedule,
    Person,
    Submission,
    has_room,
    now,
    room,
)

#: What a grading that waits longer than this tells: no worker takes it.
_LONG_WAIT = timedelta(minutes=15)
#: Seconds for an answer on this machine.
_PATIENCE_S = 5.0
#: After which time what the service has said of itself is old.
_OLD = timedelta(seconds=90)
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


def parts_of(course: Course) -> State:
    """Whether the hub, its proxy and the course's service run, and what the service says."""
    if not is_running(course):
        return State((), ("the hub is not running on this machine; start it: make hub",))
    hub, lines, worries = _as_started(course), ["the hub is running"], []
    asked = {
        "hub": f"{local_url(hub)}hub/health",
        "service": f"{local_url(hub)}services/course/health",
    }
    said = {name: answer(url, urlsplit(hub.url).netloc) for name, url in asked.items()}
    lines.append(f"people reach it at {hub.url}")
    if said["hub"] == said["service"] == 0:
        worries.append(f"the hub's proxy does not answer at {local_url(hub)}; hub.log says more")
    else:
        for name, called in (("hub", "JupyterHub"), ("service", "the course's service")):
            if said[name] != 200:
                worries.append(
                    f"{called} does not answer (status {said[name]} behind the proxy); hub.log "
                    "says more"
                )
    try:
        node = json.loads(health_file(course).read_text(encoding="utf-8"))
        age = now() - datetime.fromisoformat(node["at"])
    except (OSError, ValueError, KeyError, TypeError):
        worries.append("the course's service has not said yet how it is; ask again in a minute")
        return State(tuple(lines), tuple(worries))
    if age > _OLD:
        minutes = int(age.total_seconds() // 60)
        worries.append(f"the course's service has not said for {minutes} minutes how it is")
    else:
        lines += node["lines"]
        worries += node["worries"]
    return State(tuple(lines), tuple(worries))


def health_file(course: Course) -> Path:
    """Where the service writes how it is."""
    return course.folder / "health.json"


def started_file(course: Course) -> Path:
    """Where a start writes what it chose: it may listen elsewhere than the settings say."""
    return course.folder / "started.json"


def _as_started(course: Course) -> HubSettings:
    try:
        chosen = json.loads(started_file(course).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        chosen = {}
    known = {key: chosen[key] for key in ("address", "port") if key in chosen}
    return course.hub_settings(**known)


def local_url(hub: HubSettings) -> str:
    """The hub's address as seen from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(hub.address, hub.address)
    host = f"[{host}]" if ":" in host and "[" not in host else host
    return f"http{'s' * bool(hub.ssl_cert)}://{host}:{hub.port}{hub.base_url}"


def answer(url: str, host: str) -> int:
    """The status of the answer there, for a browser that knows it as `host`; 0 if none comes."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE  # it is this machine
    try:
        asked = urllib.request.Request(url, headers={"Host": host})
        with urllib.request.urlopen(asked, timeout=_PATIENCE_S, context=anyone) as said:
            return said.status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except OSError:
        return 0


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
