"""Ending what browsers hold: nobody who was sent a cookie can use it any more."""

from __future__ import annotations

import contextlib
import sqlite3

from introml.hub.course import Course

#: What the hub, and the course's service, sign their cookies with.
_SECRETS = ("jupyterhub-cookie.secret", "session.secret")


def end_all(course: Course) -> None:
    """End every browser's session, of a hub that does not run.

    Servers go on, and so do the tokens that people made for programs: no browser holds those.
    """
    for name in _SECRETS:
        (course.folder / name).unlink(missing_ok=True)
    known = course.folder / "jupyterhub.sqlite"
    if not known.exists():
        return
    with contextlib.closing(sqlite3.connect(known)) as connection:
        for wanted in ("api_tokens WHERE client_id != 'jupyterhub'", "oauth_codes"):
            # A hub that never came up has made no tables.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute(f"DELETE FROM {wanted}")
        connection.commit()
