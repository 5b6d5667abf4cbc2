"""`feedback.html`: what a student reads. One file, no script, light and dark, all text escaped."""

from __future__ import annotations

from functools import cache
from importlib import resources

import jinja2

from introml.book.style.tokens import page_css
from introml.grader.results.gradescope import words_of
from introml.grader.results.results import (
    NOT_ASKED,
    NOT_DONE,
    CheckResult,
    SubmissionResult,
    Verdict,
)
from introml.grader.text import one_line, plain

_OUTPUT_LIMIT = 20_000
#: What is said of a check whose answer nobody has begun, as in the notebook.
_TO_DO = "not done yet"
_MARKS = {"passed": "✓", "partial": "◐", "not run": "–", NOT_ASKED: "–", _TO_DO: "○"}


def feedback_html(result: SubmissionResult) -> str:
    """The page. It holds titles, hints and the student's own output of the public phase."""
    return _template().render(
        lab=one_line(result.lab),
        submission=one_line(result.submission),
        sha256=result.sha256,
        verdict=str(result.verdict),
        fault=result.verdict == Verdict.FAULT,
        graded=result.verdict == Verdict.GRADED,
        score=f"{result.score:g}",
        max_score=f"{result.max_score:g}",
        message=plain(result.message),
        notes=[plain(note) for note in result.notes],
        groups=[
            (title, [_shown(one) for one in result.checks if one.hidden == hidden])
            for title, hidden in (("Public checks", False), ("Hidden checks", True))
        ],
        errors=[
            {
                "place": one_line(one.place),
                "code": one_line(one.code),
                "message": plain(one.message),
                "advice": plain(one.advice),
            }
            for one in result.cell_errors
        ],
        output=plain(result.public_output, _OUTPUT_LIMIT),
        tokens=page_css(),
    )


def _shown(one: CheckResult) -> dict[str, str]:
    if one.counts:
        points = f"{one.points:g} / {one.max_points:g}"
        outcome = _TO_DO if one.hint == NOT_DONE else one.outcome
    else:
        points, outcome = "–", one.outcome if one.outcome == NOT_ASKED else "not run"
    return {
        "title": one_line(one.title),
        "points": points,
        "outcome": outcome,
        "mark": _MARKS.get(outcome, "✗"),
        "words": plain(words_of(one)),
    }


@cache
def _template() -> jinja2.Template:
    file = resources.files("introml.grader.results").joinpath("feedback.html.j2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(file.read_text("utf-8"))
