"""Whether a text gives the answers to a lab away, by what is in it: no folder's name counts.

A text gives a lab away if it holds a canary of the lab's hidden checks; a copy of an answer of the
lab's own or in `right/`, renamed or not; or answers in any other style, under the names that the
lab asks for, to half of its cells and at least three. What a page or module teaches has one or two
of these names, in its own words, and is no answer to the lab. A single answer in words of its own
is not known for one.
"""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from introml.grader.authoring import own_canaries
from introml.grader.lab import Lab
from introml.hub.grades import similarity
from introml.hub.operate import packed

#: A copy has this share of an answer's passages, and an answer with fewer of them tells nothing.
_COPIED, _FEWEST_PASSAGES = 0.6, 12
#: So many cells must be answered, or half of them if that is more.
_FEWEST_CELLS = 3
#: Of the words that an answer takes from libraries, a copy has this share: others need no look.
_WORDS = 0.6
_LONGEST_BODY = 8_000
_WORD = re.compile(r"[^\W\d]\w*")
_DEFINED = re.compile(r"^([ \t]*)(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_UNANSWERED = re.compile(r"\braise NotImplementedError\b")


@dataclass(frozen=True)
class _Answer:
    """A right answer to a cell: its passages, and the words that renaming would leave."""

    passages: frozenset[int]
    words: frozenset[str]


@dataclass(frozen=True)
class Wanted:
    """What gives a lab away. `cells` are the names that each cell's answer defines."""

    lab: str
    cells: tuple[frozenset[str], ...]
    answers: tuple[_Answer, ...]
    canaries: tuple[str, ...]

    @classmethod
    def of(cls, lab: Lab) -> Wanted:
        """Of a lab, from its solution, `right/` and its hidden checks."""
        given = similarity.given_passages(lab)
        texts = [cell.solution for cell in lab.answers.values()]
        texts += [text for one in lab.right_solutions() for text in one.cells.values()]
        answers = [
            _Answer(similarity.passages_of(text) - given, _kept_words(text)) for text in texts
        ]
        cells = [_top_level(cell.solution) for cell in lab.answers.values()]
        return cls(
            lab.name,
            tuple(names for names in cells if names),
            tuple(one for one in answers if len(one.passages) >= _FEWEST_PASSAGES),
            tuple(own_canaries(lab)),
        )


def given_away(text: str, wanted: Iterable[Wanted]) -> list[str]:
    """The labs that a text gives away."""
    if not _DEFINED.search(text):
        return [one.lab for one in wanted if any(canary in text for canary in one.canaries)]
    words = frozenset(_WORD.findall(text))
    bodies: dict[str, str] | None = None
    passages: frozenset[int] | None = None
    found = []
    for one in wanted:
        if any(canary in text for canary in one.canaries):
            found.append(one.lab)
            continue
        if _enough(one, words):
            bodies = dict(_bodies(text)) if bodies is None else bodies
            if _enough(one, {name for name, body in bodies.items() if _is_answer(body)}):
                found.append(one.lab)
                continue
        for answer in one.answers:
            if len(answer.words & words) >= _WORDS * len(answer.words):
                passages = similarity.passages_of(text) if passages is None else passages
                if len(answer.passages & passages) >= _COPIED * len(answer.passages):
                    found.append(one.lab)
                    break
    return found


def text_in(name: str, data: bytes) -> str:
    """What a file says, as code would be read in it: a notebook's cells, a page without its tags.

    Of an archive, what its files say; of compiled Python, what it defines.
    """
    if packed.is_packed(data[:512]):
        return "\n\n".join(
            text_in(*one)
            for one in packed.members(name, data)
            if not packed.is_packed(one[1][:512])
        )
    if name.endswith(".pyc"):
        return packed.text_of_compiled(data)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        # An editor's swap file has such a byte after each line.
        text = data.decode("utf-8", "replace").replace("\0", "\n")
    if name.endswith(".ipynb"):
        try:
            cells = json.loads(text)["cells"]
            return "\n\n".join("".join(cell["source"]) for cell in cells)
        except (ValueError, TypeError, KeyError, RecursionError):
            return text
    if name.endswith((".html", ".htm", ".svg")):
        return html.unescape(re.sub(r"<[^>]*>", "", text))
    if r"\ndef " in text or r"\nclass " in text:  # code in a string of one line
        return text.replace(r"\n", "\n").replace(r"\"", '"')
    return text


def _enough(wanted: Wanted, names: Iterable[str]) -> bool:
    """Whether these names answer enough of a lab's cells."""
    known = frozenset(names)
    answered = sum(cell <= known for cell in wanted.cells)
    return answered >= max(_FEWEST_CELLS, len(wanted.cells) / 2)


def _is_answer(body: str) -> bool:
    return bool(body.strip()) and not _UNANSWERED.search(body)


def _bodies(text: str) -> Iterator[tuple[str, str]]:
    """(name, body) of each function and class, wherever it stands; of one name, answers come last.

    A body goes as far as the lines are indented deeper.
    """
    found = []
    for match in _DEFINED.finditer(text):
        indent = len(match[1].expandtabs())
        head, *lines = text[match.end() : match.end() + _LONGEST_BODY].split("\n")
        body = [head.rpartition(":")[2]]
        for line in lines:
            wide = line.expandtabs()
            closes = wide.lstrip().startswith(")")  # a head of several lines
            if wide.strip() and len(wide) - len(wide.lstrip()) <= indent and not closes:
                break
            body.append(line)
        found.append((match[2], "\n".join(body)))
    yield from sorted(found, key=lambda one: _is_answer(one[1]))


def _top_level(solution: str) -> frozenset[str]:
    """The functions and classes that an answer defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.parse(solution).body if isinstance(node, kinds))


def _kept_words(source: str) -> frozenset[str]:
    """The words that stay when a student's own names are changed: attributes of libraries."""
    return frozenset(re.findall(r"(?<!self)(?<!cls)\.([^\W\d]\w*)", source))
