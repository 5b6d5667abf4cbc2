"""What a teacher's forms do to labs and grades. Each ends on the page that it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from introml.grader.lab import Lab
from introml.grader.text import one_line
from introml.hub.course import Grading, LabSchedule, Refused, Submission
from introml.hub.grades import Change, Dates, decisions, extension_of, regrades
from introml.hub.people import people
from introml.hub.web.context import CurrentLab, points
from introml.hub.web.teacher_page import (
    Name,
    Question,
    RowId,
    SentByTeacher,
    SubmissionId,
    TeacherForm,
    teacher_page,
)

forms = APIRouter()

#: The fields of a lab's dates, and what the form calls them.
_DATES = {
    "opens_at": "Opens",
    "due_at": "Due",
    "closes_at": "Closes",
    "feedback_at": "Feedback from",
    "solutions_at": "Solutions from",
}


@forms.post("/labs/{lab}/dates")
def set_dates(sent: SentByTeacher, lab: CurrentLab) -> Response:
    """Set when a lab opens, is due, closes, and shows feedback and solutions.

    Where that changes a grade, the first sending is answered by whose, and a second one saves it.
    """
    back, zone = f"teach/labs/{lab.name}", sent.course.zone
    with sent.course.database.reading() as session:
        old = decisions.dates_now(session.get(LabSchedule, lab.name))
    try:
        new = Dates(
            **{
                name: sent.moment(name, f"“{called}”", getattr(old, name))
                for name, called in _DATES.items()
            }
        )
        changes = decisions.grades_by_dates(sent.course, lab, new)
    except Refused as refused:
        return sent.end(back, str(refused), "refused")
    if changes and sent.text("seen") != _seen(changes):
        what = "; ".join(decisions.moved(old, new, zone))
        return _ask(sent, lab, back, what, changes, {name: sent.text(name) for name in _DATES})

    def act() -> str:
        said = decisions.set_dates(sent.course, sent.by, lab, new)
        return f"Dates changed: {'; '.join(said)}." if said else "The dates are as before."

    return sent.decide(back, act)


@forms.post("/labs/{lab}/regrade")
def regrade_all(sent: SentByTeacher, lab: CurrentLab) -> Response:
    """Queue all submissions of a lab again."""

    def act() -> str:
        _, count = regrades.regrade_all(sent.course, sent.by, lab, sent.text("reason"))
        plural = "submission is" if count == 1 else "submissions are"
        return f"{count} {plural} graded again. What changes is listed here, under Regrades."

    return sent.decide(f"teach/labs/{lab.name}", act)


@forms.post("/labs/{lab}/people/{name}/override")
def override(sent: SentByTeacher, name: Name, lab: CurrentLab) -> Response:
    """Set a grade by hand."""

    def act() -> str:
        score = sent.number("score", "The grade")
        decisions.override(sent.course, sent.by, name, lab, score, sent.text("reason"))
        return f"The grade is {points(score)} now, set by you."

    return sent.decide(_student(lab, name), act)


@forms.post("/labs/{lab}/people/{name}/take-back")
def take_back(sent: SentByTeacher, name: Name, lab: CurrentLab) -> Response:
    """Let the computed grade count again."""

    def act() -> str:
        decisions.take_back_override(sent.course, sent.by, name, lab, sent.text("reason"))
        return "The computed grade counts again."

    return sent.decide(_student(lab, name), act)


@forms.post("/labs/{lab}/people/{name}/extension")
def extension(sent: SentByTeacher, name: Name, lab: CurrentLab) -> Response:
    """Give someone more time or further attempts, or take that back.

    Where that changes the grade, the first sending is answered by how, and a second one saves it.
    """
    back = _student(lab, name)
    with sent.course.database.reading() as session:
        person = people.someone(session, name)
        had = extension_of(session, person, lab)
        called = one_line(person.full_name or people.login_of(person))
    try:
        due_at = sent.moment("due_at", "“Due”", had.due_at if had is not None else None)
        more = sent.count("more_attempts", "“Further attempts”")
        reason = decisions.checked_reason(sent.text("reason"))
        changes = decisions.grades_by_extension(sent.course, name, lab, due_at, more)
    except Refused as refused:
        return sent.end(back, str(refused), "refused")
    if changes and sent.text("seen") != _seen(changes):
        fields = {"due_at": sent.text("due_at"), "more_attempts": str(more), "reason": reason}
        return _ask(sent, lab, back, f"An extension for {called}", changes, fields)

    def act() -> str:
        decisions.extend(
            sent.course, sent.by, name, lab,
            due_at=due_at, more_attempts=more, reason=reason,
        )  # fmt: skip
        return "Extension saved." if due_at or more else "The extension is taken back."

    return sent.decide(back, act)


def _seen(changes: Sequence[Change]) -> str:
    """What a teacher has seen of whose grade changes, to tell whether it is still so."""
    told = repr([(one.person.name, one.before, one.after) for one in changes])
    return hashlib.sha256(told.encode()).hexdigest()


def _ask(
    sent: TeacherForm,
    lab: Lab,
    back: str,
    what: str,
    changes: Sequence[Change],
    fields: dict[str, str],
) -> Response:
    """Show whose grade changes, with the form to be sent again."""
    return teacher_page(
        sent.request, "teach_dates.html", lab=lab, back=back, what=what, changes=changes,
        fields=fields, seen=_seen(changes),
    )  # fmt: skip


@forms.post("/submissions/{submission}/regrade")
def regrade_one(sent: SentByTeacher, submission: SubmissionId) -> Response:
    """Queue one submission again."""
    with sent.course.database.reading() as session:
        found = session.get(Submission, submission)
        if found is None:
            raise HTTPException(404, "There is no such submission.")
        lab, name, number = found.lab, found.person.name, found.number

    def act() -> str:
        regrades.regrade_one(sent.course, sent.by, submission, sent.text("reason"))
        return f"Attempt {number} is graded again. What it was graded before stays below."

    return sent.decide(f"teach/labs/{lab}/people/{name}", act)


@forms.post("/gradings/{grading}/take")
def take(sent: SentByTeacher, grading: RowId) -> Response:
    """Let a grading count that lowers a grade."""
    return _settle(sent, grading, take=True)


@forms.post("/gradings/{grading}/keep")
def keep(sent: SentByTeacher, grading: RowId) -> Response:
    """Keep the grade that counts, in place of a lower one."""
    return _settle(sent, grading, take=False)


def _settle(sent: TeacherForm, grading: int, *, take: bool) -> Response:
    lab, name = _whose(sent, grading)

    def act() -> str:
        regrades.settle(sent.course, sent.by, grading, sent.text("reason"), take=take)
        return "The new grade counts now." if take else "The old grade is kept."

    def ask() -> Question:
        decisions.checked_reason(sent.text("reason"))
        after = "The new grade counts then, and is lower." if take else "The new one is not taken."
        return Question(
            "Take the new grade?" if take else "Keep the old grade?",
            [f"{after} This cannot be taken back. To decide anew, grade the attempt again."],
            "Take the new grade" if take else "Keep the old grade",
        )

    return sent.decide(f"teach/labs/{lab}/people/{name}", act, ask)


@forms.post("/labs/{lab}/regrades/{number}/take")
def take_all(sent: SentByTeacher, lab: CurrentLab, number: RowId) -> Response:
    """Let all grades count that a regrade of the lab lowers."""

    def act() -> str:
        count = regrades.take_all(sent.course, sent.by, lab, number, sent.text("reason"))
        return f"{count} new grade{' counts' if count == 1 else 's count'} now."

    def ask() -> Question:
        decisions.checked_reason(sent.text("reason"))
        count = regrades.waiting_for_a_word(sent.course, lab, number)
        fall = "grade falls" if count == 1 else "grades fall"
        return Question(
            "Take all the new grades?",
            [f"{count} {fall}. This cannot be taken back, but for each grade by hand."],
            "Take all the new grades",
        )

    return sent.decide(f"teach/labs/{lab.name}/regrades/{number}", act, ask)


@forms.post("/gradings/{grading}/looked-at")
def looked_at(sent: SentByTeacher, grading: RowId) -> Response:
    """Say that what was flagged has been looked at."""
    lab, name = _whose(sent, grading)

    def act() -> str:
        decisions.looked_at(sent.course, sent.by, grading, sent.text("reason"))
        return "Noted in the log. The evidence stays with the grading."

    return sent.decide(f"teach/labs/{lab}/people/{name}", act)


def _whose(sent: TeacherForm, grading: int) -> tuple[str, str]:
    """The lab and the person of a grading; 404 if there is none of that number."""
    with sent.course.database.reading() as session:
        found = session.get(Grading, grading)
        if found is None:
            raise HTTPException(404, "There is no such grading.")
        return found.submission.lab, found.submission.person.name


def _student(lab: Lab, name: str) -> str:
    return f"teach/labs/{lab.name}/people/{name}"
