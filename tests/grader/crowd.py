"""A class that hands in the small lab: honest submissions, and hostile ones among them."""

import json
from dataclasses import dataclass
from pathlib import Path

from tiny import cell_of, code_cell, notebook, tiny, written

from introml.grader.authoring.release import solution_notebook, starter_notebook
from introml.grader.results.results import Verdict

_GRADED, _TIME, _MEMORY, _CRASHED, _INVALID = (
    frozenset({one})
    for one in (
        Verdict.GRADED,
        Verdict.TIMED_OUT,
        Verdict.OUT_OF_MEMORY,
        Verdict.CRASHED,
        Verdict.INVALID,
    )
)

#: Code of a cell, and the verdicts that it may end in. Where the machine decides how far the code
#: gets before a limit stops it, there are several.
HOSTILE_CODE = {
    "loop": ("while True:\n    pass", _GRADED | _TIME),
    "sleep": ("import time\ntime.sleep(1e6)", _GRADED | _TIME),
    "flood": ("while True:\n    print('x' * 10_000)", _GRADED | _TIME),
    "segfault": ("import ctypes\nctypes.string_at(0)", _GRADED),
    "exit": ("import os\nos._exit(0)", _GRADED),
    "kill": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", _GRADED),
    "forks": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        _GRADED | _TIME | _CRASHED | _MEMORY,
    ),
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1e6)",
        _GRADED | _CRASHED,
    ),
    "memory": ("x = []\nwhile True:\n    x.append(b'x' * (1 << 24))", _MEMORY | _GRADED),
    "threads": (
        "import threading, time\nfor _ in range(1000):\n"
        "    threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()",
        _GRADED,
    ),
    "disk": (
        "f = open('/tmp/x', 'wb')\nwhile True:\n    f.write(b'x' * (1 << 20))",
        _GRADED | _CRASHED | _MEMORY,
    ),
    "recursion": ("def f():\n    return f()\nf()", _GRADED),
}


@dataclass(frozen=True)
class Member:
    """One submission: what it is, its bytes, the verdicts that it may end in."""

    name: str
    data: bytes
    verdicts: frozenset[Verdict]
    honest: bool


def members(count: int, hostile_every: int = 5) -> list[Member]:
    """`count` submissions, no two of the same bytes; every `hostile_every`-th one is hostile."""
    honest, hostile, made = _honest(), _hostile(), []
    for number in range(count):
        is_hostile = number % hostile_every == hostile_every - 1
        kinds = hostile if is_hostile else honest
        turn = number // hostile_every if is_hostile else number
        kind, (data, verdicts) = list(kinds.items())[turn % len(kinds)]
        marked = data + b" " * (number + 1) if kind != "empty" else data
        name = f"s{number:04}-{kind}"
        made.append(Member(name, marked, verdicts, not is_hostile))
    return made


def hand_in(folder: Path, class_: list[Member]) -> list[Path]:
    """Write the notebooks into `folder`."""
    folder.mkdir(parents=True)
    paths = [folder / f"{one.name}.ipynb" for one in class_]
    for path, one in zip(paths, class_, strict=True):
        path.write_bytes(one.data)
    return paths


def _honest() -> dict[str, tuple[bytes, frozenset[Verdict]]]:
    wrong = {one.name: solution_notebook(tiny(), one.cells) for one in tiny().wrong_solutions()}
    broken = notebook()
    broken["cells"].append(code_cell("1 / 0"))
    books = {"right": solution_notebook(tiny()), **wrong, "error": written(broken)}
    books["starter"] = starter_notebook(tiny())
    return {name: (data, _GRADED) for name, data in books.items()}


def _hostile() -> dict[str, tuple[bytes, frozenset[Verdict]]]:
    found = {}
    for name, (code, verdicts) in HOSTILE_CODE.items():
        book = notebook()
        book["cells"].append(code_cell(code))
        found[name] = (written(book), verdicts)
    looping = notebook()
    cell_of(looping, "loss")["source"] = "def loss(w, x, y):\n    while True:\n        pass"
    found["loop-in-answer"] = (written(looping), _GRADED | _TIME)
    twice = notebook()
    twice["cells"].append(cell_of(twice, "loss"))
    found["twice"] = (written(twice), _GRADED)
    found["half"] = (written(notebook())[:500], _INVALID)
    found["deep"] = (b'{"cells":' + b"[" * 100_000, _INVALID)
    found["empty"] = (b"", _INVALID)
    found["other-json"] = (json.dumps([1, 2]).encode(), _INVALID)
    return found
