"""A lab's similarity report: all attempts compared, and the page that shows it."""

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
from introml.hub.course import BlobDamaged, Course, Person, Submission, clock_words, now
from introml.hub.grades import Pair, Prints, Report, Text, similarity
from introml.hub.web.assets import assets

#: Pairs shown side by side in the report's file, and lines shown of each side.
_SHOWN, _LINES = 40, 1500


@dataclass(frozen=True)
class HandedIn:
    """One attempt of someone's in a lab."""

    name: str
    full_name: str
    submission: str
    number: int
    sha256: str


@dataclass(frozen=True)
class Side:
    """One side of a pair: (number from 1, text, whether the other side has it too) of each line."""

    who: HandedIn
    lines: tuple[tuple[int, str, bool], ...]
    cut: bool


@dataclass(frozen=True)
class Shown:
    """A pair, side by side."""

    pair: Pair
    sides: tuple[Side, Side]


_kept: dict[str, tuple[object, Report]] = {}
_prints: dict[tuple[str, str, str], Prints] = {}
_one_at_a_time = threading.Lock()
#: Prints of so many files are kept in memory, some kilobytes each.
_MOST_KEPT = 10_000

#: All attempts of all students: by name, then by number.
All = dict[str, dict[int, HandedIn]]


def all_handed_in(course: Course, lab: Lab) -> All:
    """All attempts of each active student, by the student's name and the attempt's number."""
    with course.database.reading() as session:
        rows = session.execute(
            sa.select(
                Person.name, Person.full_name, Submission.id, Submission.number, Submission.sha256
            )
            .join(Submission)
            .where(Person.role == "student", Person.active, Submission.lab == lab.name)
            .order_by(Person.name, Submission.number)
        )
        found: All = {}
        for row in rows:
            found.setdefault(row[0], {})[row[3]] = HandedIn(*row)
        return found


def report_of(course: Course, lab: Lab, handed_in: All) -> Report:
    """The comparison of all these. The last one of each lab is kept until something is new."""
    files = sorted((x.name, x.number, x.sha256) for y in handed_in.values() for x in y.values())
    key = (str(course.folder), lab.version, files)
    with _one_at_a_time:
        kept = _kept.get(lab.name)
        if kept is not None and kept[0] == key:
            return kept[1]
        report = similarity.compare(
            lab,
            {
                name: {number: _prints_of(course, lab, one) for number, one in attempts.items()}
                for name, attempts in handed_in.items()
            },
        )
        _kept[lab.name] = key, report
        return report


def side_by_side(course: Course, lab: Lab, report: Report, pair: Pair, handed_in: All) -> Shown:
    """Both texts of a pair, with the lines marked that lie in passages which both have."""
    who = handed_in[pair.one][pair.attempts[0]], handed_in[pair.other][pair.attempts[1]]
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
    handed_in = all_handed_in(course, lab)
    report = report_of(course, lab, handed_in)
    shown = [side_by_side(course, lab, report, pair, handed_in) for pair in report.pairs[:_SHOWN]]
    return (
        _templates()
        .get_template("similarity_report.html")
        .render(
            lab=lab,
            report=report,
            handed_in=handed_in,
            limits=similarity,
            shown=shown,
            style=assets()["similar.css"].content.decode("utf-8"),
            tokens=page_css(),
            at=clock_words(now(), course.zone),
            course_title=course.settings.title,
        )
    )


def _prints_of(course: Course, lab: Lab, one: HandedIn) -> Prints:
    key = (lab.name, lab.version, one.sha256)
    found = _prints.get(key)
    if found is None:
        try:
            found = similarity.prints_of(course.blobs.read(one.sha256), lab)
        except BlobDamaged as problem:
            return Prints(frozenset(), problem=str(problem))
        if len(_prints) >= _MOST_KEPT:
            _prints.clear()
        _prints[key] = found
    return found


def _text(course: Course, lab: Lab, one: HandedIn) -> Text:
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
