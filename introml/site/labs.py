"""Each lab's page in the book, made from its `lab.md`, and its notebook to download.

A page is written to `labs/<lab>/handout.md` at the start of a build, when its content changes; git
ignores it. It holds no hidden check, and no solution before the lab's `solutions_from`.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from introml.book.paths import ROOT
from introml.grader.authoring import solution_notebook, starter_notebook
from introml.grader.lab import PAGE, Cell, CheckInfo, Kind, Lab, labs, load_lab
from introml.site.unchanged import write_if_changed

#: What was known of each lab when its page was made.
_MEMORY = Path("_build") / "labs.json"
_TIERS = {"cpu": "CPU", "cuda": "GPU"}


def write_handouts(root: Path, today: datetime.date | None = None) -> list[Path]:
    """Bring all labs' pages up to date; returns those that were written. Raises `LabError`.

    A lab in which nothing was touched since its page was made, today, is not read again.
    """
    today = today or datetime.date.today()
    known, found, written = _remembered(root), {}, []
    for name in labs(root / "labs"):
        page = root / "labs" / name / PAGE
        state = [_touched(root, name, today), *_stat(page)]
        if known.get(name) != state:
            text = handout(load_lab(page.parent), today)
            if write_if_changed(page, text.encode()):
                written.append(page)
            state[1:] = _stat(page)
        found[name] = state
    if found != known:
        memory = root / _MEMORY
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(found), encoding="utf-8")
    return written


def _remembered(root: Path) -> dict[str, list[Any]]:
    try:
        return json.loads((root / _MEMORY).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _touched(root: Path, name: str, today: datetime.date) -> str:
    """A hash of all that a lab's page and notebooks depend on: its files, our code, the date."""
    digest = hashlib.sha256(today.isoformat().encode())
    code = [Path(__file__), *(ROOT / "introml" / "grader").rglob("*.py")]
    own = [path for path in (root / "labs" / name).rglob("*") if path.name != PAGE]
    for path in sorted([*code, *own]):
        digest.update(f"{path} {_stat(path)}\n".encode())
    return digest.hexdigest()


def _stat(path: Path) -> list[int]:
    if not path.is_file():
        return []
    status = path.stat()
    return [status.st_mtime_ns, status.st_size]


def write_lab_notebooks(root: Path, html: Path, today: datetime.date | None = None) -> list[str]:
    """Write `html/notebooks/labs/<lab>/<lab>.ipynb`, with the solution from its date on.

    Returns the labs whose notebooks were written: those in which something was touched since.
    """
    today = today or datetime.date.today()
    folder = html / "notebooks" / "labs"
    # A lab that _toc.yml does not name has no page.
    shown = [name for name in labs(root / "labs") if (html / f"labs/{name}/handout.html").exists()]
    written = []
    for old in folder.glob("*"):
        if old.name not in shown:
            shutil.rmtree(old)
    for name in shown:
        target, state = folder / name, _touched(root, name, today)
        memory = root / "_build" / "lab-notebooks" / name
        if target.exists() and memory.exists() and memory.read_text() == state:
            continue
        lab = load_lab(root / "labs" / name)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        (target / f"{name}.ipynb").write_bytes(starter_notebook(lab))
        if _solved(lab, today):
            (target / f"{name}-solution.ipynb").write_bytes(solution_notebook(lab))
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(state)
        written.append(name)
    return written


def handout(lab: Lab, today: datetime.date) -> str:
    """The page's Markdown."""
    solved = _solved(lab, today)
    first, *rest = lab.cells
    title, _, opening = first.source.partition("\n")
    parts = [
        "% Made from lab.md by introml/site/labs.py; change that.",
        f"(sec-lab-{lab.name})=\n{title}",
        lab.settings.summary,
        _facts(lab),
        _how_to(lab, solved),
        opening.strip(),
        *(part for cell in rest if (part := _shown(cell, solved))),
        _checks(lab),
        _solutions(lab, solved),
    ]
    return "\n\n".join(parts) + "\n"


def _solved(lab: Lab, today: datetime.date) -> bool:
    return today >= lab.settings.solutions_from


def _shown(cell: Cell, solved: bool) -> str:
    if cell.kind is Kind.TEXT:
        return cell.source
    if cell.kind is Kind.SOLUTION_TEXT:
        return _folded("Remark on the solution", cell.source) if solved else ""
    if cell.kind is Kind.CHECK:
        return ""
    code = _code(cell.starter)
    if cell.has_regions and solved:
        code += "\n\n" + _folded("Solution", _code(cell.solution))
    return code


def _code(source: str) -> str:
    # A docstring may hold a fence itself.
    fence = "```"
    while fence in source:
        fence += "`"
    return f"{fence}python\n{source}\n{fence}"


def _folded(title: str, text: str) -> str:
    return f'<details class="solution"><summary>{title}</summary>\n\n{text}\n\n</details>'


def _facts(lab: Lab) -> str:
    """What a student plans with: where the lab runs, how long, points, attempts, lateness."""
    lines = ["| runs on | takes | memory |", "|---|---|---|"]
    for tier in lab.settings.tiers:
        lines.append(
            f"| {_TIERS[tier.name]} | {_duration(tier.time_s)} | {_memory(tier.memory_mb)} |"
        )
    points = sum(one.points for one in lab.check_list() if one.tier == "cpu")
    words = [f"{points:g} points"]
    attempts, late = lab.settings.attempts, lab.settings.late
    if attempts:
        policy = {"best": "the best counts", "last": "the last counts"}[lab.settings.policy]
        words.append(f"{attempts} attempts, of which {policy}" if attempts > 1 else "one attempt")
    if late.per_day:
        words.append(
            f"{late.per_day:.0%} of the points off for each day late, {late.max:.0%} at most"
        )
    return "\n".join(lines) + f"\n\n{'; '.join(words)}."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:g} s"
    return f"{round(seconds / 60):g} min"


def _memory(megabytes: int) -> str:
    return f"{megabytes} MB" if megabytes < 1000 else f"{megabytes / 1000:.3g} GB"


def _how_to(lab: Lab, solved: bool) -> str:
    name = f"{lab.name}.ipynb"
    folder = f"../../notebooks/labs/{lab.name}"
    text = (
        f'Get the notebook: <a href="{folder}/{name}" download>{name}</a>, or, where `introml` is '
        f"installed, `introml lab release {lab.name} --out .`, which also writes the public "
        "checks, to read. Open it in JupyterLab, write your answers into its cells, and run the "
        f"cells that check. Then save it and hand in this one file, `{name}`, where your course "
        "collects work."
    )
    if solved:
        solution = f"{lab.name}-solution.ipynb"
        text += f' The solution: <a href="{folder}/{solution}" download>{solution}</a>.'
    return text


def _checks(lab: Lab) -> str:
    found = lab.check_list()
    lines = ["## What is checked", "", "| check | points | runs on |", "|---|---|---|"]
    lines += [
        f"| {_cell_text(one.title)} | {one.points:g} | {_TIERS[one.tier]} |"
        for one in found
        if not one.hidden
    ]
    hidden = [one for one in found if one.hidden]
    if hidden:
        lines += ["", _hidden_words(hidden)]
    if any(one.tier == "cuda" for one in found):
        lines += [
            "",
            "Checks that need a GPU count neither for nor against you where there is none.",
        ]
    return "\n".join(lines)


def _hidden_words(hidden: list[CheckInfo]) -> str:
    on_gpu = [one for one in hidden if one.tier == "cuda"]
    words = f"{_counted(hidden)} when the lab is graded"
    return f"{words}; of these, {len(on_gpu)} on a GPU." if on_gpu else f"{words}."


def _counted(checks: list[CheckInfo]) -> str:
    points = sum(one.points for one in checks)
    if len(checks) == 1:
        return f"One more check, worth {points:g} points, is run"
    return f"{len(checks)} more checks, worth {points:g} points, are run"


def _cell_text(text: str) -> str:
    return text.replace("|", r"\|")


def _solutions(lab: Lab, solved: bool) -> str:
    if solved:
        return "The solutions are folded away under the cells above."
    day = lab.settings.solutions_from
    return f"The solutions appear on this page from {day.day} {day:%B %Y} on."
