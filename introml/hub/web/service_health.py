"""How the course is, as its service sees it: workers, servers, limits, homes.

Teachers read it on a page, and `introml hub status` in a file that the service writes again and
again: what the file says is old where the service is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from introml.grader import atomic
from introml.grader.text import one_line
from introml.hub.course import (
    Course,
    Event,
    Grading,
    Person,
    State,
    bytes_in,
    clock_words,
    counted,
    health_file,
    now,
    state_of,
)
from introml.hub.queue import beside
from introml.hub.servers import limits

_log = logging.getLogger(__name__)
_EVERY_S, _HOMES_EVERY_S = 15.0, 900.0
_SHOWN = 5
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
#: Seconds that the size of one home may take.
_MEASURE_S = 120


def service_state(app: FastAPI) -> State:
    """What the service knows of its course and the machine, now."""
    course: Course = app.state.course
    lines: list[str] = []
    worries: list[str] = []
    for part in (_workers, _servers, _limits, _homes, _disk):
        part(app, course, lines, worries)
    return State(tuple(lines), tuple(worries))


def whole_state(app: FastAPI) -> State:
    """What the database says of the course, and what the service knows of it and its machine."""
    course, service = state_of(app.state.course), service_state(app)
    return State((*course.lines, *service.lines), (*course.worries, *service.worries))


async def watched(app: FastAPI) -> AsyncIterator[None]:
    """Write how the course is, and measure homes, as long as the service runs."""
    async with beside(_write_always(app), _measure_always(app)):
        yield


async def _write_always(app: FastAPI) -> None:
    while True:
        try:
            await run_in_threadpool(_write, app)
        except (OSError, sa.exc.SQLAlchemyError) as problem:
            _log.warning("how the course is cannot be written: %s", one_line(str(problem)))
        await asyncio.sleep(_EVERY_S)


def _write(app: FastAPI) -> None:
    state = service_state(app)
    node = {"at": now().isoformat(), "lines": state.lines, "worries": state.worries}
    atomic.write(health_file(app.state.course), json.dumps(node), private=True)


async def _measure_always(app: FastAPI) -> None:
    while True:
        homes = Path(app.state.course.hub_settings().homes)
        if os.geteuid() == 0 and homes.is_dir():
            app.state.homes = await run_in_threadpool(sizes_of_homes, homes)
        await asyncio.sleep(_HOMES_EVERY_S)


def sizes_of_homes(homes: Path) -> dict[str, int]:
    """How many bytes each student's home takes, without what is only linked from it."""
    sizes = {}
    for home in sorted(one for one in homes.iterdir() if one.is_dir() and not one.is_symlink()):
        with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError, IndexError):
            done = subprocess.run(
                ["du", "-skx", "--", str(home)], capture_output=True, text=True, check=False,
                timeout=_MEASURE_S,
            )  # fmt: skip
            sizes[home.name] = int(done.stdout.split()[0]) << 10
    return sizes


def server_notes(app: FastAPI, session: Session, person: Person) -> list[str]:
    """What a student should know of their server and home: what memory ended, what is too large."""
    notes = []
    ended = session.scalar(
        sa.select(Event)
        .filter_by(person=person.name, what=limits.OUT_OF_MEMORY)
        .order_by(Event.id.desc())
        .limit(1)
    )
    if ended is not None and now() - ended.at < _HOUR:
        when = clock_words(ended.at, app.state.course.zone)
        notes.append(
            f"At {when} your server ran out of memory, and {ended.detail}. What you had saved is "
            "there. Shut down notebooks that you don't use (in JupyterLab: Kernel, Shut Down All "
            "Kernels), and run the cell again with less data at a time."
        )
    most = bytes_in(app.state.course.hub_settings().disk_limit)
    size = app.state.homes.get(person.name, 0)
    if most and size > most:
        notes.append(
            f"Your files take {limits.in_words(size)}, and each student has "
            f"{limits.in_words(most)}. Delete what you don't need: in JupyterLab's terminal, "
            "du -sh ~/* ~/.[a-z]* says what is large."
        )
    return notes


def _workers(app: FastAPI, course: Course, lines: list[str], worries: list[str]) -> None:
    heard, wanted = app.state.heard, course.settings.workers
    with course.database.reading() as session:
        busy = session.scalars(
            sa.select(Grading.worker).where(Grading.state == "leased", Grading.lease_until > now())
        )
        alive = heard.lately() | set(busy)
    of = f" of {wanted}" if wanted else ""
    lines.append(f"grading workers: {len(alive)}{of} at work or waiting for work")
    if len(alive) < wanted and (heard.settled or heard.ended):
        why = f"; {heard.ended}" if heard.ended else "; hub.log says more"
        worries.append(f"{len(alive)} of {counted(wanted, 'grading worker')} answer{why}")


def _servers(app: FastAPI, course: Course, lines: list[str], worries: list[str]) -> None:
    up = _running_servers(course)
    if up is not None:
        lines.append(f"students' servers: {len(up)} running")
    with course.database.reading() as session:
        ended = list(
            session.scalars(
                sa.select(Event)
                .where(Event.who == "hub", Event.at > now() - _DAY)
                .order_by(Event.id.desc())
                .limit(_SHOWN)
            )
        )
    for one in ended:
        when = clock_words(one.at, course.zone)
        lines.append(f"{one.person}, {when}, {one.what}: {one_line(one.detail, 300)}")
    down = dict.fromkeys(x.person for x in ended if x.what == "server failed")
    for name in [one for one in down if one not in (up or ())]:
        worries.append(f"the server of {name} did not start; the log says why")


def _running_servers(course: Course) -> set[str] | None:
    """Whose servers run, as JupyterHub's own database has it; None if it cannot be read."""
    path = course.folder / "jupyterhub.sqlite"
    asked = (
        "SELECT users.name FROM spawners JOIN users ON users.id = spawners.user_id "
        "WHERE spawners.server_id IS NOT NULL"
    )
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)
        ) as database:
            return {name for (name,) in database.execute(asked)}
    except sqlite3.Error:
        return None


def _limits(app: FastAPI, course: Course, lines: list[str], worries: list[str]) -> None:
    if course.settings.slurm is not None:
        lines.append("limits of a student's server: Slurm's, for each job")
        return
    if os.geteuid() != 0:
        lines.append("limits of a student's server: none; it runs for one person, without root")
        return
    hub = course.hub_settings()
    for one in limits.in_force(limits.Limits.of(hub)):
        held = f"not in force: {one.why_not}" if one.why_not else "in force"
        lines.append(f"limit of a student's server: {one.asked}, {held}")
        if one.why_not:
            worries.append(f"students' servers are not held to {one.asked}: {one.why_not}")


def _homes(app: FastAPI, course: Course, lines: list[str], worries: list[str]) -> None:
    most = bytes_in(course.hub_settings().disk_limit)
    if not most or os.geteuid() != 0 or course.settings.slurm is not None:
        return
    lines.append(f"limit of a student's home: {limits.in_words(most)}, told and not enforced")
    over = sorted(((x, name) for name, x in app.state.homes.items() if x > most), reverse=True)
    if over:
        names = ", ".join(f"{name} ({limits.in_words(size)})" for size, name in over[:_SHOWN])
        more = f" and {len(over) - _SHOWN} more" if len(over) > _SHOWN else ""
        worries.append(f"homes larger than {limits.in_words(most)}: {names}{more}")


def _disk(app: FastAPI, course: Course, lines: list[str], worries: list[str]) -> None:
    at: Any = app.state.disk_full_at
    if at is not None and now() - at < _DAY:
        worries.append(
            f"the disk was full at {clock_words(at, course.zone)}: what was sent then was "
            "refused, and who sent it was told"
        )
