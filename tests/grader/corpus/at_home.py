"""A notebook as it runs on a student's machine: cell by cell in IPython's shell, then `check()`.

Each runs in a process of its own, forked from this one, which has torch and IPython loaded.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import json
import os
import signal
import tempfile
import time
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from introml.grader.wire.withdrawal import Withdrawal

from .entries import Entry, lab_of, released

#: Seconds for one notebook.
_LIMIT_S = 180.0


@cache
def _warm(lab: str) -> None:
    """Load what notebooks of a lab use, once for all of them."""
    os.environ["MPLBACKEND"] = "agg"
    for name in (
        "IPython.core.interactiveshell", "IPython.display", "asyncio", "matplotlib.pyplot", "tqdm",
        "introml.grader.student.notebook_check",
        "introml.grader.student.home", "ipywidgets", "torch.fx.experimental.symbolic_shapes",
        "torch._dynamo",
    ):  # fmt: skip
        importlib.import_module(name)
    with Withdrawal().withheld(lab_of(lab).settings.families):
        """What a family holds is looked up once."""


def verdicts_at_home(one: Entry) -> dict[str, str]:
    """Check -> outcome as the student's `check()` tells it; "problem" where there is none."""
    key = (one.lab, *_sources(one))
    if key not in _KNOWN:
        _KNOWN[key] = _in_another_process(one)
    return _KNOWN[key]


#: Verdicts by lab and code: files that differ in what is no code are one to a kernel.
_KNOWN: dict[tuple[str, ...], dict[str, str]] = {}


def _in_another_process(one: Entry) -> dict[str, str]:
    _warm(one.lab)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            with contextlib.suppress(BaseException), os.fdopen(writing, "w") as answer:
                try:
                    told = _in_a_kernel(one)
                except BaseException:
                    told = {"problem": traceback.format_exc()[-2000:]}
                answer.write(json.dumps(told))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        os.set_blocking(answer.fileno(), False)
        data, deadline = b"", time.monotonic() + _LIMIT_S
        while time.monotonic() < deadline:
            piece = answer.read()
            if piece:
                data += piece
            elif piece == b"":
                break
            else:
                time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return json.loads(data) if data else {"problem": "the kernel ended, or took too long"}


def _in_a_kernel(one: Entry) -> dict[str, str]:
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    with tempfile.TemporaryDirectory(prefix="introml-corpus-") as folder:
        os.chdir(folder)
        Path("released.ipynb").write_bytes(released(one.lab))
        os.utime("released.ipynb", (0, 0))
        Path(f"{one.lab}.ipynb").write_bytes(one.data)
        return _run(one)


def _run(one: Entry) -> dict[str, str]:
    from IPython.core.interactiveshell import InteractiveShell

    from introml.grader.student import notebook_check

    seen: dict[str, str] = {}
    table_of = notebook_check._check_namespace

    def watched(*given: Any) -> Any:
        table = table_of(*given)
        seen.clear()
        seen.update({row.name: row.outcome for row in table.rows})
        if table.problem:
            seen["problem"] = table.problem
        return table

    shell = _shell(InteractiveShell)
    for source in _sources(one):
        shell.run_cell(source, store_history=True)
    notebook_check._check_namespace = watched
    shell.run_cell(
        f"from introml.grader.student.notebook_check import check as _check\n_check({one.lab!r})",
        store_history=True,
    )
    return seen


def _shell(kind: Any) -> Any:
    """IPython's shell: nothing it does goes beyond this process, and questions are answered."""
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    shell = kind.instance(config=settings)
    shell.system = lambda command: None
    shell.getoutput = lambda command, **_: []
    shell.enable_gui = lambda gui=None: None
    shell.system_piped = shell.system_raw = shell.system
    builtins.input = lambda prompt="": "3"
    return shell


def _sources(one: Entry) -> list[str]:
    """The code cells in order; experiments and checks are left out, for their time."""
    kinds = {cell.id: str(cell.kind) for cell in lab_of(one.lab).cells}
    kept = []
    for cell in json.loads(one.data.decode("utf-8-sig"))["cells"]:
        if cell["cell_type"] != "code" or not cell.get("source"):
            continue
        metadata = cell.get("metadata") or {}
        tags = metadata.get("tags") or ()
        ident = metadata.get("nbgrader", {}).get("grade_id", cell.get("id"))
        kind = kinds.get(ident, "") if isinstance(ident, str) else ""
        if kind in ("experiment", "check") or "experiment" in tags:
            continue
        kept.append("".join(cell["source"]))
    return kept
