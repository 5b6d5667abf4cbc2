"""What is executed when, in which order, and what is kept: with a stand-in for kernels."""

import fcntl
import io
import json
import shutil
import subprocess
import sys
import threading
import time

import pytest
from cpu_work import units_of_work
from small_books import cell, notebook, page_of, run, write_book

from introml.site import execute, kernel
from introml.site.execute import execute_book, executed_notebook, stale_pages
from introml.site.failures import CellFailed
from introml.site.progress import LiveLines, PlainLines


@pytest.fixture
def runs(monkeypatch):
    """Replaces kernels: pages are noted in order, and fail where their code says so."""
    noted = []

    async def run_notebook(book, root, folder, timeout, on_cell):
        cells = [c for c in book.cells if c.cell_type == "code"]
        noted.append(cells[0].source if cells else "")
        for count, one in enumerate(cells, start=1):
            on_cell(count)
            if one.source.startswith("fail"):
                raise CellFailed(count, "Failed: here")
            one.outputs, one.execution_count = [], count
        return tuple(0.0 for _ in cells)

    monkeypatch.setattr(kernel, "run_notebook", run_notebook)
    return noted


def test_the_slowest_come_first_and_pages_never_run_before_them(tmp_path, runs):
    write_book(tmp_path, {name: notebook(cell(name)) for name in "abcd"})
    run(tmp_path, only=["a", "b.md", "d"])
    known = tmp_path / "_build/cache/pages.json"
    saved = json.loads(known.read_text())
    for name, seconds in {"a": 2, "b": 9, "d": 5}.items():
        saved["pages"][name]["seconds"] = seconds
    known.write_text(json.dumps(saved))
    runs.clear()
    results, printed = run(tmp_path, jobs=1, force=True)
    assert runs == ["c", "b", "d", "a"]
    assert [result.page.docname for result in results] == list("abcd")
    assert printed.splitlines()[0] == "executing 1 of 4 · c · 1 cell"
    runs.clear()
    run(tmp_path, only=["b"], force=True)
    assert runs == ["b"]


@pytest.mark.parametrize("lost", ["global.db", "pages.json", "executed"])
def test_what_is_lost_of_the_cache_is_executed_again(tmp_path, runs, lost):
    write_book(tmp_path, {"a": notebook(cell("x"))})
    run(tmp_path)
    path = tmp_path / "_build/cache" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert len(stale_pages(tmp_path)) == 1
    run(tmp_path)
    assert runs == ["x", "x"]
    assert executed_notebook(tmp_path, page_of(tmp_path, "a")).cells[-1].execution_count == 1


def test_pages_of_the_same_code_are_executed_once(tmp_path, runs):
    pages = {
        "a": notebook(cell("x")),
        "b": notebook("Other words.\n", cell("x", "hide-input")),
        "c": notebook(cell("fail")),
        "d": notebook("Other\n\nwords.\n", cell("fail", "hide-input")),
        "e": notebook(cell("x", "skip-execution")),
    }
    write_book(tmp_path, pages)
    results, _ = run(tmp_path, jobs=1)
    assert sorted(runs) == ["fail", "x", "x"]
    assert [result.executed for result in results] == [True] * 5
    lines = [result.failure and result.failure.line for result in results]
    assert lines == [None, None, 8, 14, None], "each at its own line"
    assert [page.docname for page in stale_pages(tmp_path)] == ["c", "d"]
    for name in "ab":
        assert executed_notebook(tmp_path, page_of(tmp_path, name)).cells[-1].execution_count == 1
    run(tmp_path, only=["b"], force=True)
    assert [page.docname for page in stale_pages(tmp_path)] == ["c", "d"]


def test_a_page_over_the_books_limit_is_warned_of(tmp_path, runs, monkeypatch):
    monkeypatch.setattr(execute, "PAGE_SECONDS", 0)
    write_book(tmp_path, {"a": notebook(cell("x"), cell("y"))})
    _, printed = run(tmp_path)
    warning = r"warning: a.md:8: the page took 0 s, and a page may take 0 s; cell 1 took 0 s of it"
    assert printed.splitlines().count(warning) == 1


def test_bad_arguments_say_what_is_allowed(tmp_path, runs):
    write_book(tmp_path, {"a": notebook(cell("x"))}, timeout=-1)
    with pytest.raises(ValueError, match=r"jobs is 0; it must be at least 1"):
        run(tmp_path, jobs=0)
    with pytest.raises(ValueError, match=r"execute.timeout in _config.yml is -1"):
        run(tmp_path)
    write_book(tmp_path, {"a": notebook(cell("x"))})
    with pytest.raises(ValueError, match=r"'b' is not a notebook page"):
        run(tmp_path, only=["b"])
    with pytest.raises(ValueError, match=r"'intro' is not a notebook page"):
        run(tmp_path, only=["intro"])


def test_a_second_build_waits_for_the_first(tmp_path, runs, monkeypatch):
    write_book(tmp_path, {"a": notebook(cell("x"))})
    (tmp_path / "_build/cache").mkdir(parents=True)
    stream, begun, cache = io.StringIO(), [], execute.BookCache
    monkeypatch.setattr(execute, "BookCache", lambda root: begun.append(1) or cache(root))
    with (tmp_path / "_build/cache/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(
            target=lambda: execute_book(tmp_path, progress=PlainLines(stream))
        )
        second.start()
        end = time.monotonic() + 120
        while "waiting" not in stream.getvalue() and time.monotonic() < end:
            time.sleep(0.02)
        second.join(0.2)
        assert stream.getvalue() == (
            "another build of the book is executing pages; waiting for it\n"
        )
        assert begun == []
    second.join(120)
    assert runs == ["x"]


def test_each_page_is_kept_as_soon_as_it_is_done(tmp_path, runs):
    write_book(tmp_path, {name: notebook(cell(name)) for name in "ab"})
    kept = []

    class Noting(PlainLines):
        def finished(self, docname, seconds):
            saved = json.loads((tmp_path / "_build/cache/pages.json").read_text())
            kept.append(sorted(saved["pages"]))

    execute_book(tmp_path, jobs=1, progress=Noting(io.StringIO()))
    assert kept == [["a"], ["a", "b"]]


def test_a_failure_takes_out_the_outputs_of_other_tags_too(tmp_path, runs, monkeypatch):
    write_book(tmp_path, {"a": notebook(cell("x", "hide-input"))})
    run(tmp_path)
    write_book(tmp_path, {"a": notebook(cell("x", "remove-input"))})
    assert stale_pages(tmp_path) == []

    async def failing(*args):
        raise CellFailed(1, "Failed: by chance")

    monkeypatch.setattr(kernel, "run_notebook", failing)
    run(tmp_path, force=True)
    assert len(stale_pages(tmp_path)) == 1


def test_sixty_pages_that_are_up_to_date_are_not_even_opened(tmp_path, runs):
    modules = {f"introml/m{i}.py": f"import introml.m{i - 1}\n" * (i > 0) for i in range(60)}
    code = "import introml.m{}\nfrom introml.book.assets import asset\nasset('data/{}.csv')"
    pages = {f"p{i}": notebook(cell(code.format(i, i)), cell("y")) for i in range(60)}
    files = {"introml/__init__.py": "", "introml/book/assets.py": ""}
    write_book(tmp_path, pages, **modules, **files)
    run(tmp_path)
    assert len(runs) == 60
    opened, printed = set(), []

    def hear(event, arguments):
        if event == "open" and len(printed) < 3:
            opened.add(str(arguments[0]))

    sys.addaudithook(hear)
    units = min(units_of_work(lambda: printed.append(run(tmp_path)[1])) for _ in range(3))
    assert printed == ["60 pages, all up to date\n"] * 3
    sources = {n for n in opened if n.startswith(str(tmp_path)) and "/_build/" not in n}
    assert sources == {str(tmp_path / name) for name in ("_toc.yml", "_config.yml")}
    # Nor do the keys of sixty pages that lean on sixty modules cost much: a third of a second.
    assert units < 30


def test_importing_the_module_imports_nothing_heavy():
    heavy = {
        "asyncio",
        "nbclient",
        "jupyter_client",
        "jupyter_cache",
        "sphinx",
        "nbformat",
        "torch",
    }
    code = f"import sys, introml.site.execute; print({heavy!r} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_live_lines_tell_of_the_running_cell(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    now, terminal = [100.0], Terminal()
    live = LiveLines(terminal, clock=lambda: now[0])
    live.started("chapters/ml-basics/gradient-descent", 3, 9, 12)
    live.started("chapters/rnn/sequences", 4, 9, 2)
    live.cell("chapters/ml-basics/gradient-descent", 4)
    now[0] = 106.0
    assert str(live._lines()) == (
        "executing 3 of 9 · chapters/ml-basics/gradient-descent · cell 4 of 12 · 6 s\n"
        "executing 4 of 9 · chapters/rnn/sequences · 6 s"
    )
    live.finished("chapters/ml-basics/gradient-descent", 6.0)
    live.note("a [lasting] line")
    live.close()
    assert str(live._lines()) == "executing 4 of 9 · chapters/rnn/sequences · 6 s"
    assert "a [lasting] line" in terminal.getvalue()
