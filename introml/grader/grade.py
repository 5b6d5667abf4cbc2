"""The orchestrator: hands submissions to lanes and keeps what they find. It holds no checks."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introml import __version__
from introml.grader import uploads
from introml.grader.lab import Lab
from introml.grader.lane import CHECKER, LabUnusable, Lane, LaneBroken
from introml.grader.results import (
    FAULT_MESSAGE,
    CheckResult,
    Flag,
    SubmissionResult,
    Verdict,
)
from introml.grader.source import cells_to_json
from introml.grader.store import Store
from introml.grader.uploads import Upload

#: What a checker may need beyond the submission's own time: reading, starting boxes, overtime.
_SLACK_S = 60.0
_TRIES = 2


@dataclass(frozen=True)
class Options:
    """How to grade. The limits replace the lab's where they are given."""

    jobs: int = 1
    time_limit: float | None = None
    memory_limit: int | None = None
    sandbox: bool = True
    hidden: Path | None = None
    command: Sequence[str] = CHECKER

    def that_decide(self) -> dict[str, Any]:
        """The options that a grade depends on; `hidden` is in the lab's version already."""
        return {
            "time_limit": self.time_limit,
            "memory_limit": self.memory_limit,
            "sandbox": self.sandbox,
            "grader": __version__,
        }


@dataclass(frozen=True)
class Graded:
    """News: a submission has a verdict (`fresh`), or had one from an earlier run."""

    folder: str
    verdict: Verdict
    score: float
    max_score: float
    fresh: bool


class Run:
    """One run over a list of notebooks. `news()` yields what happens, in the order it happens."""

    def __init__(self, lab: Lab, store: Store, notebooks: Sequence[Path], options: Options) -> None:
        self.lab = lab
        self.store = store
        self.options = options
        self.uploads = uploads.file_away(notebooks, self._is_anothers)
        self.counts: Counter[Verdict] = Counter()
        self._news: queue.SimpleQueue[Graded | BaseException | None] = queue.SimpleQueue()
        self._left = iter(self.uploads)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._lanes: set[Lane] = set()
        self._any_was_ready = False
        self._cuda = False
        #: A sentence on what stood between the submissions and this machine; "" before it is known.
        self.protection = ""

    @property
    def folders(self) -> dict[str, str]:
        """Where each source is filed in this run."""
        return {str(one.path): one.folder for one in self.uploads}

    def news(self) -> Iterator[Graded]:
        """Grade what is not done, and tell. Raises what stopped the run; `stop` is then done.

        Raises `LabUnusable`, `StoreError` or `OSError` (a full disk). What was graded is kept.
        """
        jobs = max(1, min(self.options.jobs, len(self.uploads)))
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(jobs)]
        try:
            for thread in threads:
                thread.start()
            working = jobs
            while working:
                item = self._news.get()
                if item is None:
                    working -= 1
                elif isinstance(item, BaseException):
                    raise item
                else:
                    self.counts[item.verdict] += 1
                    yield item
        finally:
            self.stop()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()

    def stop(self) -> None:
        """End all lanes at once; what they were at is graded again by a later run."""
        self._stopped.set()
        with self._lock:
            for lane in self._lanes:
                lane.kill()

    def _note_protection(self, ready: dict[str, Any]) -> None:
        force = (ready.get("environment") or {}).get("sandbox") or {}
        if force:
            self.protection = "In force: " + ", ".join(
                f"{name} {value}" for name, value in force.items() if isinstance(value, str)
            )

    def _is_anothers(self, folder: str, path: Path) -> bool:
        """Whether an earlier run filed another notebook than `path` under this name.

        The same bytes at another place are the same submission, moved.
        """
        stored = self.store.load(folder)
        if stored is None or stored.source == str(path):
            return False
        with contextlib.suppress(OSError):
            return uploads.read(path).sha256 != stored.result.sha256
        return True

    def _work(self) -> None:
        """One thread: takes submissions until none is left, with a lane that it starts and ends."""
        desk = _Desk(self)
        try:
            # A result is written while the next submission is graded: waiting for the disk takes
            # about as long as grading does.
            with ThreadPoolExecutor(1) as writer:
                written = None
                while (upload := self._next()) is not None:
                    content = uploads.read(upload.path)
                    key = self._key(content)
                    if self.store.is_done(upload.folder, key):
                        result = self.store.load(upload.folder).result
                        self._tell(upload, result, fresh=False)
                        continue
                    result = desk.grade(upload.folder, content)
                    if self._stopped.is_set():
                        raise _Stopped
                    if written is not None:
                        written.result()
                    written = writer.submit(self._keep, upload, result, key)
                if written is not None:
                    written.result()
        except BaseException as problem:
            if not self._stopped.is_set():
                self._news.put(problem)
        finally:
            desk.close()
            self._news.put(None)

    def _next(self) -> Upload | None:
        with self._lock:
            return None if self._stopped.is_set() else next(self._left, None)

    def _key(self, content: uploads.Content) -> str:
        return self.store.key(content.sha256, self.lab.version, self.options.that_decide())

    def _keep(self, upload: Upload, result: SubmissionResult, key: str) -> None:
        self.store.save(result, upload.folder, key, upload.path)
        self._tell(upload, result, fresh=True)

    def _tell(self, upload: Upload, result: SubmissionResult, *, fresh: bool) -> None:
        news = Graded(upload.folder, result.verdict, result.score, result.max_score, fresh)
        self._news.put(news)


class _Stopped(Exception):
    """The run was stopped: what this thread has in hand is worth nothing."""


class _Desk:
    """A lane at a time: a fresh one whenever the last broke, and a fault after the second try."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lane: Lane | None = None

    def grade(self, name: str, content: uploads.Content) -> SubmissionResult:
        said: list[str] = []
        result = None
        for _ in range(_TRIES):
            try:
                lane = self._ready_lane()
                result = lane.grade(
                    name, content.sha256, content.data, content.refused, self._limit_s()
                )
            except LaneBroken as broken:
                result = None
                said.append(str(broken))
                if self._lane is not None:
                    self._lane.kill()
                self.close()
            else:
                if result.verdict != Verdict.FAULT:
                    return result
                result.message = FAULT_MESSAGE
                said += [flag.evidence for flag in result.flags]
                self.close()
            if self._run._stopped.is_set():
                raise _Stopped
        if not self._run._any_was_ready:
            # Where no checker ever came up, none will: that is no submission's doing.
            raise LabUnusable(f"the checker does not start. {said[-1]}")
        return result or self._fault(name, content, said)

    def close(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            with self._run._lock:
                self._run._lanes.discard(lane)
            lane.close()

    def _ready_lane(self) -> Lane:
        if self._lane is None:
            run = self._run
            options = run.options
            setup = {
                "lab": str(run.lab.folder),
                "seed": run.store.seed,
                "hidden": str(options.hidden) if options.hidden else None,
                "time_limit": options.time_limit,
                "memory_limit": options.memory_limit,
                "sandbox": options.sandbox,
                "version": run.lab.version,
                "cells": cells_to_json(run.lab.cells),
            }
            self._lane = Lane(setup, options.command)
            with run._lock:
                run._lanes.add(self._lane)
                if run._stopped.is_set():
                    raise _Stopped
            self._lane.start()
            run._any_was_ready = True
            run._cuda = bool(self._lane.ready.get("cuda"))
            run._note_protection(self._lane.ready)
        return self._lane

    def _limit_s(self) -> float:
        run = self._run
        wall_s = run.options.time_limit or run.lab.settings.limits.wall_s
        return wall_s * (2 if run._cuda else 1) + _SLACK_S

    def _fault(self, name: str, content: uploads.Content, said: list[str]) -> SubmissionResult:
        run = self._run
        checks = [
            CheckResult(
                one.name, one.title, 0.0, one.points, "not run", "", one.hidden, one.tier, "",
                one.tier == "cpu" or run._cuda,
            )
            for one in run.lab.check_list()
        ]  # fmt: skip
        return SubmissionResult(
            name, content.sha256, run.lab.name, run.lab.version, run.store.seed, Verdict.FAULT,
            FAULT_MESSAGE, checks, flags=[Flag("grader fault", one) for one in said],
        )  # fmt: skip
