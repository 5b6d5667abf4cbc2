"""Whether a disk is full: by an error, or by asking; and what people are told."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import sqlalchemy as sa

_FULL = (errno.ENOSPC, errno.EDQUOT)
#: What PostgreSQL calls it ("disk_full").
_SQLSTATE = "53100"
#: What a small file, or a page of a database, needs at least.
_LEAST = 1_000_000

WORDS = (
    "The disk of the course is full, so this was not taken. Nothing was lost: what you handed in "
    "before is safe, and this cost no attempt. Keep your file, tell your teacher, and do it again "
    "when there is room."
)


def is_full(problem: BaseException | None) -> bool:
    """Whether an error, or what led to it, says that a disk or a quota is full."""
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        if isinstance(problem, OSError) and problem.errno in _FULL:
            return True
        if getattr(problem, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        if getattr(problem, "sqlstate", None) == _SQLSTATE:
            return True
        inner = problem.orig if isinstance(problem, sa.exc.DBAPIError) else None
        problem = inner or problem.__cause__ or problem.__context__
    return False


def room(folder: Path, *, ordinary: bool = False) -> int:
    """How many bytes this process, or an `ordinary` user, can write in `folder`."""
    found = os.statvfs(folder)
    reserved_too = os.geteuid() == 0 and not ordinary
    return (found.f_bfree if reserved_too else found.f_bavail) * found.f_frsize


def has_room(folder: Path, *, ordinary: bool = False) -> bool:
    """Whether there is room in `folder` for what a server or a database writes as it starts."""
    return room(folder, ordinary=ordinary) >= _LEAST
