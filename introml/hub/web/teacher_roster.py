"""A teacher's pages on the roster: who is in it, an import seen before it is done, invitations."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from urllib.parse import urlsplit

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from introml.grader.results import cell
from introml.hub.course import ROLES, Course, Person, Refused
from introml.hub.people import RosterError, people, roster, roster_file
from introml.hub.web.context import CurrentCourse
from introml.hub.web.teacher_course import csv_file
from introml.hub.web.teacher_page import (
    Name,
    Question,
    SentByTeacher,
    TeacherForm,
    is_called,
    paged,
    teacher_page,
)

pages = APIRouter()
forms = APIRouter()
_MOST_SHOWN = 200


@pages.get("/roster")
def roster_page(request: Request, course: CurrentCourse, q: str = "", page: str = "1") -> Response:
    """Everybody in the course, and those who have left."""
    with course.database.reading() as session:
        everyone = list(
            session.scalars(
                sa.select(Person).order_by(Person.active.desc(), Person.role.desc(), Person.name)
            )
        )
        found = [one for one in everyone if is_called(one, q)]
        return teacher_page(
            request,
            "teach_roster.html",
            q=q,
            list=paged(found, page),
            students=sum(one.role == "student" and one.active for one in everyone),
            teachers=sum(one.role == "teacher" and one.active for one in everyone),
            left=sum(not one.active for one in everyone),
            without_address=sum(one.active and not one.email for one in everyone),
            uninvited=len(roster.uninvited(session)),
            without_password=len(roster.without_password(session)),
            invites=_invites(course),
            roles=ROLES,
            invited=roster.open_invitations(session),
        )


@forms.post("/roster/preview")
def preview(sent: SentByTeacher) -> Response:
    """What an import would change, or all that is wrong with it. It changes nothing yet."""
    try:
        words, notes = _roster_text(sent)
        file = roster.read(words)
    except RosterError as problem:
        return sent.end("teach/roster", roster.sentence(problem.problems[0]), "refused")
    except Refused as refused:
        return sent.end("teach/roster", str(refused), "refused")
    file = replace(file, notes=(*notes, *file.notes))
    try:
        with sent.course.database.reading() as session:
            plan = roster.plan(session, file)
    except RosterError as problem:
        return teacher_page(
            sent.request, "teach_import_refused.html", roster_text=words, most=_MOST_SHOWN,
            problems=[roster.sentence(one) for one in problem.problems],
        )  # fmt: skip
    return teacher_page(
        sent.request, "teach_import.html", plan=plan, roster_text=words, most=_MOST_SHOWN,
        facts=roster.FACTS,
    )  # fmt: skip


@forms.post("/roster/import")
def import_roster(sent: SentByTeacher) -> Response:
    """Put the people of a roster, seen before, into the course."""

    def act() -> str:
        try:
            file = roster.read(sent.text("roster"))
        except RosterError as problem:
            raise Refused(roster.sentence(problem.problems[0])) from problem
        done = roster.put(sent.course, sent.by, file, sent.text("seen"))
        return f"{len(done.added)} added, {len(done.changed)} changed, {len(done.same)} as before."

    return sent.decide("teach/roster", act)


@forms.post("/roster/add")
def add(sent: SentByTeacher) -> Response:
    """Put one person on the roster, and show the invitation."""
    name, full_name, email = (sent.text(key).strip() for key in ("name", "full_name", "email"))
    role = sent.text("role") or "student"
    try:
        if role not in ROLES:
            raise Refused(f"The role is {role[:40]!r}; it must be one of {', '.join(ROLES)}.")
        name = roster.add(sent.course, sent.by, people.Entry(name, full_name, email, role))
        done = f"{full_name or name} is in the course now, as a {role}."
        if not _invites(sent.course):
            return sent.end("teach/roster", done, "done")
        return _shown(sent, roster.invite(sent.course, sent.by, [name]), done)
    except Refused as refused:
        return sent.end("teach/roster", str(refused), "refused")


@forms.post("/roster/invite")
def invite(sent: SentByTeacher) -> Response:
    """Fresh invitation links, shown this once. Nobody else's link ends.

    They are for the people who are named or, by `whom`, for those who are "chosen", for "all"
    without a password, or for those of them who have no link yet.
    """
    names = [one for one in sent.fields.getlist("name") if isinstance(one, str)]
    whom = sent.text("whom")
    try:
        if whom == "chosen" and not names:
            raise Refused("Nobody is chosen. Tick people in the list, then ask for their links.")
        if not names:
            find = roster.without_password if whom == "all" else roster.uninvited
            with sent.course.database.reading() as session:
                names = find(session)
        if sent.text("sure") != "yes" and (ending := _ending(sent.course, names)) > 1:
            return sent.ask("teach/roster", _ends(ending))
        invited = roster.invite(sent.course, sent.by, names)
        if not invited:
            raise Refused("Everybody in the course has a password, or a link to choose one.")
    except Refused as refused:
        return sent.end("teach/roster", str(refused), "refused")
    return _shown(sent, invited)


def _ending(course: Course, names: list[str]) -> int:
    """How many of these people have a link now, which would end."""
    with course.database.reading() as session:
        invited = roster.open_invitations(session)
        known = session.execute(sa.select(Person.id, Person.name).filter_by(active=True))
        return sum(ident in invited and name in names for ident, name in known)


def _ends(count: int) -> Question:
    return Question(
        f"End {count} links, and make new ones?",
        [
            f"{count} of these people have a link that they have not used. It stops working, and "
            "you must send them the new one."
        ],
        "Make new links",
    )


def _invites(course: Course) -> bool:
    """Whether people choose passwords here, and do not sign in by another system."""
    return course.settings.signin.kind == "invitations"


def _shown(sent: TeacherForm, invited: list[roster.Invited], said: str = "") -> Response:
    return teacher_page(
        sent.request,
        "teach_invitations.html",
        invited=[(one, _link(sent.request, one.secret)) for one in invited],
        days=people.INVITATION_LASTS.days,
        done=said,
    )


@forms.post("/roster/links.csv")
def links(sent: SentByTeacher) -> Response:
    """The links of the page before as a file. The page sends their secrets; nothing else is kept.

    Only secrets of open invitations are written, so that the file holds nothing made up.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["name", "full_name", "email", "link"])
    with sent.course.database.reading() as session:
        for secret in sent.fields.getlist("secret"):
            if not isinstance(secret, str):
                continue
            whom = people.invited(session, secret)
            if whom is not None:
                row = [cell(people.login_of(whom)), cell(whom.full_name), cell(whom.email)]
                writer.writerow([*row, _link(sent.request, secret)])
    # The byte order mark is for Excel, which takes the file for Latin-1 without it.
    return csv_file("\ufeff" + out.getvalue(), "invitations.csv")


@forms.post("/roster/people/{name}/role")
def set_role(sent: SentByTeacher, name: Name) -> Response:
    """Make someone a teacher, or a student."""

    role = sent.text("role")

    def act() -> str:
        roster.set_role(sent.course, sent.by, name, role)
        return f"{name} is a {role} now."

    def ask() -> Question:
        if role == "teacher":
            words = "A teacher sees and changes all grades and the roster, and reads all notebooks."
        else:
            words = "Then this person no longer sees the teachers' pages."
        return Question(f"Make {name} a {role}?", [words], "Yes, do it")

    return sent.decide(f"teach/roster?q={name}", act, ask if role in ROLES else None)


@forms.post("/roster/people/{name}/active")
def set_active(sent: SentByTeacher, name: Name) -> Response:
    """Let someone go, or bring them back."""

    def act() -> str:
        active = sent.text("active") == "yes"
        roster.set_active(sent.course, sent.by, name, active)
        return f"{name} is {'back in' if active else 'no longer in'} the course."

    def ask() -> Question:
        return Question(
            f"Take {name} off the roster?",
            [
                "Then this person cannot sign in or hand in any more, and is in no list of grades. "
                "What was handed in is kept, and you can bring the person back."
            ],
            "Take off the roster",
        )

    back = sent.text("active") == "yes"
    return sent.decide(f"teach/roster?q={name}", act, None if back else ask)


def _roster_text(sent: TeacherForm) -> tuple[str, list[str]]:
    """The roster in the file that was chosen, or in the field, and what to know of it.

    Raises `RosterError` for a file that is no text, and `Refused` where there is none.
    """
    upload = sent.fields.get("file")
    if isinstance(upload, UploadFile) and upload.filename:
        return roster_file.decoded(upload.file.read(4 * roster_file.LARGEST + 1))
    if not sent.text("roster").strip():
        raise Refused("There is no roster. Choose a CSV file, or paste its lines.")
    return sent.text("roster"), []


def _link(request: Request, secret: str) -> str:
    """The address of an invitation. The secret is in the fragment, which no server's log sees."""
    state = request.app.state
    known = urlsplit(state.public_url or str(request.url))
    return f"{known.scheme}://{known.netloc}{state.hub_url}hub/invite#{secret}"
