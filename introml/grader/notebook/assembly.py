"""Which cells of a handed-in notebook are which of the lab's, whatever an editor did to them.

A cell is known by the marks that it was released with. Editors split, copy, merge and retype cells,
turn them into text and throw marks away; then what a cell defines tells which it is, where that is
sure. One cell that cannot be told costs that cell: the others are graded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from introml.grader.lab import Cell, Kind, parse
from introml.grader.notebook.magics import without_magics

#: Cells with more characters than this are known by their marks alone.
_LONG = 50_000
#: Characters that may be parsed to see what belongs together.
_PATIENCE = 400_000
#: Parts in which a cell as it was released is looked for.
_PARTS = 20
#: The share of lines in common by which an experiment or a given cell is known.
_ALIKE = 0.5
_DEFINED = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
_ASSIGNED = re.compile(r"^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


class LabOutline(Protocol):
    """What is needed of a lab to read a notebook of it: a `Lab`, or a `Released`."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def cells(self) -> tuple[Cell, ...]: ...
    @property
    def answers(self) -> Collection[str]: ...


@dataclass(frozen=True)
class Given:
    """A cell of the file: where it stands, from 1, its type, text and tags, and the lab's cell.

    `part` counts the parts of an answer that is in several cells, from 1.
    """

    number: int
    type: str
    source: str
    tags: tuple[str, ...]
    cell: Cell | None
    part: int = 1


class Assembly:
    """The cells of one notebook, put in their places.

    `cells` are those to look at, in their order. `missing` are answer cells of which there is
    nothing. `notes` are sentences for the student and the teacher, `flags` for the teacher alone.
    """

    def __init__(self, lab: LabOutline, given: Sequence[Given]) -> None:
        self.cells = list(given)
        self.missing: tuple[str, ...] = ()
        self.notes: list[str] = []
        self.flags: list[str] = []
        self._lab = lab
        self._known = [x for x in lab.cells if x.is_code and x.kind is not Kind.FREE]
        self._patience = _PATIENCE
        self._find_by_content()
        for cell in self._known:
            if cell.kind in (Kind.ANSWER, Kind.EXPERIMENT):
                self._settle(cell)
        self._tell_missing()
        self._restore_locked()

    # Cells without their marks.

    def _find_by_content(self) -> None:
        claimed = {one.cell.id for one in self.cells if one.cell is not None}
        lost = [cell for cell in self._known if cell.id not in claimed and cell.starter.strip()]
        free = {
            place: one
            for place, one in enumerate(self.cells)
            if one.cell is None and one.source.strip() and len(one.source) <= _LONG
        }
        if not lost or not free:
            return
        found: dict[int, Cell] = {}
        plain = {place: _plain(one.source) for place, one in free.items()}
        for cell in lost:
            starter = _plain(cell.starter)
            same = [place for place, text in plain.items() if text == starter]
            same = [place for place in same if place not in found]
            if same and (cell.kind is not Kind.ANSWER or not _DEFINED.search(cell.starter)):
                found[same[0]] = cell
        self._find_answers(lost, free, found)
        for cell in lost:
            if cell.kind is Kind.ANSWER or cell in found.values():
                continue
            lines = _lines(cell.starter)
            shares = [
                (_share(lines, _lines(one.source)), -place)
                for place, one in free.items()
                if place not in found and one.type == "code"
            ]
            share, place = max(shares, default=(0.0, 0))
            if share >= _ALIKE and len(lines) > 1:
                found[-place] = cell
        for place, cell in found.items():
            self.cells[place] = replace(self.cells[place], cell=cell)
        ids = [cell.id for cell in self._known if cell in found.values()]
        answers = [ident for ident in ids if ident in self._lab.answers]
        if answers:
            one = len(answers) == 1
            known = (
                "it is known by what it defines" if one else "they are known by what they define"
            )
            self.notes.append(
                f"The marks of the answer cell{'' if one else 's'} {_names(answers)} are lost; "
                f"{known}."
            )
            self.flags.append(f"Cells without their marks, told by their content: {_names(ids)}.")

    def _find_answers(
        self, lost: Iterable[Cell], free: dict[int, Given], found: dict[int, Cell]
    ) -> None:
        """The cells that define what a lost answer cell was to define."""
        wanted = {cell.id: _defined(cell.starter) for cell in lost if cell.kind is Kind.ANSWER}
        cells = {cell.id: cell for cell in lost}
        with_code: set[str] = set()
        # Text comes last: it is an answer only where no code is.
        for place, one in sorted(free.items(), key=lambda item: item[1].type != "code"):
            names = _defined(one.source)
            shares = {ident: len(names & own) for ident, own in wanted.items() if names & own}
            if place in found or not shares:
                continue
            ident = max(shares, key=lambda name: shares[name])
            if one.type == "code":
                with_code |= shares.keys()
            elif ident in with_code or not self._is_code(one.source):
                continue
            found[place] = cells[ident]

    # One cell of the lab, of which there may be none, one or several.

    def _settle(self, cell: Cell) -> None:
        """Leave what is the answer: untouched and equal copies go, parts are joined."""
        here = [one for one in self.cells if one.cell is not None and one.cell.id == cell.id]
        code = [one for one in here if one.type == "code"]
        texts = [one for one in here if one.type != "code"]
        if len(here) == 1 and code:
            if not self._take_in_what_follows(cell, code[0]):
                self._put_starter_first(cell, code[0])
            return
        untouched = _runs_of(_plain(cell.starter), code)
        touched = [one for one in code if one.number not in untouched]
        if not touched:
            texts = [one for one in texts if self._is_answer(cell, one)]
            if texts and self._elsewhere(cell) is None:
                self._replace(code, [])
                self._take_text(cell, texts)
                return
        self._replace(texts, [])
        if not code:
            return
        several = touched or code[:1]
        for one in code:
            if one not in several:
                self._left_out("An untouched copy", cell, one)
        kept: list[Given] = []
        for one in several:
            # A part that is no code alone is needed, however often it is there.
            again = kept and _plain(kept[-1].source) == _plain(one.source)
            if again and self._is_code(one.source):
                self._left_out("A second, equal copy", cell, one)
            else:
                kept.append(one)
        self._replace([one for one in code if one not in kept], [])
        if len(kept) > 1:
            self._tell_of_several(cell, kept)
            parts = self._joined(kept)
            if cell.kind is Kind.EXPERIMENT and len(parts) > 1:  # it runs when a check asks for it
                parts = [replace(parts[-1], source=_together(parts))]
            for number, part in enumerate(parts, start=1):
                parts[number - 1] = replace(part, part=number)
            self._replace(kept, parts)
        elif not touched:
            self._put_starter_first(cell, kept[0])

    def _tell_of_several(self, cell: Cell, kept: Sequence[Given]) -> None:
        bound = [_bound(one.source) for one in kept]
        numbers = _names([str(one.number) for one in kept], quoted=False)
        what = "answer cell" if cell.id in self._lab.answers else "experiment"
        if len(set().union(*bound)) == sum(map(len, bound)):
            self.notes.append(
                f"The {what} {cell.id!r} is in {len(kept)} parts (cells {numbers}, counted from "
                "the top); they are graded together, in this order."
            )
            return
        self.notes.append(
            f"The {what} {cell.id!r} is there {len(kept)} times, with different content (cells "
            f"{numbers}, counted from the top). All are run, so what the last one defines counts. "
            "If that is not the one you mean, delete it and hand in again."
        )
        self.flags.append(
            f"The {what} {cell.id!r} is there {len(kept)} times (cells {numbers}); the last counts."
        )

    def _left_out(self, what: str, cell: Cell, one: Given) -> None:
        kind = "answer cell" if cell.id in self._lab.answers else "experiment"
        self.notes.append(f"{what} of the {kind} {cell.id!r} (cell {one.number}) is left out.")

    def _take_text(self, cell: Cell, texts: list[Given]) -> None:
        """An answer that became a text cell is an answer still: one wrong key does that."""
        self._replace(texts, [replace(texts[-1], type="code")])
        kind = "raw" if texts[-1].type == "raw" else "text"
        self.notes.append(
            f"The answer cell {cell.id!r} has become a {kind} cell; what stands in it is graded as "
            "code. To run it yourself, select it in JupyterLab, press Esc and then Y, and save."
        )

    def _take_in_what_follows(self, cell: Cell, one: Given) -> bool:
        """Whether the rest of an answer follows, without marks, from where the cell was split."""
        place = self.cells.index(one)
        after = self.cells[place + 1] if place + 1 < len(self.cells) else None
        if after is None or after.cell is not None or after.type != "code":
            return False
        if after.source.lstrip("\r\n")[:1] not in (" ", "\t"):
            return False
        parts = self._joined([one, after])
        if len(parts) > 1:
            return False
        self._replace([one, after], parts)
        self.notes.append(
            f"Cell {after.number} goes on with the answer cell {cell.id!r}; they are graded "
            "together."
        )
        return True

    def _put_starter_first(self, cell: Cell, one: Given) -> None:
        """An untouched answer cell does not undo what another cell before it defines."""
        if _plain(one.source) != _plain(cell.starter):
            return
        place, names = self.cells.index(one), _defined(cell.starter)
        for earlier in range(place):
            other = self.cells[earlier]
            if other.type == "code" and other.cell is None and _defined(other.source) & names:
                self.cells.insert(earlier, self.cells.pop(place))
                self.notes.append(
                    f"The answer cell {cell.id!r} is untouched; what cell {other.number} defines "
                    "counts in its place."
                )
                return

    def _is_answer(self, cell: Cell, one: Given) -> bool:
        names = _defined(cell.starter)
        if names and not names & _defined(one.source):
            return False
        return _plain(one.source) != _plain(cell.starter) and self._is_code(one.source)

    def _elsewhere(self, cell: Cell) -> Given | None:
        """The last code cell, known as another or as none, that defines what this one was to."""
        names = _defined(cell.starter)
        for one in reversed(self.cells):
            own = one.cell is not None and one.cell.id == cell.id
            if one.type == "code" and not own and names & _defined(one.source):
                return one
        return None

    def _joined(self, parts: Sequence[Given]) -> list[Given]:
        """The parts, with those put together that are Python only together."""
        out: list[Given] = []
        for part in parts:
            if out and not (self._is_code(out[-1].source) and self._is_code(part.source)):
                both = _together([out[-1], part])
                if self._is_code(both):
                    out[-1] = replace(out[-1], source=both)
                    continue
            out.append(part)
        whole = _together(parts)
        if len(out) > 1 and not all(self._is_code(x.source) for x in out) and self._is_code(whole):
            return [replace(parts[0], source=whole)]
        return out

    def _is_code(self, source: str) -> bool:
        """Whether it is Python, but for magics. Without patience left, it is taken as it is."""
        self._patience -= len(source)
        if self._patience < 0:
            return True
        return parse(source) is not None or parse(without_magics(source)[0]) is not None

    def _replace(self, old: Sequence[Given], new: Sequence[Given]) -> None:
        """Put `new` in the places of those of `old` that have their numbers; the rest goes."""
        gone, kept = {one.number for one in old}, {one.number: one for one in new}
        self.cells = [
            kept.get(one.number, one)
            for one in self.cells
            if one.number not in gone or one.number in kept
        ]

    # What is not there.

    def _tell_missing(self) -> None:
        here = {one.cell.id for one in self.cells if one.cell is not None and one.type == "code"}
        missing = []
        for cell in self._known:
            if cell.id not in self._lab.answers or cell.id in here:
                continue
            if (other := self._elsewhere(cell)) is not None:
                label = f"cell {other.number}"
                if other.cell is not None:
                    label = f"the cell {other.cell.id!r}"
                self.notes.append(
                    f"The answer cell {cell.id!r} is not there, but {label} has what it was to "
                    "define, and is graded for it."
                )
            else:
                missing.append(cell.id)
        self.missing = tuple(missing)

    def _restore_locked(self) -> None:
        """Each given cell once and as it was released; those that are gone, put back."""
        placed: list[Given] = []
        seen: set[str] = set()
        for one in self.cells:
            cell = one.cell
            if cell is None or cell.kind is not Kind.LOCKED:
                placed.append(one)
            elif cell.id in seen:
                self.notes.append(f"A second copy of the given cell {cell.id!r} is left out.")
            else:
                seen.add(cell.id)
                if one.type != "code" or _plain(one.source) != _plain(cell.source):
                    self.notes.append(
                        f"The given cell {cell.id!r} was changed; it is graded as released."
                    )
                placed.append(Given(one.number, "code", cell.source, (), cell))
        before = 0  # where the released cell that comes before it stands
        for cell in (x for x in self._lab.cells if x.is_code):
            if cell.kind is Kind.LOCKED and cell.id not in seen:
                self.notes.append(f"The given cell {cell.id!r} was deleted; it is put back.")
                placed.insert(before, Given(0, "code", cell.source, (), cell))
            here = [n for n, one in enumerate(placed, start=1) if one.cell is cell]
            before = here[0] if here else before
        self.cells = placed


def _plain(source: str) -> str:
    """The text without what an editor changes unasked: blank lines, blanks at the ends."""
    return "\n".join(line.rstrip() for line in source.splitlines() if line.strip())


def _runs_of(starter: str, code: Sequence[Given]) -> set[int]:
    """The numbers of the cells that are, or in a row make up, what was released."""
    found: set[int] = set()
    plain = [_plain(one.source) for one in code]
    for first in range(len(code)):
        text = ""
        for last in range(first, min(first + _PARTS, len(code))):
            text = f"{text}\n{plain[last]}".strip("\n")
            if text == starter:
                found |= {one.number for one in code[first : last + 1]}
            if len(text) >= len(starter):
                break
    return found


def _lines(source: str) -> set[str]:
    return {line.strip() for line in source.splitlines() if line.strip()}


def _share(one: set[str], other: set[str]) -> float:
    both = sum(line in other for line in one)
    return both / max(1, len(one) + len(other) - both)


def _defined(source: str) -> set[str]:
    """The functions and classes that a cell defines."""
    return set(_DEFINED.findall(source)) if len(source) <= _LONG else set()


def _bound(source: str) -> set[str]:
    """The names that a cell defines or assigns to."""
    return _defined(source) | (set(_ASSIGNED.findall(source)) if len(source) <= _LONG else set())


def _together(parts: Sequence[Given]) -> str:
    return "\n".join(one.source.rstrip("\r\n") for one in parts)


def _names(names: Sequence[str], quoted: bool = True) -> str:
    shown = [repr(name) if quoted else name for name in names[:8]]
    shown += [f"{len(names) - 8} more"] if len(names) > 8 else []
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
