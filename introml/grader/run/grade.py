"""The orchestrator: hands submissions to checkers and keeps what they find. It holds no checks."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from introml.grader.lab import Lab
from introml.grader.notebook import Content, Handed, Upload, file_away
from introml.grader.results import SubmissionResult, Verdict, change_in_words, regraded
from introml.grader.run.changes import graded_again, what_changed
from introml.grader.run.fingerprint import Fingerprint
from introml.grader.run.session import Options, Session, Stopped
from introml.grader.run.store import Proposed, Store

__all__ = ["Graded", "Options", "Run"]


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

    def __init__(
        self, lab: Lab, store: Store, notebooks: Sequence[Path | Handed], options: Options
    ) -> None:
        self.lab = lab
        self.store = store
        self.options = options
        #: All that a grade depends on beside the notebook; it is kept with each result.
        self.decides = {
            "lab": lab.version,
            "seed": store.seed,
            **options.that_decide(),
            **asdict(Fingerprint.of(lab)),
        }
        handed = [x if isinstance(x, Handed) else Handed.named(x) for x in notebooks]
        self.uploads = file_away(handed, self._is_anothers)
        self.counts: Counter[Verdict] = Counter()
        self._news: queue.SimpleQueue[Graded | BaseException | None] = queue.SimpleQueue()
        self._left = iter(self.uploads)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._sessions: list[Session] = []

    @property
    def protection(self) -> str:
        """What stood between the submissions and this machine, in words; "" before it is known."""
        ready = next((one.ready for one in self._sessions if one.ready is not None), {})
        force = (ready.get("environment") or {}).get("sandbox") or {}
        if not force:
            return ""
        return "In force: " + ", ".join(
            f"{name} {value}" for name, value in force.items() if isinstance(value, str)
        )

    @property
    def folders(self) -> dict[str, str]:
        """Where each source is filed in this run."""
        return {one.source: one.folder for one in self.uploads}

    def graded_again(self) -> list[str]:
        """A line for each reason why submissions that have a result are graded again."""
        again: dict[str, list[str]] = {}
        for upload in self.uploads:
            stored = self.store.load(upload.folder)
            if stored is None or stored.result.verdict == Verdict.FAULT:
                continue
            content = upload.read()
            if self.store.is_done(upload.folder, self._key(content)):
                continue
            changed = what_changed(stored.decides, self.decides)
            if content.sha256 != stored.result.sha256:
                changed = "the notebook"
            why = f"{changed} changed since" if changed else "files of the result are missing"
            again.setdefault(why, []).append(upload.folder)
        return [graded_again(why, folders) for why, folders in again.items()]

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
        """End all checkers at once; what they were at is graded again by a later run."""
        self._stopped.set()
        with self._lock:
            for session in self._sessions:
                session.stop()

    def _is_anothers(self, folder: str, one: Handed) -> bool:
        """Whether an earlier run filed another notebook than this one under this name.

        The same bytes at another place are the same submission, moved.
        """
        stored = self.store.load(folder)
        if stored is None or stored.source == str(one.source):
            return False
        return one.read().sha256 != stored.result.sha256

    def _work(self) -> None:
        """One thread: takes submissions until none is left, with a checker of its own."""
        session = self._session()
        try:
            # A result is written while the next submission is graded: waiting for the disk takes
            # about as long as grading does.
            with ThreadPoolExecutor(1) as writer:
                written = None
                while (upload := self._next()) is not None:
                    content = upload.read()
                    key = self._key(content)
                    done = self.store.is_done(upload.folder, key)
                    if done and (stored := self.store.load(upload.folder)) is not None:
                        self._settle_what_is_over(upload, key)
                        self._tell(upload, stored.result, fresh=False)
                        continue
                    result = session.grade(upload.folder, content)
                    if self._stopped.is_set():
                        raise Stopped
                    if written is not None:
                        written.result()
                    written = writer.submit(self._keep, upload, result)
                if written is not None:
                    written.result()
        except BaseException as problem:
            if not self._stopped.is_set():
                self._news.put(problem)
        finally:
            session.close()
            self._news.put(None)

    def _session(self) -> Session:
        def others_were_ready() -> bool:
            return any(one.ready is not None for one in self._sessions)

        session = Session(self.lab, self.store.seed, self.options, others_were_ready)
        with self._lock:
            self._sessions.append(session)
            if self._stopped.is_set():
                session.stop()
        return session

    def _next(self) -> Upload | None:
        with self._lock:
            return None if self._stopped.is_set() else next(self._left, None)

    def _key(self, content: Content) -> str:
        return self.store.key(content.sha256, self.decides)

    def _keep(self, upload: Upload, result: SubmissionResult) -> None:
        """Store a result, unless it is lower than the one that is there: then it is proposed."""
        store, folder, about = self.store, upload.folder, upload.about
        before = store.load(folder)
        if before is None or not _is_regrade(before.result, result):
            store.save(result, folder, upload.source, self.decides, about)
            store.settle(folder)
            self._tell(upload, result, fresh=True)
            return
        found = regraded(before.result, result)
        counts_is_old = found.counts is before.result
        if found.proposed is not None:
            key = before.key if counts_is_old else store.key(result.sha256, self.decides)
            store.propose(found.proposed, folder, upload.source, self.decides, key, about)
        if not counts_is_old:
            store.save(found.counts, folder, upload.source, self.decides, about)
        if found.proposed is None and not counts_is_old:
            store.settle(folder)
        self._tell(upload, result if result.verdict == Verdict.FAULT else found.counts, fresh=True)

    def _settle_what_is_over(self, upload: Upload, key: str) -> None:
        """What an earlier run proposed means nothing where the stored result is today's again."""
        proposed = self.store.proposed(upload.folder)
        if proposed is not None and proposed.key != key:
            self.store.settle(upload.folder)

    def proposals(self) -> list[tuple[Proposed, str]]:
        """The results that wait for a teacher's word, each with "ada: 26 of 26 → 20 of 26"."""
        found = []
        for upload in self.uploads:
            proposed, stored = self.store.proposed(upload.folder), self.store.load(upload.folder)
            if proposed is not None and stored is not None and stored.key == proposed.keeps:
                words = change_in_words(stored.result, proposed.result)
                found.append((proposed, f"{upload.folder}: {words}"))
        return found

    def _tell(self, upload: Upload, result: SubmissionResult, *, fresh: bool) -> None:
        news = Graded(upload.folder, result.verdict, result.score, result.max_score, fresh)
        self._news.put(news)


def _is_regrade(before: SubmissionResult, now: SubmissionResult) -> bool:
    """Whether this is the same submission again, or a file that cannot be read in its place.

    Another notebook that can be graded is another attempt, and counts as it is.
    """
    return before.sha256 == now.sha256 or now.verdict in (Verdict.INVALID, Verdict.FAULT)
