"""What students are given: released labs and the book's pages, where their servers can read them.

`prepare` writes both when the hub starts. A lab that isn't open yet waits in the course's own
folder; `publish`, at the start of each server and within half a minute of a lab's opening, puts it
where students can read it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from introml.grader import atomic
from introml.grader.authoring import released_files
from introml.hub.course import Course, LabSchedule, now


def prepare(course: Course, shared: Path, html: Path) -> None:
    """Write all labs into the course's folder, and the book's notebooks into `shared`."""
    waiting = course.folder / "releases"
    for name, lab in course.labs.items():
        folder = waiting / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _fill(folder, released_files(lab), 0o600)
    for folder in waiting.iterdir():
        if folder.name not in course.labs:
            shutil.rmtree(folder)
    notebooks = html / "notebooks"
    pages = {
        path.relative_to(notebooks): path.read_bytes()
        for path in sorted(notebooks.rglob("*.ipynb"))
        if path.relative_to(notebooks).parts[0] != "labs"  # they come as labs, when they are open
    }
    book = _readable(shared, "book")
    for path, content in pages.items():
        _fill(_readable(book, *path.parent.parts), {path.name: content}, 0o644, keep=True)
    for path in book.rglob("*.ipynb"):
        if path.relative_to(book) not in pages:
            path.unlink()
    publish(course, shared)


def publish(course: Course, shared: Path) -> None:
    """Make the labs that are open readable for students, and no others.

    One at a time: the hub does so at the start of a server, and the service now and then.
    """
    with open(course.folder / "releases.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _publish(course, shared)


def _publish(course: Course, shared: Path) -> None:
    at = now()
    with course.database.reading() as session:
        dates = {row.lab: row.opens_at for row in session.query(LabSchedule)}
    labs = _readable(shared, "releases")
    for folder in sorted((course.folder / "releases").iterdir()):
        opens_at = dates.get(folder.name)
        target = labs / folder.name
        if opens_at is None or opens_at <= at:
            files = {path.name: path.read_bytes() for path in folder.iterdir()}
            _fill(_readable(target), files, 0o644)
        elif target.exists():
            shutil.rmtree(target)
    for target in labs.iterdir():
        if not (course.folder / "releases" / target.name).exists():
            shutil.rmtree(target)


def _fill(folder: Path, files: dict[str, bytes], mode: int, keep: bool = False) -> None:
    """Have these files in a folder, and no others unless `keep`; equal ones stay untouched."""
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            atomic.write(path, content)
            path.chmod(mode)
    for path in folder.iterdir():
        if not keep and path.name not in files and not path.is_dir():
            path.unlink()


def _readable(folder: Path, *parts: str) -> Path:
    """A folder, made if it is missing, that other users can read whatever the umask is."""
    for part in ("", *parts):
        folder = folder / part
        folder.mkdir(parents=True, exist_ok=True)
        if os.stat(folder).st_uid == os.geteuid():
            folder.chmod(0o755)
    return folder
