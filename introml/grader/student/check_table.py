"""The table that a student sees after checking: a tick or a cross a check, a hint, a score."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from html import escape

from introml.book.style.tokens import css_variables
from introml.grader.text import plain

#: The outcome of a check that met the line which stands where an answer is to come.
NOT_DONE = "not done yet"
#: By outcome: the mark, and the word for those who do not see it.
_MARKS = {"passed": "✓", "partial": "◐", "not run": "–", NOT_DONE: "○"}


@dataclass(frozen=True)
class Row:
    """One check. `hint` is the teacher's sentence, `trace` where the student's code failed."""

    name: str
    title: str
    outcome: str
    points: float
    max_points: float
    hint: str = ""
    trace: str = ""

    @property
    def counts(self) -> bool:
        return self.outcome != "not run"


@dataclass(frozen=True)
class CheckTable:
    """What the public checks say of a notebook.

    `problem` is why nothing was checked. `errors` are cells that stopped: which, and why.
    """

    title: str
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    errors: tuple[tuple[str, str], ...] = field(default=())
    problem: str = ""

    @property
    def score(self) -> float:
        return sum(row.points for row in self.rows if row.counts)

    @property
    def max_score(self) -> float:
        return sum(row.max_points for row in self.rows if row.counts)

    @property
    def passed(self) -> bool:
        """Whether something was checked, and all of it passed."""
        ran = [row for row in self.rows if row.counts]
        return bool(ran) and not self.problem and all(row.outcome == "passed" for row in ran)

    @property
    def summary(self) -> str:
        """ "3 of 5 points; 1 check not run. Hidden checks run when the lab is graded."."""
        skipped = sum(not row.counts for row in self.rows)
        words = f"{self.score:g} of {self.max_score:g} points"
        if skipped:
            words += f"; {skipped} check{'s' if skipped > 1 else ''} not run"
        return f"{words}. More checks run when the lab is graded."

    def __repr__(self) -> str:
        return self.text()

    def text(self) -> str:
        """The table for a terminal."""
        if self.problem:
            return f"{plain(self.title)}\n\n{plain(self.problem)}"
        lines = [f"{plain(self.title)}: {self.summary}", ""]
        width = max((len(row.title) for row in self.rows), default=0)
        for row in self.rows:
            points = f"{row.points:g}/{row.max_points:g}" if row.counts else "not run"
            points += f", {NOT_DONE}" if row.outcome == NOT_DONE else ""
            mark = _MARKS.get(row.outcome, "✗")
            lines.append(f"  {mark} {plain(row.title):<{width}}  {points}")
            lines += [f"      {line}" for line in _words(row)]
        for cell, trace in self.errors:
            lines += ["", f"{plain(cell)}:"]
            lines += [f"      {line}" for line in plain(trace).split("\n")]
        if self.notes:
            lines += ["", *(plain(note) for note in self.notes)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        title = escape(plain(self.title))
        if self.problem:
            return framed(f"<p><strong>{title}</strong></p><p>{escape(plain(self.problem))}</p>")
        rows = "".join(_row_html(row) for row in self.rows)
        errors = "".join(
            f"<p>{escape(plain(cell))}:</p><pre>{escape(plain(trace))}</pre>"
            for cell, trace in self.errors
        )
        notes = "".join(f"<p>{escape(plain(note))}</p>" for note in self.notes)
        return framed(
            f"<table><caption><strong>{title}</strong>: {self.summary}</caption><thead><tr>"
            "<th scope=col>Result</th><th scope=col>Check</th><th scope=col>Points</th></tr>"
            f"</thead><tbody>{rows}</tbody></table>{errors}{notes}"
        )


def _words(row: Row) -> list[str]:
    text = "\n".join(part for part in (row.hint, row.trace) if part)
    return plain(text).split("\n") if text else []


def _row_html(row: Row) -> str:
    points = f"{row.points:g} / {row.max_points:g}" if row.counts else "–"
    kinds = {"passed": "good", "not run": "none", "partial": "part", NOT_DONE: "todo"}
    kind = kinds.get(row.outcome, "bad")
    hint = f"<p>{escape(plain(row.hint))}</p>" if row.hint else ""
    trace = f"<pre>{escape(plain(row.trace))}</pre>" if row.trace else ""
    mark = _MARKS.get(row.outcome, "✗")
    return (
        f'<tr class="{kind}"><td><span aria-hidden="true">{mark}</span> {escape(row.outcome)}</td>'
        f'<th scope="row">{escape(plain(row.title))}{hint}{trace}</th><td>{points}</td></tr>'
    )


def framed(html: str) -> str:
    """HTML in the table's frame and colours."""
    return f'{_style()}<div class="introml-check">{html}</div>'


@cache
def _style() -> str:
    """The book's colours, by JupyterLab's theme, VS Code's, or the reader's own."""
    box = ".introml-check.introml-check"  # twice: JupyterLab's own rules for tables are that strong
    dark = css_variables("dark")
    return f"""<style>
{box} {{ {css_variables("light")} }}
@media (prefers-color-scheme: dark) {{ body:not([data-jp-theme-light], .vscode-light) {box} {{ {dark} }} }}
[data-jp-theme-light="false"] {box}, .vscode-dark {box} {{ {dark} }}
{box} {{ background: var(--iml-paper); color: var(--iml-ink); font: 16px/1.5 var(--iml-font-label);
  border-radius: 4px; max-width: 46rem; padding: .6rem .9rem; }}
{box} table {{ border-collapse: collapse; table-layout: auto; width: 100%; margin: 0; font-size: inherit; color: inherit; border: 0; }}
{box} caption {{ caption-side: top; color: var(--iml-ink); padding: 0 0 .5rem; text-align: left; }}
{box} tr, {box} tr:hover {{ background: none !important; }}
{box} td, {box} th {{ border: 0; border-top: 1px solid var(--iml-rule); font-weight: normal; max-width: none;
  padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top; white-space: normal; }}
{box} thead th {{ border: 0; color: var(--iml-muted); font-size: .85rem; padding-top: 0; }}
{box} td:first-child, {box} td:last-child {{ white-space: nowrap; }}
{box} td:last-child, {box} thead th:last-child {{ padding-right: 0; text-align: right; }}
{box} .good td:first-child {{ color: var(--iml-good); }}
{box} .bad td:first-child, {box} .part td:first-child {{ color: var(--iml-bad); }}
{box} .todo td {{ color: var(--iml-muted); }}
{box} .none td, {box} .none th, {box} .none p {{ color: var(--iml-muted); }}
{box} p {{ color: var(--iml-ink); margin: .15rem 0; }}
{box} a {{ color: var(--iml-accent); text-decoration: underline; }}
{box} pre {{ background: var(--iml-sunken); color: var(--iml-ink); font: .85rem/1.5 var(--iml-font-code); margin: .3rem 0;
  overflow-x: auto; padding: .5rem .7rem; white-space: pre; }}
</style>"""  # noqa: E501
