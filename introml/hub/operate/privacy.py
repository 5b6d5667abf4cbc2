"""One person's data: all that the course holds on them, to hand over; and to erase.

Erasing leaves the log whole: what was done, and when, with a pseudonym in the place of the name.
JupyterHub's own record of a user is erased apart, while the hub doesn't run. What the course does
not hold it cannot erase: backups made before, and the person's account and home folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sqlite3
import time
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.grader.atomic import sync_folder
from introml.grader.results import feedback_html, from_json
from introml.hub.course import (
    Base,
    BlobDamaged,
    Course,
    Database,
    Event,
    Extension,
    Grading,
    Invitation,
    Override,
    Person,
    Submission,
    clock_words,
    now,
)
from introml.hub.grades import receipt_of

#: Seconds that erasing waits for readers of the database to be done.
_WAIT_S = 30.0
#: Seconds after which a file that is being written is one that nobody will finish.
_DRAFT_S = 3600.0
#: Flags whose evidence is a student's own code; that of others may tell of a hidden check.
_OF_THE_CODE = ("odd notebook", "suspicious code")
_READ_ME = """\
All that the course "{title}" holds on {name}, as of {at}.

person.json        who this is to the course; a password is kept only as a hash, which is left out
submissions.json   what was handed in, how it was graded, and what the teacher was told of it
submissions/       each notebook as it was handed in, its receipt, and the feedback on it
decisions.json     invitations, extensions and scores set by a teacher
log.json           the entries of the course's log that name this person

The seed that draws the inputs of hidden checks, and what only the checks know, are the course's.
"""


class PrivacyError(Exception):
    """Nothing was exported, or nothing erased; the text says why, and what to do."""


@dataclass(frozen=True)
class Erased:
    """What was erased. `shared` are files that stay, since someone else handed in the same."""

    pseudonym: str
    submissions: int
    files: int
    shared: int
    log: int


def export_student(course: Course, name: str, out: Path) -> int:
    """Write a zip with all that the course holds on someone; returns how many submissions.

    Raises `PrivacyError`.
    """
    out = Path(os.path.abspath(out))
    if os.path.lexists(out):
        raise PrivacyError(f"{out} is there already; choose another name")
    with course.database.reading() as session:
        person = _person(session, name)
        files = _files_of(course, session, person)
    draft = out.with_name(f".{out.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for path, content in files.items():
                    archive.writestr(path, content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, out)
    except OSError as problem:
        raise PrivacyError(f"{out} cannot be written: {problem.strerror}") from problem
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(out.parent)
    return sum(path.endswith(".receipt.json") for path in files)


def erase_student(course: Course, name: str) -> Erased:
    """Erase someone from the course: rows, files that nobody shares, the name in the log.

    When this returns, nothing of it is left in the database's file or among the submissions.
    Raises `PrivacyError`.
    """
    pseudonym = f"erased-{secrets.token_hex(6)}"
    with course.database.writing() as session:
        person = _person(session, name, lock=True)
        # Who hands in now waits, and then looks whether the file is still there: else the same
        # notebook, handed in by someone else at this moment, could be taken for nobody's.
        if not course.database.is_sqlite:
            session.execute(sa.text("LOCK TABLE submission IN EXCLUSIVE MODE"))
        own = list(session.scalars(sa.select(Submission.sha256).filter_by(person_id=person.id)))
        log = _rename_in_log(session, person, pseudonym)
        session.execute(sa.update(Override).filter_by(by=name).values(by=pseudonym))
        session.execute(sa.delete(Person).filter_by(id=person.id))
        session.add(Event(at=now(), who="command line", what="erased", person=pseudonym))
        session.flush()
        kept = set(session.scalars(sa.select(Submission.sha256)))
        files = _remove_files(course, kept)
    _scrub(course.database)
    return Erased(pseudonym, len(own), files, len(set(own) & kept), log)


def forget_in_jupyterhub(course: Course, name: str) -> bool:
    """Erase JupyterHub's own record of a user; whether there was one.

    The hub must not run: it holds its users in memory.
    """
    path = course.folder / "jupyterhub.sqlite"
    if not path.is_file():
        return False
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
        with connection:
            found = connection.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount
            # Names are letters, digits and hyphens: none of them means anything to LIKE.
            server = f"%/user/{name}/%"
            connection.execute("DELETE FROM servers WHERE base_url LIKE ?", (server,))
            connection.execute(
                "DELETE FROM oauth_clients WHERE redirect_uri LIKE ? OR identifier = ?",
                (server, f"jupyterhub-user-{name}"),
            )
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return found > 0


def _person(session: Session, name: str, lock: bool = False) -> Person:
    wanted = sa.select(Person).filter_by(name=name)
    person = session.scalar(wanted.with_for_update() if lock else wanted)
    if person is None:
        raise PrivacyError(f"nobody in this course is called {name!r}")
    return person


def _remove_files(course: Course, kept: set[str]) -> int:
    """Remove what no submission refers to, also what was handed in too late to become one."""
    removed = 0
    for sha256 in list(course.blobs.all()):
        if sha256 not in kept:
            course.blobs.remove(sha256)
            removed += 1
    old = time.time() - _DRAFT_S
    for draft in course.blobs.folder.glob("[0-9a-f][0-9a-f]/.*"):
        with contextlib.suppress(FileNotFoundError):
            if draft.stat().st_mtime < old:  # what a killed service left behind
                draft.unlink()
    return removed


def _rename_in_log(session: Session, person: Person, pseudonym: str) -> int:
    """Put the pseudonym in the place of the name, and take out what was told of the person."""
    told = [x for x in (person.full_name, person.email, person.lms_id, person.lms_login) if x]
    patterns = [re.compile(re.escape(x), re.IGNORECASE) for x in told if len(x) > 2]
    for name in sorted({person.name, person.login} - {""}, key=len, reverse=True):
        patterns.append(re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])"))
    changed = 0
    # Words of a log entry are a teacher's or the service's: all are looked through.
    for event in session.scalars(sa.select(Event).execution_options(yield_per=500)):
        detail = event.detail
        if event.person == person.name:
            detail = ""
        for pattern in patterns:
            detail = pattern.sub(pseudonym, detail)
        values = {
            "who": pseudonym if event.who == person.name else event.who,
            "person": pseudonym if event.person == person.name else event.person,
            "detail": detail,
        }
        if any(getattr(event, key) != value for key, value in values.items()):
            changed += 1
            for key, value in values.items():
                setattr(event, key, value)
    return changed


def _scrub(database: Database) -> None:
    """Have the database's files hold nothing of what was deleted."""
    if database.is_sqlite:
        _scrub_sqlite(database)
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(sa.text(f'VACUUM FULL "{table.name}"'))


def _scrub_sqlite(database: Database) -> None:
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        deadline = time.monotonic() + _WAIT_S
        while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > deadline:
                raise PrivacyError(
                    "the person is erased, but old pages of the database are still on the disk, "
                    "since others read from it all the time; they go when the service is restarted"
                )
            time.sleep(0.1)
    finally:
        connection.close()


# ---- what is exported ----------------------------------------------------------------------------


def _files_of(course: Course, session: Session, person: Person) -> dict[str, bytes | str]:
    submissions = list(
        session.scalars(
            sa.select(Submission)
            .filter_by(person_id=person.id)
            .order_by(Submission.lab, Submission.number)
        )
    )
    files: dict[str, bytes | str] = {
        "README.txt": _READ_ME.format(
            title=course.settings.title, name=person.name, at=clock_words(now(), course.zone)
        ),
        "person.json": _json(_row(person, "id", "password")),
        "submissions.json": _json([_submission(one) for one in submissions]),
        "decisions.json": _json(_decisions(session, person)),
        "log.json": _json(
            _row(one, "id")
            for one in session.scalars(
                sa.select(Event)
                .where(sa.or_(Event.person == person.name, Event.who == person.name))
                .order_by(Event.id)
            )
            # What someone did to others is about them.
            if one.person in ("", person.name)
        ),
    }
    for one in submissions:
        stem = f"submissions/{one.lab}-{one.number}"
        try:
            files[f"{stem}.ipynb"] = course.blobs.read(one.sha256)
        except BlobDamaged as problem:
            raise PrivacyError(str(problem)) from problem
        files[f"{stem}.receipt.json"] = course.signer.sign(receipt_of(course, one, person))
        done = [x for x in one.gradings if x.result]
        for grading in done[-1:]:
            files[f"{stem}.feedback.html"] = feedback_html(from_json(json.loads(grading.result)))
    return files


def _submission(one: Submission) -> dict[str, Any]:
    return _row(one, "person_id") | {"gradings": [_grading(x) for x in one.gradings]}


def _grading(one: Grading) -> dict[str, Any]:
    row = _row(one, "id", "submission_id", "lease", "lease_until", "trouble", "result")
    if one.result:
        result = from_json(json.loads(one.result))
        row |= {
            "message": result.message,
            "notes": result.notes,
            "printed": result.public_output,
            "cell_errors": [vars(error) for error in result.cell_errors],
            "checks": [
                {"title": x.title, "points": x.points, "of": x.max_points, "outcome": x.outcome}
                for x in result.checks
            ],
            "flags": [
                {"kind": x.kind, "evidence": x.evidence if x.kind in _OF_THE_CODE else ""}
                for x in result.flags
            ],
        }
    return row


def _decisions(session: Session, person: Person) -> dict[str, Any]:
    found = {}
    for name, table in (
        ("invitations", Invitation), ("extensions", Extension), ("scores", Override),
    ):  # fmt: skip
        rows = session.scalars(sa.select(table).filter_by(person_id=person.id).order_by(table.id))
        found[name] = [_row(one, "id", "person_id", "secret_hash") for one in rows]
    return found


def _row(one: Any, *left_out: str) -> dict[str, Any]:
    """The columns of a row by name."""
    return {
        column.key: getattr(one, column.key)
        for column in sa.inspect(type(one)).column_attrs
        if column.key not in left_out
    }


def _json(node: Any) -> str:
    def told(value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else list(value)

    return json.dumps(node, indent=1, ensure_ascii=False, default=told) + "\n"
