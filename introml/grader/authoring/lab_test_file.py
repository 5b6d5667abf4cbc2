"""`lab_test.toml`: what the test of a lab cannot know by itself. It decides no grade.

[[try]]                       # a sentence of the text that begins with "Try"
says = "Try `peak=1.5`"
cell = "look-at-it"           # the experiment in which it is tried
replace = [["peak=0.2", "peak=1.5"]]
holds = "max(result) < 1"     # what the text says of it, if it says something

[[survives]]                  # a mutant that no check can tell from the answer
answer = "solution"           # or "right/<name>"
cell = "learning_rate"
old = "if t < total:"
new = "if (t <= total):"
why = "At t = total both lines give 0."
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introml.grader.lab import Lab, LabError


@dataclass(frozen=True)
class Try:
    """What the text has students try: words of it, the cell, replacements, what then holds."""

    says: str
    cell: str
    replace: tuple[tuple[str, str], ...] = ()
    holds: str = ""


@dataclass(frozen=True)
class Survivor:
    """A mutant of which the author says why no check can see it."""

    answer: str
    cell: str
    old: str
    new: str
    why: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.answer, self.cell, self.old, self.new


def read(lab: Lab) -> tuple[list[Try], list[Survivor]]:
    """The entries of a lab's `lab_test.toml`; none where there is no such file.

    Raises `LabError`.
    """
    path = lab.folder / "lab_test.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [], []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise LabError(path, None, f"is not TOML: {problem}") from problem
    tries, survivors = values.pop("try", []), values.pop("survives", [])
    if values:
        odd = min(values)
        raise LabError(path, None, f"{odd!r} is not allowed; [[try]] and [[survives]] are")
    return (
        [_try(path, number, one) for number, one in enumerate(tries, 1)],
        [_survivor(path, number, one) for number, one in enumerate(survivors, 1)],
    )


def _try(path: Path, number: int, entry: Any) -> Try:
    where = f"[[try]] number {number}"
    if not isinstance(entry, dict):
        raise LabError(path, None, "tries are written under [[try]]")
    replace = entry.get("replace", [])
    says, cell, holds = entry.get("says"), entry.get("cell"), entry.get("holds", "")
    pairs = isinstance(replace, list) and all(
        isinstance(one, list) and len(one) == 2 and all(isinstance(x, str) for x in one)
        for one in replace
    )
    good = isinstance(says, str) and isinstance(cell, str) and isinstance(holds, str)
    if entry.keys() - {"says", "cell", "replace", "holds"} or not (
        pairs and good and says and cell
    ):
        raise LabError(
            path, None,
            f"{where} needs says and cell, texts, and may have replace = [[old, new], …] and "
            "holds, a text",
        )  # fmt: skip
    return Try(_plain(says), cell, tuple((old, new) for old, new in replace), holds)


def _survivor(path: Path, number: int, entry: Any) -> Survivor:
    keys = ("answer", "cell", "old", "new", "why")
    good = (
        isinstance(entry, dict)
        and entry.keys() == set(keys)
        and all(isinstance(one, str) and one.strip() for one in entry.values())
    )
    if not good:
        words = f"[[survives]] number {number} needs the texts {', '.join(keys)}, and no more"
        raise LabError(path, None, words)
    return Survivor(**{key: _plain(entry[key]) for key in keys})


def _plain(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())
