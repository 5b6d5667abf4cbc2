"""What a build shows while it executes pages: live lines on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from introml.site.failures import Failure


class Progress(Protocol):
    """Told what happens to pages as they are executed; `place` is a page's number among `count`."""

    def started(self, docname: str, place: int, count: int, cells: int) -> None: ...

    def cell(self, docname: str, number: int) -> None: ...

    def finished(self, docname: str, seconds: float) -> None: ...

    def failed(self, failure: Failure, seconds: float) -> None: ...

    def note(self, line: str) -> None: ...

    def close(self) -> None: ...


def progress_on(stream: TextIO | None = None) -> Progress:
    """The progress that suits the stream, standard output by default."""
    stream = sys.stdout if stream is None else stream
    return LiveLines(stream) if stream.isatty() else PlainLines(stream)


class PlainLines:
    """A line when a page starts and one when it ends, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pages: dict[str, str] = {}

    def started(self, docname: str, place: int, count: int, cells: int) -> None:
        self._pages[docname] = f"{place} of {count} · {docname} · {_cells(cells)}"
        self.note(f"executing {self._pages[docname]}")

    def cell(self, docname: str, number: int) -> None:
        pass

    def finished(self, docname: str, seconds: float) -> None:
        self.note(f"executed {self._pages.pop(docname)} · {seconds:.1f} s")

    def failed(self, failure: Failure, seconds: float) -> None:
        page = self._pages.pop(failure.docname, None)
        if page is not None:  # else it has not even started
            self.note(f"failed {page} · {seconds:.1f} s")
        self.note(failure.report())

    def note(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        pass


class LiveLines:
    """One line for each running page, redrawn in place, and lasting lines above them."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live

        self._clock = clock
        self._console = Console(file=stream, highlight=False)
        self._running: dict[str, dict[str, Any]] = {}
        self._live = Live(console=self._console, get_renderable=self._lines, transient=True)

    def started(self, docname: str, place: int, count: int, cells: int) -> None:
        self._running[docname] = {
            "place": f"executing {place} of {count} · {docname}",
            "cells": cells,
            "cell": 0,
            "began": self._clock(),
        }
        self._live.start(refresh=True)

    def cell(self, docname: str, number: int) -> None:
        self._running[docname]["cell"] = number

    def finished(self, docname: str, seconds: float) -> None:
        self._running.pop(docname)

    def failed(self, failure: Failure, seconds: float) -> None:
        from rich.text import Text

        self._running.pop(failure.docname, None)
        color = self._console.color_system is not None and not self._console.no_color
        self._console.print(Text.from_ansi(failure.report(color=color)), soft_wrap=True)

    def note(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    def close(self) -> None:
        self._live.stop()

    def _lines(self) -> Any:
        from rich.text import Text

        lines = []
        for page in list(self._running.values()):
            cell = f" · cell {page['cell']} of {page['cells']}" if page["cell"] else ""
            lines.append(f"{page['place']}{cell} · {self._clock() - page['began']:.0f} s")
        return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
