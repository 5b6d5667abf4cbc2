"""The book under the hub: its pages with a way back to the course, and no lab before its time.

A lab's page, notebooks, entry in the contents, links and search results appear when the lab opens
in this course, and what is folded on its page when its solution is out for all, without a restart.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from introml.hub.course import Course, LabSchedule, now
from introml.hub.grades import solution_for_all_from
from introml.hub.web.context import signed_in

_LAB = re.compile(r"(?:notebooks/)?labs/([^/]+)(?:/|$)")
_SOLUTION = re.compile(r"-solution\.ipynb$")
_SEARCH = "_static/search-index.js"
#: For other books to link into this one. It names every page, and nobody here needs it.
_INVENTORY = "objects.inv"
_LINK = re.compile(r"<a\b(?P<tag>[^>]*)>(?P<text>.*?)</a>", re.DOTALL)
_ENTRY = re.compile(r"<li>\s*(<a\b[^>]*>)[^<]*</a>\s*</li>\n?")
_EMPTY_PART = re.compile(r"<details[^>]*><summary>[^<]*</summary><ul>\s*</ul></details>\n?")
_RELATION = re.compile(r"<link\b[^>]*\brel=\"(?:prev|next)\"[^>]*>")
_HREF = re.compile(r"\bhref=\"([^\"]*)\"")
_FOLDED = re.compile(r"<details class=\"solution\">.*?</details>", re.DOTALL)
_ABOUT_SOLUTIONS = re.compile(r"<p>The solutions (?:appear on|are folded away)[^<]*</p>")
_HAND_IN = "where your course collects work"
_TOOLS = '<div class="tools">'
#: For how long it is believed which labs are open.
_BELIEVED_S = 1.0


@dataclass(frozen=True)
class NotYet:
    """The labs of the book that are not shown, and those whose solutions are not."""

    labs: frozenset[str]
    solutions: frozenset[str]


class Book(StaticFiles):
    """The files of a built book, for whom the course's settings say, as far as labs are open."""

    def __init__(self, folder: Path, course: Course, prefix: str) -> None:
        super().__init__(directory=folder, html=True)
        self._folder = Path(os.path.realpath(folder))
        self._course, self._prefix = course, prefix
        self._found: tuple[float, NotYet] | None = None
        self._written: dict[str, tuple[object, bytes, str]] = {}

    def page_of(self, lab: str) -> str:
        """The address of a lab's page in the book, below the prefix; "" if it has none."""
        there = (self._folder / "labs" / lab / "handout.html").is_file()
        return f"book/labs/{lab}/handout.html" if there else ""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if self._course.settings.book_needs_sign_in:
            await signed_in(Request(scope))
        ready = scope["app"].state.ready
        scope["introml.not_yet"] = await run_in_threadpool(self._not_yet, ready)
        return await super().get_response(path, scope)

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The answer with this file, or what of it may be seen. 404 for a lab before its time."""
        name = Path(os.path.realpath(full_path)).relative_to(self._folder).as_posix()
        not_yet: NotYet = scope["introml.not_yet"]
        if name == _INVENTORY:
            raise HTTPException(404)
        if (lab := _lab_of(name)) in not_yet.labs:
            raise HTTPException(404, "This lab is not open. The course's page says when it opens.")
        if lab in not_yet.solutions and _SOLUTION.search(name):
            raise HTTPException(404, "This solution is not out. The lab's page says from when.")
        rewritten: Callable[[str, str, NotYet], str]
        if name.endswith(".html"):
            rewritten = self._page
        elif name == _SEARCH:
            rewritten = self._search
        else:
            return super().file_response(full_path, stat_result, scope, status_code)
        state = (stat_result.st_mtime_ns, stat_result.st_size, not_yet)
        before = self._written.get(name)
        if before is None or before[0] != state:
            text = Path(full_path).read_text(encoding="utf-8")
            data = rewritten(name, text, not_yet).encode()
            before = state, data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'
            self._written[name] = before
        _, data, tag = before
        kind = "text/html; charset=utf-8" if name.endswith(".html") else "text/javascript"
        response = Response(data, status_code, {"ETag": tag}, media_type=kind)
        asked = Request(scope).headers.get("if-none-match", "")
        if tag in [one.strip().removeprefix("W/") for one in asked.split(",")]:
            return NotModifiedResponse(response.headers)
        return response

    def _not_yet(self, ready: bool) -> NotYet:
        """What is not shown at this moment. While the database is away: what was not, or no lab."""
        if self._found is not None and time.monotonic() < self._found[0]:
            return self._found[1]
        folder = self._folder / "labs"
        shown = {one.name for one in folder.iterdir()} if folder.is_dir() else set()
        try:
            found = _not_yet(self._course, shown) if ready else None
        except sa.exc.SQLAlchemyError:
            found = None
        if found is None:
            return self._found[1] if self._found else NotYet(frozenset(shown), frozenset(shown))
        self._found = time.monotonic() + _BELIEVED_S, found
        return found

    def _page(self, name: str, text: str, not_yet: NotYet) -> str:
        """A page with a way to the course, and without what is not shown."""

        def leads_to_hidden(tag: str) -> bool:
            return _is_hidden(_target(name, tag), not_yet)

        def unlinked(link: re.Match[str]) -> str:
            if not leads_to_hidden(link["tag"]):
                return link[0]
            turns = re.search(r'class="(?:back|on)"', link["tag"])
            return "<span></span>" if turns else link["text"]

        text = _ENTRY.sub(lambda x: "" if leads_to_hidden(x[1]) else x[0], text)
        text = _EMPTY_PART.sub("", text)
        text = _RELATION.sub(lambda x: "" if leads_to_hidden(x[0]) else x[0], text)
        text = _LINK.sub(unlinked, text)
        if lab := _lab_of(name):
            way = f'<a href="{self._prefix}labs/{lab}">the lab\'s page in your course</a>'
            text = text.replace(_HAND_IN, f"on {way}", 1)
            if lab in not_yet.solutions:
                text = _FOLDED.sub("", text)
                # Its day is the course's, and not the one that the book was built with.
                said = f"<p>From when the solution is shown, says {way}.</p>"
                text = _ABOUT_SOLUTIONS.sub(said, text)
        return text.replace(_TOOLS, f'{_TOOLS}\n      <a href="{self._prefix}">Course</a>', 1)

    def _search(self, name: str, text: str, not_yet: NotYet) -> str:
        """The index for searching, without what is not shown.

        Of a lab whose page has a solution in it before its time, which words are the solution's is
        not known here: the lab is not found by searching.
        """
        before, _, rest = text.partition("=")
        index = json.loads(rest.rstrip().removesuffix(";"))
        solved = {lab for lab in not_yet.solutions if self._has_solution(lab)}
        without = NotYet(not_yet.labs | solved, not_yet.solutions)
        index["sections"] = [
            one for one in index["sections"] if not _is_hidden(urlsplit(one["url"]).path, without)
        ]
        return f"{before}={json.dumps(index, ensure_ascii=False, separators=(',', ':'))};"

    def _has_solution(self, lab: str) -> bool:
        page = self._folder / "labs" / lab / "handout.html"
        return page.is_file() and bool(_FOLDED.search(page.read_text(encoding="utf-8")))


def _not_yet(course: Course, shown: set[str]) -> NotYet:
    """Which of the labs that the book shows are not open in this course, or have no solution yet.

    A lab that the course does not hand out never opens in it.
    """
    at = now()
    with course.database.reading() as session:
        # Rows that are held here are not asked for again below, lab by lab.
        rows = {row.lab: row for row in session.query(LabSchedule)}
        opens = {name: row.opens_at or at for name, row in rows.items()}
        closed = {name for name in shown if name not in course.labs or opens.get(name, at) > at}
        unsolved = {
            name
            for name in shown
            if name not in course.labs or solution_for_all_from(session, course.labs[name]) > at
        }
    return NotYet(frozenset(closed), frozenset(unsolved))


def _lab_of(path: str) -> str:
    """The lab whose page or notebook this file of the book is; "" for other files."""
    found = _LAB.match(path)
    return found[1] if found else ""


def _is_hidden(path: str, not_yet: NotYet) -> bool:
    lab = _lab_of(path)
    return lab in not_yet.labs or (lab in not_yet.solutions and bool(_SOLUTION.search(path)))


def _target(page: str, tag: str) -> str:
    """The file of the book that a link on a page leads to."""
    found = _HREF.search(tag)
    path = unquote(urlsplit(found[1]).path) if found else ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else ""
