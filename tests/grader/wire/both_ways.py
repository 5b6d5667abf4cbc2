"""Runs cells by IPython's shell or by the grader's runner, each notebook in a fork of its own.

usage: both_ways.py ipython|grader  < JSON: a list of notebooks, each a list of cells
It prints a list: the names and values at the end, what was printed, and each cell's error.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import traceback
from typing import Any

TIMES = re.compile("CPU times|Wall time|.* per loop ")
PLAIN = (int, float, str, bool, bytes, list, tuple, dict, set, type(None))


def place_of(error: BaseException, is_cell) -> int | None:
    """The innermost line in a cell."""
    if isinstance(error, SyntaxError) and is_cell(error.filename or ""):
        return error.lineno
    lines = [x.lineno for x in traceback.extract_tb(error.__traceback__) if is_cell(x.filename)]
    return lines[-1] if lines else None


def by_ipython(cells: list[str]) -> tuple[dict, list]:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.showtraceback = shell.showsyntaxerror = shell.showindentationerror = lambda *a, **k: None
    before, errors = set(shell.user_ns), []
    for cell in cells:
        result = shell.run_cell(cell, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        line = error and place_of(error, lambda name: "ipython-input" in name)
        errors.append(error and [type(error).__name__, line])
    return {k: v for k, v in shell.user_ns.items() if k not in before}, errors


def by_grader(cells: list[str]) -> tuple[dict, list]:
    from introml.grader.wire.cell_runner import CellRunner

    runner = CellRunner({"__name__": "__main__"})
    runner.install()
    before, errors = set(runner.namespace), []
    for number, cell in enumerate(cells):
        try:
            runner.run(f"cell {number}", cell)
            errors.append(None)
        except BaseException as error:
            line = place_of(error, lambda name: name.startswith("<cell"))
            errors.append([type(error).__name__, line])
        if runner.skipped and errors[-1] is None:
            errors[-1] = [[one.kind, one.line] for one in runner.skipped]
    return {k: v for k, v in runner.namespace.items() if k not in before}, errors


def shown(value: Any) -> str:
    return repr(value) if isinstance(value, PLAIN) else type(value).__name__


def run(how: str, cells: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as told:
        if not (pid := os.fork()):
            os.chdir("/tmp")
            os.dup2(printed.fileno(), 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
            names, errors = {"ipython": by_ipython, "grader": by_grader}[how](cells)
            names = {k: shown(v) for k, v in names.items() if not k.startswith("_")}
            sys.stdout.flush()
            told.write(json.dumps({"names": names, "errors": errors}).encode())
            told.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        printed.seek(0)
        told.seek(0)
        text = re.sub(r"^Out\[\d+\]: ?", "", printed.read().decode(), flags=re.MULTILINE)
        lines = [x for x in text.splitlines() if x and not TIMES.match(x)]
        return {**json.loads(told.read()), "printed": lines}


if __name__ == "__main__":
    # Once, before the forks.
    if sys.argv[1] == "ipython":
        import IPython.core.interactiveshell  # noqa: F401
    else:
        import introml.grader.wire.cell_runner  # noqa: F401
    print(json.dumps([run(sys.argv[1], cells) for cells in json.load(sys.stdin)]))
