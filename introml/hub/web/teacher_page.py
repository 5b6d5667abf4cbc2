"""What the teacher's pages share: how one is made, how a form ends, how fields are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from unicodedata import normalize
from urllib.parse import urlencode

from fastapi import Depends, Path, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from introml.hub.course import Course, Person, Refused, at_wall_clock
from introml.hub.web import messages
from introml.hub.web.context import CurrentCourse, SentForm, Teacher, page, see, wall_clock
from introml.hub.web.sent_forms import all_typed, mark_of, typed

#: How many rows a list shows at a time.
ROWS = 100
#: Parts of addresses: what cannot be one is no question for the database.
Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,29}$")]
SubmissionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
RowId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@dataclass(frozen=True)
class Paged:
    """One page of a list: its rows, its number from 1, and how many there are."""

    rows: Sequence[Any]
    number: int
    pages: int
    total: int


def paged(rows: Sequence[Any], number: str | None, most: int = ROWS) -> Paged:
    """The page of that number, as it stands in an address; the nearest one if there is none."""
    pages = max(1, math.ceil(len(rows) / most))
    wanted = int(number) if number and number.isascii() and number.isdigit() else 1
    at = min(max(wanted, 1), pages)
    return Paged(rows[(at - 1) * most : at * most], at, pages, len(rows))


def is_called(person: Person, words: str) -> bool:
    """Whether these words, however they are typed, are in one of someone's names and addresses."""
    facts = (person.name, person.login, person.full_name, person.email, person.lms_id)
    all_names = "\0".join((*facts, person.lms_login))
    return normalize("NFC", words.strip()).casefold() in normalize("NFC", all_names).casefold()


def teacher_page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page of the teacher's: it says what the last form did, and links back to itself."""
    query = dict(request.query_params)

    def address(**changes: Any) -> str:
        kept = {key: value for key, value in (query | changes).items() if value not in ("", None)}
        return "?" + urlencode(kept)

    said = messages.said(request)
    state = request.app.state
    sent, fields = state.sent_forms.take(request.state.csrf, said[2] if said else "")

    def typed_in(form: str) -> dict[str, str]:
        """What was typed into the form of that address, if it was refused just now."""
        return fields if sent == state.prefix + form else {}

    values = {"said": said, "query": query, "address": address, "typed_in": typed_in} | values
    response = page(request, template, status, labs=state.course.labs, **values)
    return messages.forget(request, response)


@dataclass(frozen=True)
class Question:
    """What is asked before something is done that cannot be undone; `yes` is the button's word."""

    title: str
    sentences: Sequence[str]
    yes: str


@dataclass(frozen=True)
class TeacherForm:
    """A form that a teacher has sent: its fields, in which course, and `by` whom."""

    request: Request
    course: Course
    by: str
    fields: FormData

    def decide(
        self, back: str, act: Callable[[], str], ask: Callable[[], Question] | None = None
    ) -> Response:
        """Carry out a decision, then go `back` and say there what `act` said, or why it refused.

        The same form sent twice, by a double click say, acts once. With `ask`, a page asks first;
        what it raises is a refusal too.
        """
        sent_forms, path = self.request.app.state.sent_forms, self.request.url.path
        try:
            if ask is not None and self.text("sure") != "yes":
                return self.ask(back, ask())
            mark = mark_of(path, self.fields)
            words, kind = sent_forms.once(self.request.state.csrf, mark, act), "done"
        except Refused as refused:
            words, kind = str(refused), "refused"
        return self.end(back, words, kind)

    def end(self, back: str, words: str, kind: str) -> Response:
        """Go `back`, and say there that it is "done" or "refused"; then what was typed is kept."""
        kept = ""
        if kind == "refused":
            sent_forms, path = self.request.app.state.sent_forms, self.request.url.path
            kept = sent_forms.keep(self.request.state.csrf, path, typed(self.fields))
        return messages.say(self.request, see(self.request, back), words, kind, kept)

    def ask(self, back: str, question: Question) -> Response:
        """The page that asks first, and sends this form once more, with a field `sure`."""
        fields = [("sure", "yes"), *all_typed(self.fields)]
        return teacher_page(
            self.request, "teach_sure.html", question=question, fields=fields, back=back
        )

    def text(self, name: str) -> str:
        """A field's text, "" if it is not there or is a file."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def moment(self, name: str, called: str, was: datetime | None = None) -> datetime | None:
        """A field `datetime-local`, by the course's clocks; None if it is empty. Raises `Refused`.

        A field that shows what it `was` is that moment, to the second.
        """
        value = self.text(name).strip()
        if not value:
            return None
        zone = self.course.zone
        if value == wall_clock(was, zone):
            return was
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise Refused(
                f"{called} is {value[:50]!r}; write a date and a time, such as 2026-10-31T23:59."
            ) from None
        if not 2000 <= at.year <= 2200:
            raise Refused(f"{called} is in the year {at.year}; it must be from 2000 to 2200.")
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        try:
            return at_wall_clock(at, zone)
        except ValueError as problem:
            raise Refused(
                f"{called}: {problem}, where clocks go forward then. Write a time before or after."
            ) from None

    def number(self, name: str, called: str) -> float:
        """A field with a number. Raises `Refused`."""
        value = self.text(name).strip().replace(",", ".")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise Refused(f"{called} is {value[:50]!r}; write a number, such as 7.5.")
        return number

    def count(self, name: str, called: str) -> int:
        """A field with a whole number, 0 if it is empty. Raises `Refused`."""
        value = self.text(name).strip() or "0"
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise Refused(f"{called} is {value[:50]!r}; write a whole number, such as 2.")
        return int(value)


async def teacher_form(
    request: Request, person: Teacher, form: SentForm, course: CurrentCourse
) -> TeacherForm:
    """The form that a teacher has sent from one of our pages; 403 for any other."""
    return TeacherForm(request, course, person.name, form)


SentByTeacher = Annotated[TeacherForm, Depends(teacher_form)]
