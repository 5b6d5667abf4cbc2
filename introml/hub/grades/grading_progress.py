"""How far the grading of a submission is, and one watcher that tells all who wait for it.

Hundreds of open pages ask for the same thing, so the database is asked once for all of them, some
times a second, and only while somebody waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from introml.hub.course import Course, Grading, Submission
from introml.hub.grades.submissions import current_grading
from introml.hub.queue import queue_place

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """`state` is "waiting", "grading" or "done"; `place` counts the gradings before this one.

    A submission that has a verdict is done, also while it is graded again.
    """

    state: str
    place: int = 0
    verdict: str = ""
    score: float | None = None
    max_score: float | None = None


def progress_of(session: Session, submission: Submission) -> Progress:
    """How far one submission is."""
    done = current_grading(submission)
    if done is not None:
        return _done(done.verdict, done.score, done.max_score)
    for one in submission.gradings:
        if one.state == "leased":
            return Progress("grading")
        if one.state == "waiting":
            return Progress("waiting", queue_place(session, one))
    return Progress("waiting")


def progress_of_many(session: Session, submissions: Iterable[str]) -> dict[str, Progress]:
    """How far these submissions are, by two queries, however many they are."""
    wanted = set(submissions)
    found = dict.fromkeys(wanted, Progress("waiting"))
    before: dict[str, int] = {}
    for ident, tier, state in session.execute(
        sa.select(Grading.submission_id, Grading.tier, Grading.state)
        .where(Grading.state.in_(("waiting", "leased")))
        .order_by(Grading.priority, Grading.id)
    ):
        if ident in wanted:
            waits = state == "waiting"
            found[ident] = Progress("waiting", before.get(tier, 0)) if waits else _GRADING
        if state == "waiting":
            before[tier] = before.get(tier, 0) + 1
    for ident, verdict, score, most in session.execute(
        sa.select(Grading.submission_id, Grading.verdict, Grading.score, Grading.max_score)
        .where(Grading.state == "done", Grading.submission_id.in_(wanted))
        .order_by(Grading.id)
    ):
        found[ident] = _done(verdict, score, most)
    return found


class Watcher:
    """Tells any number of listeners of one process how far submissions are."""

    def __init__(self, course: Course, every_s: float = 0.6) -> None:
        self._course = course
        self._every_s = every_s
        self._listeners: dict[str, set[asyncio.Queue[Progress]]] = {}
        self._task: asyncio.Task[None] | None = None
        #: How often the database was asked, for who wants to know what it costs.
        self.asked = 0

    @property
    def listening(self) -> int:
        """How many listen now."""
        return sum(map(len, self._listeners.values()))

    async def follow(self, submission: str) -> AsyncIterator[Progress]:
        """What is known now, then each change; it ends when the submission is done."""
        queue: asyncio.Queue[Progress] = asyncio.Queue()
        self._listeners.setdefault(submission, set()).add(queue)
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        last = None
        try:
            while last is None or last.state != "done":
                now = await queue.get()
                if now != last:
                    yield now
                last = now
        finally:
            self._listeners[submission].discard(queue)
            if not self._listeners[submission]:
                del self._listeners[submission]

    async def _watch(self) -> None:
        try:
            while self._listeners:
                try:
                    found = await run_in_threadpool(self._read, tuple(self._listeners))
                except sa.exc.SQLAlchemyError as problem:
                    # The database is away: who listens waits on, and hears of it when it is back.
                    _log.warning("progress cannot be read: %s", str(problem)[:300])
                    found = {}
                for ident, progress in found.items():
                    for queue in self._listeners.get(ident, ()):
                        queue.put_nowait(progress)
                await asyncio.sleep(self._every_s)
        finally:
            self._task = None

    def _read(self, submissions: tuple[str, ...]) -> dict[str, Progress]:
        self.asked += 1
        with self._course.database.reading() as session:
            return progress_of_many(session, submissions)


_GRADING = Progress("grading")


def _done(verdict: str, score: float | None, most: float | None) -> Progress:
    return Progress("done", 0, verdict, score, most)
