"""How a run is going: a bar where there is a terminal, a line for each submission elsewhere."""

from __future__ import annotations

import time
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from introml.grader.run.grade import Graded


class Watcher(Protocol):
    """What is told of each submission."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def tell(self, news: Graded) -> None: ...


def watcher(total: int, console: Console) -> Watcher:
    """The right one for this console."""
    return _Bar(total, console) if console.is_terminal else _Lines(total, console)


class _Rate:
    """Submissions a minute, those that were done before not counted."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._fresh = 0

    def count(self, news: Graded) -> str:
        self._fresh += news.fresh
        minutes = (time.monotonic() - self._began) / 60
        return f"{self._fresh / minutes:.0f}/min" if self._fresh and minutes else ""


class _Bar:
    def __init__(self, total: int, console: Console) -> None:
        self._rate = _Rate()
        self._progress = Progress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}", markup=False),
            console=console,
        )
        self._task = self._progress.add_task("", total=total, rate="", last="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, news: Graded) -> None:
        self._progress.update(
            self._task, advance=1, rate=self._rate.count(news), last=news.folder[:30]
        )


class _Lines:
    def __init__(self, total: int, console: Console) -> None:
        self._total, self._done = total, 0
        self._console = console
        self._rate = _Rate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def tell(self, news: Graded) -> None:
        self._done += 1
        rate = self._rate.count(news)
        score = f"{news.score:g}/{news.max_score:g}"
        how = str(news.verdict) if news.fresh else "done before"
        self._console.print(
            f"{self._done}/{self._total}  {news.folder}  {how}  {score}  {rate}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
