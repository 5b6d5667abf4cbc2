"""Which lines of the package no test reaches; the table goes into `_build/bench-coverage.md`.

    python tests/bench/covered.py [tests …]      # as pytest names them; all but the browser's

Every Python that the tests start is measured, whatever its environment: checkers, workers, the hub.
Boxes are not, nor what makes them: there a student's code runs, by other users, under limits.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from machine import machine

from introml.book.paths import ROOT

FOLDER = ROOT / "_build" / "coverage"
TABLE = ROOT / "_build" / "bench-coverage.md"
#: A line that Python runs at each start, for as long as the tests run.
HOOK = Path(sysconfig.get_path("purelib")) / "introml_coverage.pth"
SETTINGS = f"""\
[run]
source = {ROOT / "introml"}
data_file = {FOLDER / "data"}
parallel = true
concurrency = thread
patch = _exit
[report]
exclude_also =
    if TYPE_CHECKING:
    if __name__ == .__main__.:
    ^    \\.\\.\\.$
"""
START = """\
import sys
if "template_process" not in " ".join(sys.orig_argv):
    import coverage
    coverage.process_startup()
"""


def measure(tests: list[str]) -> int:
    """Run the tests with all their processes measured. Returns pytest's exit status."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "settings").write_text(SETTINGS, encoding="utf-8")
    start = FOLDER / "start.py"
    start.write_text(START, encoding="utf-8")
    HOOK.write_text(
        f"import os; os.environ['COVERAGE_PROCESS_START'] = {str(FOLDER / 'settings')!r}; "
        f"os.path.exists({str(start)!r}) and exec(open({str(start)!r}).read())\n",
        encoding="utf-8",
    )
    try:
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-n", str(len(os.sched_getaffinity(0))),
                "--dist", "loadfile", "--no-loadscope-reorder", *tests,
            ],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )  # fmt: skip
    finally:
        HOOK.unlink()
    return done.returncode


def table() -> str:
    """The files with lines that no test reached, most of them first."""
    options = ("--rcfile", str(FOLDER / "settings"))
    run = (sys.executable, "-m", "coverage")
    subprocess.run([*run, "combine", *options, "--quiet", str(FOLDER)], check=True, cwd=ROOT)
    report = FOLDER / "report.json"
    subprocess.run([*run, "json", *options, "--quiet", "-o", str(report)], check=True, cwd=ROOT)
    found = json.loads(report.read_text(encoding="utf-8"))
    rows = sorted(
        (
            (one["summary"]["missing_lines"], name, one["summary"]["num_statements"], one)
            for name, one in found["files"].items()
        ),
        key=lambda row: (-row[0], row[1]),
    )
    totals = found["totals"]
    lines = [
        "# Lines that no test reaches",
        "",
        f"{machine()}. {totals['missing_lines']} of {totals['num_statements']} lines.",
        "",
        "| file | lines | missed | where |",
        "|---|--:|--:|---|",
    ]
    lines += [
        f"| {name} | {count} | {missed} | {_ranges(one['missing_lines'])} |"
        for missed, name, count, one in rows
        if missed
    ]
    return "\n".join(lines) + "\n"


def _ranges(lines: list[int]) -> str:
    """3, 4, 5, 9 as "3–5, 9"."""
    parts: list[list[int]] = []
    for line in lines:
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in parts)


if __name__ == "__main__":
    failed = measure(sys.argv[1:] or ["tests", "--ignore", "tests/browser"])
    TABLE.write_text(table(), encoding="utf-8")
    print(TABLE)
    if failed:
        print("some tests failed; being measured slows them")
