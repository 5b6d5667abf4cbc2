"""Whether students, who have a shell on this machine, could read what is the course's alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from introml.book.paths import ROOT
from introml.hub.course import Course


def open_to_students(course: Course) -> list[Path]:
    """Folders with hidden checks or solutions that any user can read. Needs root to find out."""
    return sorted({folder for folder, one in _secrets(course) if _anyone_can_read(one)})


def _secrets(course: Course) -> Iterator[tuple[Path, Path]]:
    """What nobody else may read, each after the folder to close."""
    for lab in course.labs.values():
        # A lab's text has its solutions in it, and so have the answers its checks are tried on.
        for one in sorted(lab.folder.rglob("*")):
            if one.is_file():
                yield lab.folder.parent, one
        if ROOT in lab.folder.parents:  # and so has what was ever committed
            yield ROOT / ".git", ROOT / ".git" / "HEAD"
    if course.settings.hidden:
        folder = Path(course.settings.hidden)
        yield from ((folder, one) for one in folder.rglob("*") if one.is_file())


def _anyone_can_read(path: Path) -> bool:
    done = subprocess.run(
        ["/usr/bin/test", "-r", str(path)], user="nobody", group=65534, extra_groups=[], cwd="/",
        env={}, check=False,
    )  # fmt: skip
    return done.returncode == 0
