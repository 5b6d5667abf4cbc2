"""Checking in the student's own notebook: one cell, and a table of ticks and crosses.

    from introml.grader import check

    check("attention")

runs the public checks on the functions that the notebook has defined; hidden checks run when the
lab is graded. `check_file` does the same for a saved notebook, in a process of its own.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import CodeType
from typing import Any

from introml.grader.notebook import (
    Invalid,
    NotReleased,
    Refused,
    Released,
    RunCell,
    find,
    raw_cells,
    read_submission,
    released_from,
    released_here,
)
from introml.grader.student.check_table import NOT_DONE, CheckTable, Row
from introml.grader.student.hand_in import can_hand_in
from introml.grader.text import cell_label

#: Seconds that `check_file` waits for a notebook.
FILE_SECONDS = 600.0
#: Seconds for Python and torch to start in.
_START_SECONDS = 120.0
_HISTORY = 300


def check(lab: str, *names: str, seed: int | None = None) -> None:
    """Run the lab's public checks, or those named, on this notebook, and show what they say.

    The inputs are drawn anew each time; `seed` makes them the same again.
    """
    table = _check_namespace(lab, names, seed, sys._getframe(1).f_globals)
    shell = _shell()
    if shell is None:
        print(table.text())
    else:
        from IPython.display import display

        display(table)
        if can_hand_in() and (button := _button(lab, sys._getframe(1).f_globals)) is not None:
            display(button)


def require_check(lab: str, name: str) -> float | None:
    """Raise `AssertionError` unless the check passes; for nbgrader's test cells.

    Returns the points where only a part of them was reached, which nbgrader reads as the score.
    """
    table = _check_namespace(lab, (name,), None, sys._getframe(1).f_globals)
    if table.problem:
        raise AssertionError(table.problem)
    row = table.rows[0]
    if row.outcome == "partial":
        return row.points
    if row.outcome == NOT_DONE:
        raise AssertionError(f"{row.title}: {NOT_DONE}")
    if row.outcome != "passed":
        raise AssertionError("\n".join(x for x in (row.title, row.hint, row.trace) if x))
    return None


def _button(lab: str, namespace: dict[str, Any]) -> Any:
    """The button to hand in with, or None where there is nothing to hand in."""
    try:
        from introml.grader.student.hand_in_button import HandInButton

        _, notebook = released_here(lab, Path.cwd())
    except (ImportError, NotReleased):
        return None
    return HandInButton(notebook, namespace).widget


def _check_namespace(
    lab: str, names: tuple[str, ...], seed: int | None, namespace: dict[str, Any]
) -> CheckTable:
    from introml.grader.student.home import checks_from, run_checks

    try:
        released, notebook = released_here(lab, Path.cwd())
    except NotReleased as problem:
        return CheckTable(lab, problem=str(problem))
    checks = checks_from(released.checks, released.name)
    known = [one.name for one in checks]
    if unknown := sorted(set(names) - set(known)):
        words = f"{unknown[0]!r} is no public check of this lab; there are: {', '.join(known)}."
        return CheckTable(released.title, problem=words)
    rows = run_checks(
        [one for one in checks if not names or one.name in names],
        namespace,
        families=released.families,
        lab=released.title,
        experiments=_saved_experiments(notebook, released),
        check_s=released.check_s,
        seed=secrets.randbits(32) if seed is None else seed,
        label=_cell_of_kernel,
    )
    return CheckTable(released.title, tuple(rows), _advice(namespace, released))


def _shell() -> Any:
    """IPython's shell, where there is one."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def _cell_of_kernel(filename: str) -> str | None:
    """ "Cell In[3]" for the file name that IPython gave to that cell's code."""
    shell = _shell()
    told = shell.compile.format_code_name(filename) if shell is not None else None
    return f"{told[0]} {told[1]}" if told else None


def _saved_experiments(notebook: Path, released: Released) -> dict[str, str]:
    read = read_submission(notebook.read_bytes(), released)
    if isinstance(read, Invalid):
        return {}
    return {name: cell.to_run for name, cell in read.experiments.items()}


def _advice(namespace: dict[str, Any], released: Released) -> tuple[str, ...]:
    """What a student should know of the cells whose functions are in use, before handing in."""
    history = [x for x in namespace.get("In", [])[-_HISTORY:] if isinstance(x, str)]
    # Earlier cells tell what names stand for; only cells whose functions are in use are searched.
    cells = [RunCell("earlier", source, "locked") for source in history]
    sources = _sources_in_use(namespace)
    cells += [RunCell(file, source, "answer") for file, source in sources.items()]
    found = find(cells, released.forbidden)
    return tuple(found.advice(lambda file: _cell_of_kernel(file) or file))


def _sources_in_use(namespace: dict[str, Any]) -> dict[str, str]:
    """File name -> text of the cells whose functions and classes the notebook now has."""
    from introml.grader.student.home import source_of_file

    files = {file for value in list(namespace.values()) for file in _files_of(value)}
    return {file: source_of_file(file) for file in sorted(files) if _cell_of_kernel(file)}


def _files_of(value: Any) -> set[str]:
    """The files in which a function's, or a class's methods', code is written."""
    if isinstance(value, type):
        if getattr(value, "__module__", None) != "__main__":
            return set()
        parts = [getattr(part, "__func__", part) for part in vars(value).values()]
    else:
        parts = [value]
    codes = [getattr(part, "__code__", None) for part in parts if callable(part)]
    return {code.co_filename for code in codes if isinstance(code, CodeType)}


def check_file(path: Path, timeout_s: float = FILE_SECONDS) -> CheckTable:
    """Run a saved notebook in a process of its own, and its public checks on it.

    `timeout_s` is for all of it. What the notebook's cells print is printed.
    """
    path = Path(path).resolve()
    if not path.is_file():
        return CheckTable(path.name, problem=f"There is no file {path}.")
    with tempfile.TemporaryDirectory(prefix="introml-") as folder:
        report = Path(folder) / "report.jsonl"
        report.touch()
        # -P: modules that lie beside the notebook are not there when it is graded, either.
        command = [sys.executable, "-P", "-m", "introml.grader.student.notebook_check", str(path)]
        child = subprocess.Popen([*command, str(report)], cwd=path.parent, stdin=subprocess.DEVNULL)
        try:
            ended = _wait(child, report, timeout_s)
        finally:
            child.kill()
            child.wait()
        stopped = f"The notebook did not finish within {timeout_s:g} s"
        if ended:
            stopped = f"The notebook ended its process (exit status {child.returncode})"
        return _read_report(path, report.read_text(encoding="utf-8"), stopped)


def _wait(child: subprocess.Popen, report: Path, timeout_s: float) -> bool:
    """Whether the child ends in time; the time begins when its first cell does."""
    deadline = time.monotonic() + _START_SECONDS
    started = False
    while time.monotonic() < deadline:
        if not started and report.stat().st_size:
            started, deadline = True, time.monotonic() + timeout_s
        try:
            child.wait(0.05)
            return True
        except subprocess.TimeoutExpired:
            continue
    return False


def _read_report(path: Path, text: str, stopped: str) -> CheckTable:
    running, table = "", CheckTable(path.name)
    for line in text.splitlines():
        told = json.loads(line)
        if "table" in told:
            values = told["table"]
            rows = tuple(Row(**row) for row in values.pop("rows"))
            errors = tuple(tuple(one) for one in values.pop("errors"))
            return CheckTable(rows=rows, errors=errors, notes=tuple(values.pop("notes")), **values)
        running = told["running"]
    where = f" while it ran {running}" if running else ""
    return CheckTable(table.title, problem=f"{stopped}{where}.")


def _table_of_file(path: Path, tell: Any) -> CheckTable:
    """Run the cells and then the checks, in this process. `tell` hears what is about to run."""
    from introml.grader.run import explained, notes_on_left_out, why_missing
    from introml.grader.student.home import (
        HomeWorker,
        cell_of_file,
        checks_from,
        run_checks,
    )
    from introml.grader.wire import seed_all

    try:
        data = path.read_bytes()
        released = released_from(raw_cells(data)[1])
    except (Refused, NotReleased) as problem:
        return CheckTable(path.name, problem=str(problem))
    read = read_submission(data, released)
    if isinstance(read, Invalid):
        return CheckTable(released.title, problem=read.message)
    notes = [*read.notes, *find(read.cells, released.forbidden).advice()]
    worker = HomeWorker()
    worker.runner.install()
    worker.withdrawal.lab = released.title
    errors, cells = [], []
    for cell in read.cells:
        tell(cell_label(cell.id))
        seed_all(0)
        cells.append((cell.id, cell.to_run))
        try:
            with worker.withdrawal.withheld(released.families):
                worker.run(cell.id, cell.to_run)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            errors.append(explained(cell.id, cell.to_run, worker.told(error)))
        left_out = [vars(one) for one in worker.runner.skipped]
        notes += notes_on_left_out(cell.id, cell.to_run, left_out)
    rows: Iterator[Row] = run_checks(
        checks_from(released.checks, released.name),
        worker.namespace,
        families=released.families,
        lab=released.title,
        experiments={name: cell.to_run for name, cell in read.experiments.items()},
        check_s=released.check_s,
        seed=secrets.randbits(32),
        label=cell_of_file,
        missing=why_missing(cells, errors),
    )
    tell("the checks")
    told = tuple((one.place, one.said) for one in errors)
    return CheckTable(released.title, tuple(rows), tuple(notes), told)


def _main(path: Path, report: Path) -> None:
    """The child of `check_file`."""
    with report.open("a", encoding="utf-8") as file:

        def tell(what: str | None, **more: Any) -> None:
            file.write(json.dumps({"running": what} if what else more) + "\n")
            file.flush()

        table = _table_of_file(path, tell)
        tell(None, table=asdict(table))
    sys.stdout.flush()
    os._exit(0)  # threads of the student's do not keep the process


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
