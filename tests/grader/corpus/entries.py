"""Honest notebooks, as students hand them in, and what each should get by the rules of grading.

Noise costs nothing. A fault costs its own cell: the checks that a notebook with that cell's starter
would lose, and no others. A file that cannot be read is refused in words that say what to do.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from tiny import tiny

from introml.grader.authoring.release import starter_notebook
from introml.grader.lab.lab import Lab, load_lab

LABS = ("gradient-descent", "attention")
#: What fits any lab is tried on these by turns; the small one is quick.
TURNS = ("tiny", "tiny", "tiny", "gradient-descent", "tiny", "tiny", "tiny", "attention")
#: What the entries that fit either lab call its answer cells.
ROLES = {
    "gradient-descent": {"FIRST": "mean_loss", "SECOND": "gradient", "LEAF": "learning_rate"},
    "attention": {"FIRST": "softmax", "SECOND": "masks", "LEAF": "positions"},
    "tiny": {"FIRST": "loss", "SECOND": "gradient", "LEAF": "descent"},
}
#: A call of the leaf's function that works.
CALLS = {
    "gradient-descent": "learning_rate(1, 0.5, 2, 6)",
    "attention": "positions(3, 4)",
    "tiny": "Descent(2).rate",
}


class Book:
    """An answered notebook of a lab, to be changed: `book` is its JSON, with starter cells."""

    def __init__(self, lab: str) -> None:
        self.lab = lab
        self.book: dict[str, Any] = copy.deepcopy(_answered(lab))

    @property
    def cells(self) -> list[dict[str, Any]]:
        return self.book["cells"]

    @property
    def call(self) -> str:
        return CALLS[self.lab]

    def id(self, role: str) -> str:
        """The cell that a role names: FIRST, SECOND, LEAF; other words are names already."""
        return ROLES[self.lab].get(role, role)

    def cell(self, role: str) -> dict[str, Any]:
        return next(one for one in self.cells if one.get("id") == self.id(role))

    def place(self, role: str) -> int:
        return self.cells.index(self.cell(role))

    def source(self, role: str) -> str:
        return "".join(self.cell(role)["source"])

    def write(self, role: str, source: str) -> None:
        self.cell(role)["source"] = source

    def add(self, source: str, before: str | None = "FIRST", **metadata: Any) -> dict[str, Any]:
        """A cell of the student's own, before another one or at the end."""
        made = code(source, **metadata)
        place = len(self.cells) if before is None else self.place(before)
        self.cells.insert(place, made)
        return made

    def starter(self, role: str) -> str:
        return starter_of(self.lab, self.id(role))

    def without_ids(self) -> None:
        for one in self.cells:
            one.pop("id", None)

    def bytes(self, **options: Any) -> bytes:
        return json.dumps(self.book, **{"ensure_ascii": False, "indent": 1} | options).encode()


def code(source: str, **metadata: Any) -> dict[str, Any]:
    """A code cell such as an editor adds."""
    return {
        "cell_type": "code", "metadata": metadata, "source": source, "outputs": [],
        "execution_count": None,
    }  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A notebook, and what it should get.

    `costs` are the answer cells that count as not written. `says` are words of which each must
    stand in what the student is told. `refused` is True, False, or None where either will do: what
    is said must hold when it is. `flags` are the kinds that a teacher sees. `at_home` says whether
    a kernel can run it here; `endless`, that some of it never ends; `about_the_lab`, that it fits
    this lab alone.
    """

    name: str
    lab: str
    data: bytes
    costs: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    refused: bool | None = False
    flags: tuple[str, ...] = ()
    at_home: bool = True
    endless: bool = False
    about_the_lab: bool = False


@dataclass(frozen=True)
class _Recipe:
    make: Callable[[Book], bytes | None]
    labs: tuple[str, ...]
    expected: dict[str, Any]


_RECIPES: dict[str, _Recipe] = {}


def entry(*, lab: str | None = None, name: str = "", **expected: Any) -> Callable:
    """Register a function that changes a notebook in place, or returns the bytes of a file.

    With `lab` it fits that lab alone.
    """

    def register(make: Callable[[Book], bytes | None]) -> Callable:
        own = name or make.__name__
        assert own not in _RECIPES, own
        _RECIPES[own] = _Recipe(make, (lab,) if lab else LABS, expected)
        return make

    return register


def helper(name: str, source: str, before: str | None = "FIRST", **expected: Any) -> None:
    """Register a notebook with a cell more; CALL in it calls the leaf's function."""

    def make(book: Book) -> None:
        book.add(source.replace("CALL", book.call), before)

    entry(name=name, **expected)(make)


def edit(name: str, role: str, change: Callable[[str], str], **expected: Any) -> None:
    """Register a notebook with an answer cell that is changed."""

    def make(book: Book) -> None:
        before = book.source(role)
        after = change(before).replace("CALL", book.call).replace("'LAB'", repr(book.lab))
        assert after != before, name
        book.write(role, after)

    entry(name=name, **expected)(make)


def entries(every_lab: bool = False) -> list[Entry]:
    """All entries: those that fit either lab in one of them by turns, or in each."""
    from . import answers, files, scratch, shape  # noqa: F401  (they register)

    made = []
    for number, (name, recipe) in enumerate(sorted(_RECIPES.items())):
        by_turns = (TURNS[number % len(TURNS)],)
        for lab in recipe.labs if every_lab or len(recipe.labs) == 1 else by_turns:
            made.append(_entry(name, lab, recipe))
    return made


def _entry(name: str, lab: str, recipe: _Recipe) -> Entry:
    book = Book(lab)
    data = recipe.make(book)
    expected = dict(recipe.expected)
    expected["costs"] = tuple(map(book.id, expected.get("costs", ())))
    expected["says"] = tuple(_filled(expected.get("says", ()), book))
    expected["about_the_lab"] = len(recipe.labs) == 1
    return Entry(name, lab, book.bytes() if data is None else data, **expected)


def _filled(words: Iterable[str], book: Book) -> Iterable[str]:
    for one in words:
        yield book.id(one) if one in ROLES[book.lab] else one


@cache
def lab_of(name: str) -> Lab:
    return tiny() if name == "tiny" else load_lab(name)


def starter_of(lab: str, ident: str) -> str:
    return lab_of(lab).answers[ident].starter


def with_starters(lab: str, cells: Iterable[str]) -> bytes:
    """The answered notebook in which some cells are as they were released."""
    book = Book(lab)
    for ident in cells:
        book.write(ident, starter_of(lab, ident))
    return book.bytes()


@cache
def released(lab: str) -> bytes:
    return starter_notebook(lab_of(lab))


@cache
def _answered(lab: str) -> dict[str, Any]:
    book = json.loads(released(lab))
    for cell in book["cells"]:
        if (answer := lab_of(lab).answers.get(cell["id"])) is not None:
            cell["source"] = answer.solution
    return book
