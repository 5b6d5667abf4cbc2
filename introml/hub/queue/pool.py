"""A worker's labs, as they are on disk now, and a few checkers that are kept warm for them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from introml.book.paths import LABS
from introml.grader.lab import Lab, LabError, labs, load_lab
from introml.grader.run import CheckerBroken, Fingerprint, LabUnusable, Options, Session

log = logging.getLogger("introml.worker")


class Pool:
    """A session for each lab that was graded lately, `most` at a time.

    A lab that was changed on disk gets a fresh session, and all do after a change of the grader or
    of a package that it uses: a mended check holds from then on.
    """

    def __init__(
        self,
        folder: Path = LABS,
        hidden: Path | None = None,
        most: int = 2,
        options: Options | None = None,
    ) -> None:
        self._folder = folder
        self._options = options or Options(hidden=hidden)
        self._hidden = hidden
        self._most = most
        self._labs: dict[str, Lab] = {}
        #: The one used last stands at the end.
        self._sessions: dict[str, Session] = {}
        self._stopped = False
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The labs that there are."""
        return labs(self._folder)

    def at(self, name: str, seed: int) -> Session:
        """The session of a lab in its present version, by today's grader. Raises `LabError`."""
        session = self._sessions.pop(name, None)
        try:
            lab = self._today(name)
        except LabError:
            self._close(session)
            raise
        wanted = (lab.version, seed, Fingerprint.of(lab))
        if session is None or (session.lab.version, session.seed, session.fingerprint) != wanted:
            self._close(session)
            session = Session(lab, seed, self._options)
            log.info("%s gets a fresh checker, of the grader %.12s", name, wanted[2].grader)
        while len(self._sessions) >= self._most:
            self._close(self._sessions.pop(next(iter(self._sessions))))
        with self._lock:
            self._sessions[name] = session
            if self._stopped:
                session.stop()
        return session

    def warm(self, seeds: Mapping[str, int]) -> None:
        """Start the checkers of as many of these labs as are kept; what fails is met later."""
        for name in list(seeds)[: self._most]:
            with contextlib.suppress(LabError, CheckerBroken, LabUnusable, OSError):
                self.at(name, seeds[name]).warm()

    def drop(self, name: str) -> None:
        """Close a lab's session, if there is one; the next grading gets a fresh one."""
        self._close(self._sessions.pop(name, None))

    def stop(self) -> None:
        """End all checkers at once, from any thread; no session grades any more."""
        with self._lock:
            self._stopped = True
            for session in list(self._sessions.values()):  # another thread may be adding one
                session.stop()

    def close(self) -> None:
        """Close all sessions in good order."""
        for name in list(self._sessions):
            self.drop(name)

    def _today(self, name: str) -> Lab:
        if name not in self.names():
            raise LabError(self._folder / name, None, "there is no such lab on this machine")
        folder, known = str(self._folder / name), self._labs.get(name)
        if known is not None:
            # To read a lab's cells is slow; where the version is the same, they are too.
            lab = load_lab(folder, self._hidden, known.cells)
            if lab.version == known.version:
                return lab
        self._labs[name] = load_lab(folder, self._hidden)
        return self._labs[name]

    def _close(self, session: Session | None) -> None:
        if session is not None:
            with contextlib.suppress(OSError):
                session.close()
