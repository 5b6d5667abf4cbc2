"""Executing small books: what reaches the cache, what myst-nb makes of it, what the author sees."""

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from small_books import FRONT, cell, notebook, page_of, run, text_of, write_book

from introml.site import kernel
from introml.site.execute import executed_notebook, page_key, stale_pages
from introml.site.interrupts import run_until_signal

WIDGET = notebook(
    cell(
        """
        import anywidget, traitlets

        class Knob(anywidget.AnyWidget):
            _esm = "export default { render() {} };"
            turn = traitlets.Int(1).tag(sync=True)
            wave = traitlets.Bytes(b"").tag(sync=True)

        knob = Knob(wave=bytes([0, 255, 7]))
        knob
        """,
        "hide-input",
    ),
    "Words between.\n",
    cell("knob.turn = 42"),
)
SETTINGS = notebook(
    cell(
        """
        import json, os, sys, tempfile
        names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "MPLBACKEND", "PYTHONHASHSEED", "COLUMNS"]
        facts = {name: os.environ.get(name) for name in names}
        facts["cwd"], facts["files"] = os.getcwd(), os.listdir()
        facts["tmp"], facts["path"] = tempfile.gettempdir(), sys.path
        facts["startup"] = "left_by_the_user" in globals()
        facts["hash"], facts["python"] = hash("introml"), sys.executable
        import introml
        facts["introml"] = introml.__file__
        print(json.dumps(facts))
        """
    )
)
PIECES = notebook(
    cell(
        """
        import sys, time
        for piece in "abc":
            print(piece, flush=True)
            time.sleep(0.05)
        print("err", file=sys.stderr, flush=True)
        print("d", flush=True)
        shown = display("old", display_id=True)
        """
    ),
    cell("1 / 0", "raises-exception"),
    cell("raise SystemExit('not run')", "skip-execution"),
    # What is written past Python reaches the kernel by a thread, which needs its turn.
    cell("import os, time\nshown.update('new')\nos.write(1, b'from C')\ntime.sleep(1)"),
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A book that has been executed once: its root, the results and what was printed."""
    pages = {
        "a/widget": WIDGET,
        "settings": SETTINGS,
        "pieces": PIECES,
        "prose": notebook("Words."),
    }
    package = {"introml/__init__.py": "", "introml/lesson.py": ""}
    root = write_book(tmp_path_factory.mktemp("book"), pages, **package)
    ipython = tmp_path_factory.mktemp("ipython")
    (ipython / "profile_default/startup").mkdir(parents=True)
    (ipython / "profile_default/startup/mine.py").write_text("left_by_the_user = True\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "Agg")
        patch.setenv("COLUMNS", "40")
        patch.setenv("OMP_NUM_THREADS", "7")
        patch.setenv("IPYTHONDIR", str(ipython))
        results, printed = run(root, jobs=2)
    return root, results, printed


def test_results_come_in_reading_order_and_lines_tell_of_each_page(built):
    root, results, printed = built
    names = ["a/widget", "settings", "pieces", "prose"]
    assert [result.page.docname for result in results] == names
    assert all(result.executed and result.failure is None for result in results)
    assert [len(result.cell_seconds) for result in results] == [2, 1, 4, 0]
    assert 0.15 < results[2].cell_seconds[0] < sum(results[2].cell_seconds) < results[2].seconds
    assert results[2].cell_seconds[2] < 0.15, "the skipped cell"
    for name, cells in zip(names, ["2 cells", "1 cell", "4 cells", "0 cells"], strict=True):
        assert len(re.findall(rf"^executing \d of 4 · {name} · {cells}$", printed, re.M)) == 1
        assert (
            len(re.findall(rf"^executed \d of 4 · {name} · {cells} · [\d.]+ s$", printed, re.M))
            == 1
        )
    assert printed.splitlines()[0].startswith("executing 1 of 4 · a/widget")
    assert re.fullmatch(r"executed 4 of 4 pages in \d+ s", printed.splitlines()[-1])
    assert len(printed.splitlines()) == 9
    saved = json.loads((root / "_build/cache/pages.json").read_text())["pages"]
    assert saved["pieces"]["key"] == page_key(root, page_of(root, "pieces"))
    assert saved["pieces"]["seconds"] == results[2].seconds
    assert saved["pieces"]["cell_seconds"] == list(results[2].cell_seconds)


def test_nothing_is_executed_twice(built, monkeypatch):
    root, first, _ = built
    monkeypatch.setattr(kernel, "run_notebook", lambda *a: pytest.fail("executed again"))
    results, printed = run(root)
    assert printed == "4 pages, all up to date\n"
    assert [result.seconds for result in results] == [result.seconds for result in first]
    assert not any(result.executed for result in results)
    assert stale_pages(root) == []


def test_pages_run_with_the_same_settings_everywhere(built):
    root, _, _ = built
    facts = json.loads(text_of(root, "settings"))
    assert facts["OMP_NUM_THREADS"] == facts["MKL_NUM_THREADS"] == "1"
    assert facts["MPLBACKEND"] == "module://matplotlib_inline.backend_inline"
    assert facts["COLUMNS"] is None
    assert facts["startup"] is False
    assert "settings.md" in facts["files"], "the working directory looks like the page's folder"
    assert facts["cwd"] != str(root), "and is another"
    assert not Path(facts["cwd"]).exists(), "which is gone afterwards"
    assert Path(facts["tmp"]).parent == Path(facts["cwd"]).parent
    assert facts["introml"] == str(root / "introml/__init__.py")
    assert facts["python"] == sys.executable
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    seeded = subprocess.check_output(
        [sys.executable, "-c", "print(hash('introml'))"], env=environment, text=True
    )
    assert facts["hash"] == int(seeded)


def test_outputs_of_tagged_cells_and_of_streams(built):
    root, _, _ = built
    cells = [
        c for c in executed_notebook(root, page_of(root, "pieces")).cells if c.cell_type == "code"
    ]
    *streams, shown = cells[0].outputs
    assert shown.data["text/plain"] == "'new'"
    streams = [(output.name, output.text) for output in streams]
    assert streams == [("stdout", "a\nb\nc\n"), ("stderr", "err\n"), ("stdout", "d\n")]
    assert [output.ename for output in cells[1].outputs] == ["ZeroDivisionError"]
    assert cells[2].outputs == []
    assert cells[2].execution_count is None
    assert "from C" in "".join(output.get("text", "") for output in cells[3].outputs)


def test_words_and_tags_of_display_change_without_an_execution(built, monkeypatch):
    root, _, _ = built
    monkeypatch.setattr(kernel, "run_notebook", lambda *a: pytest.fail("executed again"))
    page = page_of(root, "a/widget")
    text = page.path.read_text()
    page.path.write_text(text.replace("hide-input", "remove-input").replace("between", "today"))
    assert stale_pages(root) == []
    assert run(root)[1] == "4 pages, all up to date\n"
    executed = executed_notebook(root, page)
    page.path.write_text(text)
    assert [one.cell_type for one in executed.cells] == ["markdown", "code", "markdown", "code"]
    assert executed.cells[1].metadata.tags == ["remove-input"]
    assert executed.cells[2].source == "Words today."
    assert executed.cells[1].outputs[0].output_type == "execute_result"
    assert executed.metadata.language_info.pygments_lexer == "ipython3"
    widgets = executed.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert 42 in [model["state"].get("turn") for model in widgets.values()]
    before = executed_notebook(root, page)
    assert before.cells[1].metadata.tags == ["hide-input"]
    assert before == executed_notebook(root, page), "the same file in every build"


def sphinx_html(root, out, mode, page):
    """The page as plain Sphinx with myst-nb builds it, and the warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    settings = {
        "extensions": ["myst_nb"],
        "root_doc": "intro",
        "myst_enable_extensions": ["colon_fence"],
        "nb_execution_mode": mode,
        "nb_execution_cache_path": str(root / "_build/cache"),
        "nb_execution_raise_on_error": True,
        "exclude_patterns": ["_build"],
        "include_patterns": ["intro.md", f"{page}.md"],
        "html_theme": "basic",
    }
    warnings = io.StringIO()
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            root, None, out, out / "doctrees", "html", settings, status=None, warning=warnings
        )
        app.build()
    return (out / f"{page}.html").read_text(), warnings.getvalue()


def split_state(html):
    """The page without its widget state, and that state; ids are new in each execution."""
    script = r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>'
    (state,) = re.findall(script, html, re.DOTALL)
    for name, model in json.loads(state)["state"].items():
        html = html.replace(name, model["model_name"])
    (state,) = re.findall(script, html, re.DOTALL)
    return re.sub(script, "", html, flags=re.DOTALL), json.loads(state)["state"]


def test_myst_nb_takes_outputs_and_widgets_from_the_cache_and_starts_no_kernel(
    built, tmp_path, monkeypatch
):
    root, _, _ = built
    own, _ = sphinx_html(root, tmp_path / "own", "force", "a/widget")

    def no_kernel(*args, **kwargs):
        raise AssertionError("myst-nb started a kernel")

    monkeypatch.setattr("jupyter_client.provisioning.local_provisioner.launch_kernel", no_kernel)
    with pytest.raises(Exception, match="started a kernel"):
        sphinx_html(root, tmp_path / "guard", "force", "a/widget")
    for page in ("settings", "pieces", "prose"):
        sphinx_html(root, tmp_path / page, "cache", page)
    assert "OMP_NUM_THREADS" in (tmp_path / "settings/settings.html").read_text()
    cached, warnings = sphinx_html(root, tmp_path / "cached", "cache", "a/widget")
    assert "exec" not in warnings
    own_page, own_state = split_state(own)
    assert own_state["AnyModel"]["state"]["turn"] == 42
    assert own_state["AnyModel"]["buffers"][0]["data"] == "AP8H", "the bytes 0, 255, 7"
    assert own_state["LayoutModel"]
    assert split_state(cached) == (own_page, own_state)


def test_a_stale_page_is_executed_again_and_no_other(built):
    root, _, _ = built
    path = root / "settings.md"
    before = text_of(root, "settings")
    path.write_text(path.read_text().replace("print(json", "print(1, json"))
    assert [page.docname for page in stale_pages(root)] == ["settings"]
    results, printed = run(root)
    assert [result.page.docname for result in results if result.executed] == ["settings"]
    assert printed.splitlines()[-1].startswith("executed 1 of 4 pages")
    assert text_of(root, "settings").startswith("1 {")
    # The code of before is still known, so going back to it costs nothing.
    path.write_text(path.read_text().replace("print(1, json", "print(json"))
    assert stale_pages(root) == []
    assert text_of(root, "settings") == before


BROKEN = {
    "value": notebook(
        cell("def half(x):\n    raise ValueError('no half\\nof it')"),
        cell("skipped", "skip-execution"),
        "More.",
        cell("x = 3\n\nprint('so far')\nhalf(x)", "hide-output"),
        cell("print('never reached')"),
    ),
    "syntax": notebook(cell("x = 1\nx = = 2")),
    "library": notebook(cell("%%time\nimport json\njson.loads('{')")),
    "display": notebook(cell("from IPython.display import Image\nImage('nosuch.png')")),
    "magic": notebook(cell("%nosuchmagic")),
    "slow": notebook(cell("import time\n\ntime.sleep(60)", "raises-exception")),
    "killed": notebook(cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")),
    "crash": notebook(
        cell("pass"), cell("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    ),
    "options": FRONT + "# Page\n\n```{code-cell} ipython3\n:tags: [a\n1\n```\n",
    "ruby": "---\nfile_format: mystnb\nkernelspec: {name: ruby}\n---\n# R\n\n" + cell("1"),
    # ipykernel reads what is written past Python in a thread, which must have its turn.
    "fine": notebook(
        cell("import os, time\nprint('fine')\nos.write(2, b'noise')\ntime.sleep(0.5)")
    ),
}
HEADLINES = {
    "value": "value.md:25: cell 3, line 4 of it: ValueError: no half",
    "syntax": "syntax.md:9: cell 1, line 2 of it: SyntaxError: invalid syntax",
    "library": "library.md:8: cell 1, line 1 of it: JSONDecodeError: "
    "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    "display": "display.md:8: cell 1: FileNotFoundError: No such file or directory: 'nosuch.png'",
    "magic": "magic.md:8: cell 1: UsageError: Line magic function `%nosuchmagic` not found.",
    "slow": "slow.md:12: cell 1, line 3 of it: TimeoutError: stopped after 5 s, "
    "the limit of execute.timeout in _config.yml",
    "killed": "killed.md:8: cell 1: the kernel died, killed by SIGKILL: out of memory?",
    "crash": "crash.md:13: cell 2, line 2 of it: the kernel died, killed by SIGSEGV",
}
SCRIPT = """
import sys
from introml.site.execute import ExecutionFailed, execute_book
try:
    execute_book(sys.argv[1], jobs=2)
except ExecutionFailed as failed:
    print("raised:", len(failed.failures))
    sys.exit(3)
"""


def test_each_failure_is_reported_once_at_its_line(tmp_path):
    write_book(tmp_path, BROKEN, timeout=5)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False
    )
    printed = done.stdout
    assert done.stderr == "", "no noise of libraries"
    assert done.returncode == 3
    assert "\x1b" not in printed
    assert printed.splitlines()[-1] == "raised: 10"
    for name, headline in HEADLINES.items():
        assert printed.splitlines().count(headline) == 1, name
        assert (
            len(re.findall(rf"^failed \d of 9 · {name} · \d cells? · [\d.]+ s$", printed, re.M))
            == 1
        )
    assert re.search(r"^options.md:7: the cell's options cannot be read: .*bad YAML", printed, re.M)
    assert re.search(r"^ruby.md:1: its kernel is 'ruby'", printed, re.M)
    value = printed[printed.index("value.md:25") :].split("\n\n", 1)[1]
    assert value.startswith("ValueError                                Traceback (most recent")
    assert "----> 4 half(x)\n" in value
    assert "----> 2     raise ValueError('no half\\nof it')\n" in value
    assert printed.count("half(x)\nCell In[1]") == 1
    # One traceback for each error that has one; for crashes the interpreter's dump.
    assert printed.count("Traceback (most recent call last)") == 5
    assert "----> 3 time.sleep(60)" in printed
    assert "Fatal Python error: Segmentation fault" in printed
    assert "ipykernel" not in printed
    assert "IPython/" not in printed
    assert not re.search("nbclient|asyncio|tornado|runpy", printed)
    assert "json/decoder.py" in printed, "frames of other libraries stay"
    assert text_of(tmp_path, "fine") == "fine\nnoise"
    assert [p.docname for p in stale_pages(tmp_path)] == [n for n in BROKEN if n != "fine"]


def test_a_kernel_that_does_not_start_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel.sys, "executable", "/bin/false")
    results, printed = run(write_book(tmp_path, {"page": notebook(cell("1"))}))
    assert results[0].failure.headline.startswith("page.md:1: the kernel did not start: ")
    assert results[0].failure.headline in printed


def test_a_failed_page_has_no_outputs_left_in_the_cache(tmp_path):
    from jupyter_cache import get_cache

    from introml.site.cache import BookCache

    page = notebook(cell("from introml.lesson import value\nprint(value())"))
    lesson = "def value():\n    return 1\n"
    files = {"introml/__init__.py": "", "introml/lesson.py": lesson}
    write_book(tmp_path, {"page": page}, **files)
    run(tmp_path)
    assert text_of(tmp_path, "page") == "1\n"
    (tmp_path / "introml/lesson.py").write_text("def value():\n    return nothing\n")
    results, printed = run(tmp_path)
    assert "page.md:9: cell 1, line 2 of it: NameError: name 'nothing' is not defined" in printed
    assert results[0].failure.line == 9
    with pytest.raises(LookupError, match="page has not been executed"):
        executed_notebook(tmp_path, page_of(tmp_path, "page"))
    read, _, _ = BookCache(tmp_path).read(page_of(tmp_path, "page"))
    with pytest.raises(KeyError):
        get_cache(str(tmp_path / "_build/cache")).match_cache_notebook(read)
    # Nor does the module's earlier text bring back what has been taken out.
    (tmp_path / "introml/lesson.py").write_text(lesson)
    assert len(stale_pages(tmp_path)) == 1


def test_pages_run_side_by_side_and_one_at_a_time_if_told_so(tmp_path):
    meet = """
    import os, pathlib, time
    here = pathlib.Path({root!r}) / "meet"
    here.mkdir(exist_ok=True)
    (here / "{own}").touch()
    end = time.monotonic() + 300
    while not (here / "{other}").exists():
        assert time.monotonic() < end, "alone"
        time.sleep(0.02)
    """
    pages = {
        own: notebook(cell(meet.format(root=str(tmp_path), own=own, other=other)))
        for own, other in [("left", "right"), ("right", "left")]
    }
    write_book(tmp_path, pages)
    results, printed = run(tmp_path, jobs=2)
    assert [result.failure for result in results] == [None, None]
    lines = [line.split()[0] for line in printed.splitlines()]
    assert lines == ["executing", "executing", "executed", "executed", "executed"]


def start_slow_build(root):
    """A build that hangs in its second page, and the processes and folder of that page."""
    slow = f"""
    import os, subprocess, sys, time
    sleep = [sys.executable, "-c", "import time; time.sleep(300)"]
    near = subprocess.Popen(sleep)
    far = subprocess.Popen(sleep, start_new_session=True)
    with open({str(root / "draft")!r}, "w") as file:
        print(os.getpid(), near.pid, far.pid, os.getcwd(), file=file)
    os.rename({str(root / "draft")!r}, {str(root / "pids")!r})
    time.sleep(300)
    """
    write_book(root, {"quick": notebook(cell("print('kept')")), "slow": notebook(cell(slow))})
    build = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(root)], stdout=subprocess.PIPE, text=True
    )

    def wait():
        lines = iter(build.stdout.readline, "")
        assert any(line.startswith("executed") for line in lines)
        end = time.monotonic() + 300
        while not (root / "pids").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        *pids, folder = (root / "pids").read_text().split()
        return [psutil.Process(int(pid)) for pid in pids], Path(folder)

    return build, wait


@pytest.fixture
def slow_builds(tmp_path):
    """One build for each signal, which do not outlive the test however it ends."""
    builds = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        (tmp_path / number.name).mkdir()
        builds[number] = start_slow_build(tmp_path / number.name)
    yield builds
    for build, _ in builds.values():
        build.kill()


def test_interruption_leaves_no_process_and_keeps_what_is_done(tmp_path, slow_builds):
    codes = {signal.SIGINT: -signal.SIGINT, signal.SIGTERM: 143}
    for number, (build, wait) in slow_builds.items():
        processes, folder = wait()
        assert all(process.is_running() for process in processes)
        build.send_signal(number)
        build.communicate(timeout=300)
        assert build.returncode == codes[number]
        _, alive = psutil.wait_procs(processes, timeout=60)
        assert [process for process in alive if process.status() != "zombie"] == []
        assert not folder.parent.exists()
        assert text_of(tmp_path / number.name, "quick") == "kept\n"
        assert [page.docname for page in stale_pages(tmp_path / number.name)] == ["slow"]


def test_signals_are_raised_when_all_is_cleaned_up_and_ignored_ones_stay_ignored():
    cleaned = []

    async def main(number):
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.2)
            cleaned.append("slept")
        finally:
            cleaned.append(number)

    def handler(*_):
        """Whatever the caller has set."""

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run_until_signal(lambda: main(signal.SIGHUP))
        signal.signal(signal.SIGHUP, handler)
        with pytest.raises(SystemExit) as left:
            run_until_signal(lambda: main(signal.SIGHUP))
        assert left.value.code == 128 + signal.SIGHUP
        with pytest.raises(KeyboardInterrupt):
            run_until_signal(lambda: main(signal.SIGINT))
        assert signal.getsignal(signal.SIGHUP) == handler
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGHUP, before)
        signal.signal(signal.SIGINT, interrupt)
    assert cleaned == ["slept", signal.SIGHUP, signal.SIGHUP, signal.SIGINT]
