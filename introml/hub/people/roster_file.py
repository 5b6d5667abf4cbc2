"""A roster as platforms and spreadsheets write it: what it is written in, its columns, its lines.

file = read(data)     # bytes or text -> RosterFile

Canvas, Moodle and Gradescope export lists of people and of grades, in several languages, with
commas, semicolons or tabs, and Excel saves them anew in its own way. What is in them beside people
is left out and noted.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from introml.hub.people.matching import Entry
from introml.hub.people.names import RosterError, one_line

#: The largest roster file that is read, in bytes or characters.
LARGEST = 1_000_000
_MOST_ROWS = 10_000
#: Names in Chinese characters or in Hangul: the family's name is first, without a space.
_FAMILY_FIRST = re.compile(r"[\u3400-\u9fff\uac00-\ud7a3]+")
#: What a column is called: here, by Canvas, Moodle and Gradescope, and in Moodle's translations.
#: The first of a column's words that a file has is taken.
_COLUMNS = {
    "name": (
        "name", "user_name", "username", "user name", "user", "login", "login_id", "login id",
        "anmeldename", "nom d'utilisateur", "nombre de usuario", "nome utente", "gebruikersnaam",
        "identificação de usuário", "用户名", "ユーザ名",
    ),
    "full_name": (
        "full_name", "full name", "fullname", "student", "student name", "display name",
        "vollständiger name", "nom complet", "nombre completo", "nome completo", "nome e cognome",
        "volledige naam", "全名", "姓名", "氏名",
    ),
    "first": (
        "first name", "first_name", "firstname", "given name", "given_name", "forename", "vorname",
        "prénom", "nombre", "nome", "voornaam", "名", "名字",
    ),
    "last": (
        "last name", "last_name", "lastname", "surname", "family name", "family_name", "nachname",
        "nom de famille", "nom", "apellido(s)", "apellidos", "apellido", "cognome", "sobrenome",
        "achternaam", "姓", "姓氏",
    ),
    "email": (
        "email", "email address", "e-mail", "e-mail address", "mail", "e-mail-adresse",
        "e-mail adresse", "adresse de courriel", "adresse e-mail", "courriel",
        "dirección de correo",
        "dirección de correo electrónico", "correo", "indirizzo email", "endereço de e-mail",
        "endereço de email", "e-mailadres", "电子邮件地址", "电子邮箱", "邮箱", "メールアドレス",
    ),
    "role": ("role", "roles", "rolle", "rollen", "rôle", "rôles", "rol", "ruolo", "角色", "ロール"),
    "lms_id": (
        "lms_id", "id", "sid", "id number", "identifier", "student id", "student_id",
        "canvas user id", "id-nummer", "matrikelnummer", "numéro d'identification", "número de id",
        "numero id", "学号", "学籍番号",
    ),
    "lms_login": ("lms_login", "sis login id", "sis_login_id"),
    "sis_id": ("sis user id", "sis_user_id"),
}  # fmt: skip
_TEACHERS = {
    "teacher", "instructor", "ta", "teaching assistant", "course assistant", "reader", "grader",
    "tutor", "non-editing teacher", "editingteacher", "editing teacher", "lecturer", "professor",
    "manager", "owner", "co-instructor", "teachers", "instructors", "trainer/in", "dozent/in",
    "lehrer/in", "enseignant", "profesor", "docente", "docent", "教师", "教師",
}  # fmt: skip
_STUDENTS = {
    "", "student", "students", "learner", "participant", "studentenrollment", "studierende",
    "studierende/r", "teilnehmer/in", "étudiant", "étudiante", "estudiante", "studente", "aluno",
    "学生",
}  # fmt: skip
#: Who is in a platform's course and neither learns nor teaches: a parent, or nobody at all.
_OTHERS = {"observer", "guest", "test student", "teststudent", "studentviewenrollment"}
#: An apostrophe that our own files put before what a spreadsheet would compute.
_DEFUSED = re.compile(r"'(?=[=+\-@\t\r])")


@dataclass(frozen=True)
class RosterFile:
    """What a file holds: people, what to know of how it was read, and what cannot be used."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read(data: bytes | str) -> RosterFile:
    """The people in a file, and what is wrong with lines. Raises `RosterError` for no roster."""
    text, notes = (data, []) if isinstance(data, str) else decoded(data)
    if len(text) > LARGEST:
        raise RosterError(
            f"the file has {len(text)} characters; at most {LARGEST} are read. Is it the roster?"
        )
    if "\0" in text:
        raise RosterError("this is no CSV file; save the roster as CSV (UTF-8), and try again")
    first, rows = _rows(text.lstrip("\ufeff"))
    return _Columns(first.cells).people(rows, notes)


def decoded(data: bytes) -> tuple[str, list[str]]:
    """A file's text, and what to know of it. Raises `RosterError` for what is no text."""
    if len(data) > 4 * LARGEST:
        raise RosterError(f"the file has {len(data)} bytes; that is too much for a roster")
    kind = _kind(data)
    if kind:
        raise RosterError(kind)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_utf16(data):
        encoding = "utf-16"
        if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
        try:
            return data.decode(encoding), []
        except UnicodeDecodeError:
            raise RosterError(
                "the file begins like UTF-16 text and then is none; save it as CSV (UTF-8)"
            ) from None
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = ""
    if not _is_western(text):
        raise RosterError(
            "the file is not in UTF-8; in Excel, save it as “CSV UTF-8 (Comma delimited)”, and "
            "choose it again"
        )
    return text, ["The file is not in UTF-8; it was read as Windows-1252. Look at the accents."]


def _kind(data: bytes) -> str:
    """What a file is that is no text, and what to do; "" for others."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    save = "open it in a spreadsheet, save it as “CSV UTF-8”, and choose that file"
    if data.startswith(b"PK\x03\x04"):
        return f"this is an Excel workbook (or a ZIP file), whatever its name; {save}"
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return f"this is an old Excel workbook, whatever its name; {save}"
    if data.startswith(b"%PDF"):
        return "this is a PDF; export the list as CSV, and choose that file"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        return (
            "this is a web page, not a CSV file; sign in to the platform again, export the list as "
            "CSV, and choose that file"
        )
    return ""


def _is_utf16(data: bytes) -> bool:
    """Whether every other byte of the first line is zero, as in UTF-16 without its mark."""
    start = data[:80]
    return len(start) > 3 and (
        (all(start[::2]) and not any(start[1::2])) or (all(start[1::2]) and not any(start[::2]))
    )


def _is_western(text: str) -> bool:
    """Whether what was read as Windows-1252 looks it: single accented letters among plain ones.

    What was written in a Cyrillic, Chinese or Mac encoding has runs of them, and odd signs.
    """
    high = [one for one in text if ord(one) > 127]
    if not high or not all(one.isalpha() or one in "’‘–-·´\xa0“”€" for one in high):
        return False
    runs = re.findall(r"[^\x00-\x7f]+", text)
    return len(high) <= 1.5 * len(runs)


@dataclass(frozen=True)
class _Row:
    line: int
    cells: list[str]


def _rows(text: str) -> tuple[_Row, list[_Row]]:
    """The line that names the columns, and the others that hold something."""
    skipped = 0
    if told := re.match(r"sep=(.)[;,\t]*(?:\r\n|\r|\n|$)", text, re.IGNORECASE):
        text, skipped = text[told.end() :], 1
    delimiters = [told[1]] if told else [",", ";", "\t", "|"]
    best = _parsed(text, max(delimiters, key=lambda one: _known_columns(text, one)), skipped)
    if len(best) < 2:
        raise RosterError(
            "the roster names nobody: its first line is to name the columns, each other a person"
        )
    if len(best) > _MOST_ROWS:
        raise RosterError(f"the roster has {len(best)} lines; at most {_MOST_ROWS} are read")
    return best[0], best[1:]


def _known_columns(text: str, delimiter: str) -> int:
    """How many columns the first line that holds something names, if they stand apart so."""
    try:
        rows = _reader(text, delimiter, strict=False)
        return len(_Columns(next(row for row in rows if any(map(_clean, row)))).places)
    except (csv.Error, StopIteration):
        return -1


def _reader(text: str, delimiter: str, strict: bool) -> Any:
    lines = io.StringIO(text, newline="")
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict)


def _parsed(text: str, delimiter: str, skipped: int) -> list[_Row]:
    reader = _reader(text, delimiter, strict=True)
    rows, line = [], skipped + 1
    try:
        for cells in reader:
            if any(_clean(cell) for cell in cells):
                rows.append(_Row(line, cells))
            line = reader.line_num + skipped + 1
    except csv.Error as problem:
        raise RosterError(
            f"line {line}: a quotation mark is missing or stands in the wrong place ({problem})"
        ) from None
    return rows


class _Columns:
    """Which column of a file is what."""

    def __init__(self, header: Sequence[str]) -> None:
        self.header = [_clean(cell) for cell in header]
        words = [cell.casefold().replace("’", "'") for cell in self.header]
        self.places: dict[str, int] = {}
        for ours, theirs in _COLUMNS.items():
            place = next((words.index(one) for one in theirs if one in words), None)
            if place is not None:
                self.places[ours] = place
        self._words = words

    def _settle(self, rows: Sequence[_Row]) -> None:
        """What a column "Name" is: a user name, a full name, or the last one."""
        places = self.places
        if "name" in places and self._words[places["name"]] == "name":
            if "first" in places and "last" not in places:
                places["last"] = places.pop("name")
            elif "email" in places and not {"full_name", "first", "last"} & set(places):
                told = [one for row in rows if (one := self._cell(row, "name"))]
                if "sid" in self._words or sum(" " in one for one in told) * 2 > len(told):
                    places["full_name"] = places.pop("name")
        if "first" in places and "last" not in places and self._words[places["first"]] == "nome":
            places.setdefault("full_name", places.pop("first"))

    def people(self, rows: Sequence[_Row], notes: list[str]) -> RosterFile:
        """The lines as people. Raises `RosterError` where the columns name nobody."""
        self._settle(rows)
        if not {"name", "email", "lms_login"} & set(self.places):
            raise RosterError(
                "the first line must name the columns, with 'name' (a user name) or 'email' among "
                "them; it is: " + ", ".join(self.header)[:200]
            )
        entries: list[Entry] = []
        problems: list[str] = []
        for row in rows:
            why = self._is_nobody(row)
            if why:
                notes.append(f"Line {row.line} is left out: {why}.")
                continue
            try:
                entries.append(self._entry(row))
            except RosterError as problem:
                problems += problem.problems
        if not entries and not problems:
            raise RosterError("the roster names nobody")
        return RosterFile(tuple(entries), tuple(notes), tuple(problems))

    def _cell(self, row: _Row, column: str) -> str:
        place = self.places.get(column)
        return _clean(row.cells[place]) if place is not None and place < len(row.cells) else ""

    def _is_nobody(self, row: _Row) -> str:
        """Why a line stands for nobody, as some of a platform's own do; "" for people."""
        values = {column: self._cell(row, column) for column in self.places}
        told = ", ".join(x for x in map(values.get, ("full_name", "last", "first")) if x).casefold()
        if not any(values.values()):
            return "it has nothing in the columns that are read"
        if self._is_canvas():
            keys = ("lms_id", "lms_login", "email", "name", "sis_id")
            if told.startswith("points possible") or not any(values.get(key) for key in keys):
                return "it is Canvas’s line of points, not a person"
            if told in ("student, test", "test student") and not values.get("sis_id"):
                return "it is Canvas’s test student"
        roles = _roles(values.get("role", ""))
        if roles and all(one in _OTHERS for one in roles):
            return f"the role is {values['role']!r}, who neither learns nor teaches"
        return ""

    def _is_canvas(self) -> bool:
        return not {"student", "sis login id", "sis user id"}.isdisjoint(self._words)

    def _entry(self, row: _Row) -> Entry:
        if any(_clean(cell) for cell in row.cells[len(self.header) :]):
            raise RosterError(
                f"line {row.line}: there are {len(row.cells)} cells, and the first line names "
                f"{len(self.header)} columns; a name with a comma in it needs quotation marks: "
                '"Lovelace, Ada"'
            )
        values = {column: self._cell(row, column) for column in self.places}
        role = _role(row.line, values.get("role", ""))
        full = values.get("full_name") or _full(values.get("first", ""), values.get("last", ""))
        if "student" in self._words and full.count(",") == 1:
            last, _, first = full.partition(",")
            full = _full(first.strip(), last.strip())
        lengths = {"name": 100, "lms_id": 100, "lms_login": 100, "email": 200}
        facts = {key: values.get(key, "") for key in lengths}
        for key, most in lengths.items():
            if len(facts[key]) > most:
                column = self.header[self.places[key]]
                raise RosterError(
                    f"line {row.line}: {column} has {len(facts[key])} characters; at most {most}"
                )
        return Entry(
            **facts, full_name=full[:200], role=role, line=row.line,
            told_role=values.get("role", ""),
        )  # fmt: skip


def _full(first: str, last: str) -> str:
    """Both parts of a name in the order in which it is written: 王小明, Ada Lovelace."""
    if _FAMILY_FIRST.fullmatch(first) and _FAMILY_FIRST.fullmatch(last):
        return last + first
    return f"{first} {last}".strip()


def _roles(told: str) -> list[str]:
    """The roles in a cell, which may be several."""
    return [one.strip().casefold() for one in re.split(r"[,;|]", told) if one.strip()]


def _role(line: int, told: str) -> str:
    roles = [one for one in _roles(told) if one not in _OTHERS]
    unknown = [one for one in roles if one not in _TEACHERS | _STUDENTS]
    if unknown:
        raise RosterError(
            f"line {line}: the role is {told[:50]!r}; it must be student or teacher, or what "
            "Canvas, Moodle and Gradescope call these (Student, Instructor, TA, …)"
        )
    return "teacher" if any(one in _TEACHERS for one in roles) else "student"


def _clean(cell: str) -> str:
    """A cell's text on one line, composed, without signs that cannot be seen."""
    text = one_line(cell)
    return _DEFUSED.sub("", text, count=1) if _DEFUSED.match(text) else text
