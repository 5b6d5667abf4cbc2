"""How far the grading of mutants is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from introml.grader.authoring.mutants import Fates

_LINE_S = 30.0


class MutantsBar:
    """Shows mutants as they are graded; lines that are said meanwhile stand above the bar."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def say(self, line: str) -> None:
        """Print a line."""
        self.__exit__()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def tell(self, fates: Fates) -> None:
        """Show how many mutants are graded, and how many of them got all points."""
        words = f"{len(fates.survivors)} get all points"
        if not self._console.is_terminal:
            if time.monotonic() - self._last > _LINE_S:
                self._last = time.monotonic()
                self.say(f"  {fates.tried} of {fates.total} mutants, {words}")
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("mutants"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.add_task("", total=fates.total)
            self._progress.start()
        task = self._progress.task_ids[0]
        self._progress.update(task, completed=fates.tried, description=words)
