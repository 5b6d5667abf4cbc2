"""Which grading workers the service heard of lately, and how one of this machine's ended."""

from __future__ import annotations

import threading
import time

#: A worker without work asks every second, one that grades renews its lease: silence means death.
_SILENT_S = 60.0
_MOST = 10_000


class Heard:
    """What one service has heard of workers since it started; for all of its threads."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()
        #: How the last of this machine's workers ended that did so unasked; "" if none did.
        self.ended = ""

    def note(self, worker: str) -> None:
        """A worker has asked for work."""
        at = time.monotonic()
        with self._lock:
            self._last[worker] = at
            if len(self._last) > _MOST:
                self._last = {x: when for x, when in self._last.items() if at - when < _SILENT_S}

    def died(self, process: int, status: int) -> None:
        """One of this machine's workers has ended, and nobody told it to."""
        what = f"signal {-status}" if status < 0 else f"status {status}"
        with self._lock:
            self.ended = f"the last one to end did so with {what}; hub.log says more"
            for name in [x for x in self._last if x.endswith(f", process {process}")]:
                del self._last[name]

    def lately(self) -> set[str]:
        """The names of those that asked within the last minute."""
        at = time.monotonic()
        with self._lock:
            return {name for name, when in self._last.items() if at - when < _SILENT_S}

    @property
    def settled(self) -> bool:
        """Whether the service runs for so long that workers must have been heard of."""
        return time.monotonic() - self._began > 2 * _SILENT_S
