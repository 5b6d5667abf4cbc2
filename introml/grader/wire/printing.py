"""Where a student's process prints: mended where a cell has closed it, ended before checks run."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Literal, TextIO

_STREAMS = {"stdout": 1, "stderr": 2}


class Printing:
    """The process's two ways to print, which lead to one pipe; it keeps a copy of that."""

    def __init__(self) -> None:
        self._copy = os.dup(1)
        for name, fd in _STREAMS.items():
            setattr(sys, name, text_stream(fd, "w"))

    def mend(self) -> None:
        """Open again what a cell has closed, so that later cells can print."""
        for name, fd in _STREAMS.items():
            try:
                os.fstat(fd)
            except OSError:
                with contextlib.suppress(OSError):
                    os.dup2(self._copy, fd)
            closed = True
            with contextlib.suppress(BaseException):  # it may be any object of the student's
                closed = bool(getattr(sys, name).closed)
            if closed:
                setattr(sys, name, text_stream(fd, "w"))

    def hush(self) -> None:
        """Send what is printed from now on nowhere."""
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        for fd in (*_STREAMS.values(), self._copy):
            with contextlib.suppress(OSError):
                os.dup2(null, fd)
        os.close(null)
        self.mend()


def text_stream(fd: int, mode: Literal["r", "w"]) -> TextIO:
    """A descriptor as a stream of text, whose lines are written as they end."""
    return open(fd, mode, encoding="utf-8", errors="replace", buffering=1, closefd=False)
