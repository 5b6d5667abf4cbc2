"""A lab's similarity report: the newest submissions compared, and the page that shows it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jinja2
import sqlalchemy as sa

from introml.book.style.tokens import page_css
from introml.grader.lab import Lab
from introml.grader.text import one_line, plain
from introml.hub.course import BlobDamaged, Course, Person, Submission, now
from introml.hub.grades import Pair, Report, Text, similarity
from introml.hub.web.assets import assets

#: Pairs shown side by side in the report's file, and lines shown of each side.
_SHOWN, _LINES = 40, 1500


@dataclass(frozen=True)
class Newest:
    """Someone's newest submission in a lab."""

    name: str
    full_name: str
    submission: str
    number: int
    sha256: str


@dataclass(frozen=True)
class Side:
    """One side of a pair: (number from 1, text, whether the other side has it too) of each line."""

    who: Newest
    lines: tuple[tuple[int, str, bool], ...]
    cut: bool


@dataclass(frozen=True)
class Shown:
    """A pair, side by side."""

    pair: Pair
    sides: tuple[Side, Side]


_kept: dict[str, tuple[object, Report]] = {}
_one_at_a_time = threading.Lock()


def newest_of_all(course: Course, lab: Lab) -> dict[str, Newest]:
    """The newest submission of each active student, by the student's name."""
    with course.database.reading() as session:
        rows = session.execute(
            sa.select(
                Person.name, Person.full_name, Submission.id, Submission.number, Submission.sha256
            )
            .join(Submission)
            .where(Person.role == "student", Person.active, Submission.lab == lab.name)
            .order_by(Submission.number)
        )
        return {row[0]: Newest(*row) for row in rows}


def report_of(course: Course, lab: Lab, newest: dict[str, Newest]) -> Report:
    """The comparison of all these. The last one of each lab is kept until something is new."""
    key = (str(course.folder), lab.version, sorted((x.name, x.sha256) for x in newest.values()))
    with _one_at_a_time:
        kept = _kept.get(lab.name)
        if kept is not None and kept[0] == key:
            return kept[1]
        texts = {name: _text(course, lab, one) for name, one in newest.items()}
        report = similarity.compare(lab, texts)
        _kept[lab.name] = key, report
        return report


def side_by_side(
    course: Course, lab: Lab, report: Report, pair: Pair, newest: dict[str, Newest]
) -> Shown:
    """Both texts of a pair, with the lines marked that lie in passages which both have."""
    who = newest[pair.one], newest[pair.other]
    texts = _text(course, lab, who[0]), _text(course, lab, who[1])
    marks = similarity.marked(*texts, report.common)
    one, other = (
        Side(
            whose,
            tuple(
                (number + 1, plain(line, 300), number in marked)
                for number, line in enumerate(text.lines[:_LINES])
            ),
            text.cut or len(text.lines) > _LINES,
        )
        for whose, text, marked in zip(who, texts, marks, strict=True)
    )
    return Shown(pair, (one, other))


def report_html(course: Course, lab: Lab) -> str:
    """The whole report as one file that needs nothing else."""
    newest = newest_of_all(course, lab)
    report = report_of(course, lab, newest)
    shown = [side_by_side(course, lab, report, pair, newest) for pair in report.pairs[:_SHOWN]]
    return (
        _templates()
        .get_template("similarity_report.html")
        .render(
            lab=lab,
            report=report,
            newest=newest,
            limits=similarity,
            shown=shown,
            style=assets()["similar.css"].content.decode("utf-8"),
            tokens=page_css(),
            at=f"{now():%Y-%m-%d %H:%M} UTC",
            course_title=course.settings.title,
        )
    )


def _text(course: Course, lab: Lab, one: Newest) -> Text:
    try:
        return similarity.text_of(course.blobs.read(one.sha256), lab)
    except BlobDamaged as problem:
        return Text(problem=str(problem))


def percent(share: float) -> str:
    """ "97%"; never 100% or 0% for what is not quite."""
    whole = round(100 * share)
    if share < 1:
        whole = min(whole, 99)
    return f"{max(whole, 1) if share > 0 else 0}%"


def pair_of(report: Report, names: Sequence[str]) -> Pair | None:
    """The pair of these two, if it is listed."""
    wanted = set(names)
    return next((pair for pair in report.pairs if {pair.one, pair.other} == wanted), None)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("introml.hub.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"one_line": one_line}
    environment.globals |= {"percent": percent}
    return environment
