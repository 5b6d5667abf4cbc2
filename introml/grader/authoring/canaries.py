"""Do hidden checks leak? Secrets are planted in them, and looked for in all that students get."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from introml.grader.lab import Lab
from introml.grader.results import (
    SubmissionResult,
    feedback_html,
    grades_csv,
    junit_xml,
    results_json,
    row,
)

#: A student's cell that looks for secrets wherever a process can look, and prints what it finds.
SPY = r"""
import gc as _gc, os as _os, re as _re, sys as _sys
def _spy():
    found = set()
    def look(thing):
        try:
            found.update(_re.findall("introml-canary-[0-9a-f]+", repr(thing)))
        except Exception:
            pass
    frame = _sys._getframe()
    while frame:
        look(dict(frame.f_locals)), look(frame.f_code.co_consts)
        frame = frame.f_back
    for one in _gc.get_objects():
        if type(one) in (dict, list, tuple, set) and len(one) < 200:
            for part in list(one.values()) if type(one) is dict else list(one):
                if type(part) in (str, bytes):
                    look(part)
        elif hasattr(one, "__code__"):
            look(one.__code__.co_consts)
    for top in PLACES:
        for folder, _, names in _os.walk(top):
            for name in names:
                if name.endswith((".py", ".md", ".toml", ".json", ".csv", ".ipynb")):
                    try:
                        look(open(_os.path.join(folder, name)).read(200_000))
                    except (OSError, ValueError):
                        pass
    for pid in _os.listdir("/proc"):
        for name in ("cmdline", "environ"):
            try:
                look(open(f"/proc/{pid}/{name}").read(100_000))
            except (OSError, ValueError):
                pass
    print(sorted(found), dict(_os.environ), _sys.argv)
_spy()
""".replace("PLACES", repr((".", "/tmp", "/home", "/root", "/work", "/srv", "/mnt", "/dev/shm")))


def planted(lab: Lab, folder: Path) -> tuple[Path, list[str]]:
    """A copy of the hidden checks in `folder`, with secrets planted, and those secrets.

    Secrets stand in a constant, a docstring, a hint that is not given, and in what a check that
    breaks after a student's value has come raises. For the lab's own canaries see `own_canaries`.
    """
    source = lab.hidden_checks
    if source is not None:
        shutil.copytree(
            source.parent,
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", "wrong", "*.md", "*.toml", "checks.py"),
        )
    marks = [f"introml-canary-{secrets.token_hex(8)}" for _ in range(4)]
    path = folder / "hidden_checks.py"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    path.write_text(
        text
        + f'''

from introml.grader.checks import check as _check

PLANTED = ["{marks[0]}"]


@_check(points=1, title="A planted check")
def planted_check(submission, rng):
    """{marks[1]}"""
    secret = "{marks[2]}"
    submission.has("torch")
    assert secret
    raise ValueError("{marks[3]}")
''',
        encoding="utf-8",
    )
    return folder, marks


def own_canaries(lab: Lab) -> list[str]:
    """The values of CANARY in the lab's hidden checks."""
    if lab.hidden_checks is None:
        return []
    lines = lab.hidden_checks.read_text(encoding="utf-8").splitlines()
    found = [line.partition("=")[2] for line in lines if line.startswith("CANARY")]
    return [one.strip().strip("\"'") for one in found]


def readable(result: SubmissionResult) -> bytes:
    """Every byte of a result that a student can read, and their row of grades but for the seed."""
    graded = grades_csv([row(result) | {"seed": ""}])
    texts = [results_json(result, "key"), feedback_html(result), graded]
    plain = "\n".join(texts).encode() + junit_xml(result)
    return plain + json.dumps([one.message for one in result.cell_errors]).encode()


def found_in(data: bytes, marks: Iterable[str]) -> list[str]:
    """The secrets that stand in `data`."""
    return [mark for mark in marks if mark.encode() in data]
