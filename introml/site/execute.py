"""Execute the book's pages into the cache: those whose results may have changed, side by side.

myst-nb then finds every page's outputs in the cache and executes nothing. A page is stale when its
code, a module of introml that it imports, a data file that it reads, or the Python it runs in has
changed since; see `BookCache.key`. Words around the code and the JavaScript of widgets do not
matter.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from introml.site.cache import BookCache, Execution, PageCode
from introml.site.claims import TAG, claim_of
from introml.site.failures import CellFailed, Failure, failure_on
from introml.site.lock import only_one_build
from introml.site.pages import Page, UnreadablePage, book_config, code_lines
from introml.site.progress import Progress, progress_on

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: Seconds a cell may take, unless `_config.yml` says otherwise under `execute.timeout`.
CELL_SECONDS = 120
#: Seconds a page may take before a warning: the book's own limit, on two cores.
PAGE_SECONDS = 30


@dataclass(frozen=True)
class PageResult:
    """What became of a page: `executed` now or up to date; the seconds of its last execution."""

    page: Page
    executed: bool
    seconds: float = 0.0
    cell_seconds: tuple[float, ...] = ()
    failure: Failure | None = None


class ExecutionFailed(Exception):
    """Some pages failed. Their `failures` have been reported; `results` are those of all pages."""

    def __init__(self, results: Sequence[PageResult]) -> None:
        self.results = list(results)
        self.failures = [result.failure for result in results if result.failure is not None]
        places = ", ".join(f"{failure.docname}.md:{failure.line}" for failure in self.failures)
        super().__init__(f"{_pages(len(self.failures))} failed: {places}")


@dataclass(frozen=True)
class _Target:
    """A page that gets the outputs of an execution, and where the code of its cells begins."""

    page: Page
    code: PageCode
    lines: list[int]


@dataclass(frozen=True)
class _Work:
    """One notebook to execute, for all pages that have its key: the same code in other words."""

    key: str
    notebook: "NotebookNode"
    targets: list[_Target]


def usable_cores() -> int:
    """The cores that this process may use: in a container or job fewer than there are, perhaps."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def page_key(root: Path, page: Page) -> str:
    """sha256 of all that the page's outputs depend on. Raises `UnreadablePage`."""
    cache = BookCache(root)
    return cache.key(cache.code(page))


def stale_pages(root: Path) -> list[Page]:
    """The pages that `execute_book` would execute, in reading order."""
    cache = BookCache(root)

    def is_stale(page: Page) -> bool:
        try:
            code = cache.code(page)
        except UnreadablePage:
            return True
        return cache.execution(code, cache.key(code)) is None

    return [page for page in cache.notebooks() if is_stale(page)]


def executed_notebook(root: Path, page: Page) -> "NotebookNode":
    """The page with the outputs that the cache has for its code, the ones myst-nb shows.

    Cell ids are made from the cells' numbers, so the same page is the same file in every build.
    Raises `LookupError` if `execute_book` has not seen the page's cells as they are today.
    """
    from jupyter_cache import get_cache

    cache = BookCache(root)
    notebook, _, _ = cache.read(page)
    try:
        _, merged = get_cache(str(cache.folder)).merge_match_into_notebook(notebook)
    except KeyError:
        raise LookupError(
            f"{page.docname} has not been executed since its cells changed; build the book first"
        ) from None
    merged.metadata.pop("source_map", None)
    for number, cell in enumerate(merged.cells, start=1):
        cell.id = f"cell-{number}"
    return merged


def execute_book(
    root: Path,
    jobs: int | None = None,
    only: Iterable[str] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[PageResult]:
    """Execute the stale pages, `jobs` at a time (by default one a core), the slowest first.

    `only` restricts this to some pages, by docname or file name; `force` takes pages that are up to
    date too. Each page that is done is kept at once: after an interruption the rest is left to do.

    Raises `ExecutionFailed` when all other pages are done, if any has failed; a failed page has no
    outputs in the cache. SIGINT ends all kernels and raises `KeyboardInterrupt`, SIGTERM and SIGHUP
    raise `SystemExit`.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs is {jobs}; it must be at least 1, or None for one a core")
    progress = progress_on() if progress is None else progress
    with only_one_build(Path(root) / "_build" / "cache", progress.note):
        build = _Build(BookCache(root), progress)
        try:
            build.prepare(only, force)
            if build.work:
                from introml.site.interrupts import run_until_signal

                run_until_signal(lambda: build.run(jobs or usable_cores()))
        finally:
            progress.close()
            build.cache.save()
    return build.report()


class _Build:
    """One call of `execute_book`."""

    def __init__(self, cache: BookCache, progress: Progress) -> None:
        self.cache, self._progress = cache, progress
        self.work: list[_Work] = []
        self._pages: list[Page] = []
        self._results: dict[str, PageResult] = {}
        self._timeout = _cell_seconds(cache.root)
        self._began = time.monotonic()

    def prepare(self, only: Iterable[str] | None, force: bool) -> None:
        """Sort the pages into those that are up to date and the notebooks to execute."""
        self._pages = _chosen(self.cache.notebooks(), only)
        stale: dict[str, list[Page]] = {}
        firsts: dict[str, tuple[str, Page]] = {}
        for page in self._pages:
            try:
                code = self.cache.code(page)
            except UnreadablePage as error:
                self._fail(page, Failure(page.docname, error.line, error.reason))
                continue
            key = self.cache.key(code)
            other_key, other = firsts.setdefault(code.notebook, (key, page))
            if other_key != key:
                # jupyter-cache and myst-nb know a page by its code alone.
                reason = (
                    f"its code is that of {other.docname}.md, to the letter, but it reads other "
                    "files; change a cell, by a comment say, so that the two can be told apart"
                )
                self._fail(page, Failure(page.docname, 1, reason))
                continue
            done = None if force else self.cache.execution(code, key)
            if done is None:
                stale.setdefault(key, []).append(page)
            else:
                self._keep(page, code, done, executed=False)
        self.work = [self._to_do(pages) for pages in stale.values()]
        # A page that has never run may be the slowest of all.
        seconds = {page.docname: self.cache.last_seconds(page) for page in self._pages}
        self.work.sort(key=lambda work: -(seconds[work.targets[0].page.docname] or float("inf")))

    async def run(self, jobs: int) -> None:
        """Execute all work, `jobs` notebooks at a time."""
        import asyncio

        queue = deque(enumerate(self.work, start=1))

        async def worker() -> None:
            while queue:
                await self._execute(*queue.popleft())

        workers = [asyncio.ensure_future(worker()) for _ in range(min(jobs, len(queue)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for one in workers:
                one.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def report(self) -> list[PageResult]:
        """The results in reading order, after a last line that sums them up."""
        results = [self._results[page.docname] for page in self._pages]
        executed = sum(result.executed and result.failure is None for result in results)
        if any(result.failure for result in results):
            raise ExecutionFailed(results)
        if executed:
            seconds = time.monotonic() - self._began
            self._progress.note(f"executed {executed} of {_pages(len(results))} in {seconds:.0f} s")
        else:
            self._progress.note(f"{_pages(len(results))}, all up to date")
        return results

    def _to_do(self, pages: list[Page]) -> _Work:
        read = [self.cache.read(page) for page in pages]
        notebook, _, code = read[0]
        targets = [
            _Target(page, its_code, code_lines(its_notebook, lines))
            for page, (its_notebook, lines, its_code) in zip(pages, read, strict=True)
        ]
        # The key is taken before the execution: what changes during it makes the page stale again.
        return _Work(self.cache.key(code), notebook, targets)

    async def _execute(self, place: int, work: _Work) -> None:
        from introml.site.kernel import run_notebook

        page, code = work.targets[0].page, work.targets[0].code
        # From here on no page may show the old outputs, whether this ends well or not.
        for target in work.targets:
            self.cache.drop(target.code, work.key)
        self._progress.started(page.docname, place, len(self.work), code.cells)
        began = time.monotonic()
        try:
            cell_seconds = await run_notebook(
                work.notebook,
                self.cache.root,
                code.folder,
                self._timeout,
                lambda number: self._progress.cell(page.docname, number),
            )
        except CellFailed as failed:
            failed = _with_claim(failed, work.notebook)
            for target in work.targets:
                failure = failure_on(target.page.docname, failed, target.lines)
                self._fail(target.page, failure, time.monotonic() - began)
            return
        seconds = time.monotonic() - began
        done = Execution(code.notebook, work.key, seconds, cell_seconds)
        self.cache.store(page, work.notebook, done)
        for target in work.targets:
            self._keep(target.page, target.code, done, executed=True)
        self.cache.save()
        self._progress.finished(page.docname, seconds)
        if seconds > PAGE_SECONDS:
            self._progress.note(_too_slow(work.targets[0], done))

    def _keep(self, page: Page, code: PageCode, done: Execution, *, executed: bool) -> None:
        self.cache.assign(page, code, done)
        self._results[page.docname] = PageResult(page, executed, done.seconds, done.cell_seconds)

    def _fail(self, page: Page, failure: Failure, seconds: float = 0.0) -> None:
        self.cache.unassign(page)
        self._results[page.docname] = PageResult(page, True, seconds, failure=failure)
        self._progress.failed(failure, seconds)


def _with_claim(failed: CellFailed, notebook: "NotebookNode") -> CellFailed:
    """The failure, which says the claim where the cell is there to check one."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if failed.number is None or TAG not in cells[failed.number - 1].metadata.get("tags", []):
        return failed
    claim = claim_of(cells[failed.number - 1].source)
    if claim is None:
        return failed
    error = f"the claim “{claim}” does not hold: {failed.error}"
    return CellFailed(failed.number, error, failed.frames, failed.count)


def _chosen(notebooks: list[Page], only: Iterable[str] | None) -> list[Page]:
    if only is None:
        return notebooks
    wanted = {name.removesuffix(".md") for name in only}
    if unknown := wanted - {page.docname for page in notebooks}:
        raise ValueError(
            f"{min(unknown)!r} is not a notebook page of the book; "
            "give names as they stand in _toc.yml, e.g. 'chapters/rnn/sequences'"
        )
    return [page for page in notebooks if page.docname in wanted]


def _cell_seconds(root: Path) -> float:
    seconds = (book_config(root).get("execute") or {}).get("timeout", CELL_SECONDS)
    if not isinstance(seconds, int | float) or seconds <= 0:
        raise ValueError(
            f"execute.timeout in _config.yml is {seconds!r}; it must be a number of seconds above 0"
        )
    return seconds


def _too_slow(target: _Target, done: Execution) -> str:
    slowest = max(range(len(done.cell_seconds)), key=done.cell_seconds.__getitem__)
    return (
        f"warning: {target.page.docname}.md:{target.lines[slowest]}: "
        f"the page took {done.seconds:.0f} s, and a page may take {PAGE_SECONDS} s; "
        f"cell {slowest + 1} took {done.cell_seconds[slowest]:.0f} s of it"
    )


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
