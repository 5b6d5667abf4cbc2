"""Which submissions of a lab resemble each other: winnowing over normalised Python tokens.

After Schleimer, Wilkerson and Aiken, *Winnowing: Local Algorithms for Document Fingerprinting*
(SIGMOD 2003), the method of MOSS. Names and literals are made alike, comments and docstrings left
out, so that renaming hides nothing; passages of the lab's own text, and those that many submissions
have, are not counted. A number says that two texts resemble each other, and nothing about why.

Nothing here runs or parses a submission: any text is cut into tokens, in one pass over it.
"""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from introml.grader.authoring import starter_notebook
from introml.grader.lab import Kind, Lab
from introml.grader.notebook import Refused, Submitted, raw_cells, read_submission

#: A passage is `GRAM` tokens long; of each `WINDOW` passages in a row at least one is kept. So what
#: is alike over GRAM + WINDOW - 1 = 15 tokens, about two lines, is surely seen, and less than 10
#: tokens never.
GRAM, WINDOW = 10, 6
#: Passages that more submissions have than this share of the class, and more than this number,
#: are common to the task, and tell nothing.
COMMON_SHARE, COMMON_COUNT = 0.1, 10
#: Pairs with fewer passages in common are not listed, nor are more pairs than this.
FEWEST, MOST_PAIRS = 5, 200
#: Characters compared of a submission's answers, of which a lab's solution has some thousands; and
#: of code in a notebook that is read at all.
LONGEST, MOST_CODE = 40_000, 80_000

_TOKEN = re.compile(
    r"""(?P<skip>\#[^\n]* | \\\n | [^\S\n]+)
    | (?P<line>\n)
    | (?P<text>[rRbBuUfF]{0,2}(?:\"\"\"(?:\\.|(?!\"\"\").)*(?:\"\"\")?
                                |'''(?:\\.|(?!''').)*(?:''')?
                                |\"(?:\\.|[^"\\\n])*\"?
                                |'(?:\\.|[^'\\\n])*'?))
    | (?P<name>[^\W\d]\w*)
    | (?P<number>\d[\w.]*|\.\d\w*)
    | (?P<sign>->|:=|\*\*=?|//=?|>>=?|<<=?|[-+*/%@&|^=<>!]=|\S)""",
    re.VERBOSE | re.DOTALL,
)
_KEPT = frozenset(keyword.kwlist) | {x for x in dir(builtins) if not x.startswith("_")}
_OWN = ("self", "cls")
_PRIME, _BASE = (1 << 61) - 1, 1_000_003


@dataclass(frozen=True)
class Text:
    """The answers of one submission: `lines` to show, and its passages' places in them.

    `passages` maps a passage's hash to the (first, last) lines, from 0, where it is. `cut` tells
    that there was more than `LONGEST`, `problem` why nothing could be read.
    """

    lines: tuple[str, ...] = ()
    passages: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    cut: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Prints:
    """What is compared of one attempt: its passages, and hashes of its file and of its answers.

    `problem` says why nothing could be read.
    """

    passages: frozenset[int]
    file: str = ""
    answers: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Pair:
    """Two students, and which attempt of each is most like one of the other's.

    `share` is of the shorter one's passages, `in_solution` of those shared.
    """

    one: str
    other: str
    shared: int
    share: float
    in_solution: float
    attempts: tuple[int, int]


@dataclass(frozen=True)
class Same:
    """Students who handed in the same, each with the first such attempt: in the very same file, or
    with the same answers in files that differ elsewhere.
    """

    who: tuple[tuple[str, int], ...]
    file: bool


@dataclass(frozen=True)
class Report:
    """A lab's pairs, the most alike first, and what is usual in this class.

    `same` are those who handed in the same, larger groups first, files before answers. `usual` has
    the shares that half, 9 of 10 and 99 of 100 of all pairs stay below. `unread` are students of
    whom no attempt could be read, `few` those with too few passages of their own to compare.
    """

    lab: str
    same: tuple[Same, ...]
    pairs: tuple[Pair, ...]
    compared: int
    usual: tuple[float, float, float]
    common: frozenset[int]
    unread: tuple[str, ...]
    few: tuple[str, ...]


def text_of(data: bytes, lab: Lab) -> Text:
    """The answers in a submitted notebook, whatever it is. Raises nothing."""
    try:
        if _code_in(raw_cells(data)[0]) > MOST_CODE:
            return Text(problem=f"It has more than {MOST_CODE} characters of code.")
    except Refused as refused:
        return Text(problem=str(refused))
    read = read_submission(data, lab)
    if not isinstance(read, Submitted):
        return Text(problem=read.message)
    cells = [one for one in read.cells if one.kind in ("answer", "helper")]
    cells += [one for name, one in read.experiments.items() if name in lab.answers]
    lines: list[str] = []
    passages: dict[int, list[tuple[int, int]]] = {}
    left = LONGEST
    for cell in cells:
        source = cell.source[:left]
        left -= len(source)
        lines.append(f"# {cell.id}")
        for found, first, last in _winnowed(list(_passages(source, len(lines)))):
            passages.setdefault(found, []).append((first, last))
        lines += [*source.split("\n"), ""]
    cut = sum(len(cell.source) for cell in cells) > LONGEST
    return Text(tuple(lines), {key: tuple(places) for key, places in passages.items()}, cut)


def _code_in(cells: list[Any]) -> int:
    """The characters of all code cells, however odd the file is."""
    count = 0
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source")
            lines = source if isinstance(source, list) else [source]
            count += sum(len(line) for line in lines if isinstance(line, str))
    return count


def given_passages(lab: Lab) -> frozenset[int]:
    """The passages of what all students were given: starter code, locked cells, public checks."""
    texts = [cell.starter for cell in lab.cells if cell.is_code]
    texts += [cell.source for cell in lab.cells if cell.kind is Kind.TEXT]
    texts.append(lab.public_checks.read_text(encoding="utf-8"))
    return frozenset(one for text in texts for one in passages_of(text))


def solution_passages(lab: Lab) -> frozenset[int]:
    """The passages of the lab's own solution: right answers resemble it, and so each other."""
    texts = [cell.solution for cell in lab.answers.values()]
    return frozenset(one for text in texts for one in passages_of(text))


def passages_of(text: str) -> frozenset[int]:
    """The hash of every passage of a text, whatever it is."""
    return frozenset(one for one, _, _ in _passages(text, 0))


def prints_of(data: bytes, lab: Lab) -> Prints:
    """What is compared of a submitted file, whatever it is. Raises nothing."""
    text = text_of(data, lab)
    answers = "\n".join(line.rstrip() for line in text.lines).encode("utf-8", "surrogatepass")
    return Prints(
        frozenset(text.passages),
        hashlib.sha256(data).hexdigest(),
        hashlib.sha256(answers).hexdigest() if text.lines and not text.cut else "",
        text.problem,
    )


def compare(lab: Lab, attempts: Mapping[str, Mapping[int, Prints]]) -> Report:
    """Compare all students by name with each other, every attempt of one with every of another."""
    given, solution = given_passages(lab), solution_passages(lab)
    same = _same(attempts, prints_of(starter_notebook(lab), lab), given)
    own = {
        name: {number: one.passages - given for number, one in of_one.items()}
        for name, of_one in attempts.items()
    }
    holders = Counter(
        passage for of_one in own.values() for passage in frozenset().union(*of_one.values())
    )
    limit = max(COMMON_COUNT, COMMON_SHARE * len(own))
    common = frozenset(passage for passage, count in holders.items() if count > limit)
    # Of what one alone has, only the number counts. Each attempt is a set of bits: a bit a passage.
    places = {x: at for at, x in enumerate(x for x, n in holders.items() if 1 < n <= limit)}
    compared_of: dict[str, list[_Attempt]] = {}
    for name, of_one in own.items():
        found: dict[tuple[int, int], _Attempt] = {}
        for number, passages in of_one.items():
            left = passages - common
            bits = sum(1 << places[x] for x in left if x in places)
            if len(left) >= FEWEST:
                found.setdefault((bits, len(left)), _Attempt(number, bits, len(left)))
        if found:
            compared_of[name] = list(found.values())
    names = sorted(compared_of)
    unions = [
        frozenset(x for passages in own[name].values() for x in passages if x in places)
        for name in names
    ]
    pairs = []
    for i, j in _sharing(unions):
        best = _most_alike(compared_of[names[i]], compared_of[names[j]])
        if best is not None:
            pairs.append((*best, names[i], names[j]))
    shares = sorted(share for share, *_ in pairs)
    compared = len(names) * (len(names) - 1) // 2
    pairs.sort(key=lambda pair: (-pair[0], -pair[1], pair[3:]))
    listed = [pair for pair in pairs if pair[1] >= FEWEST][:MOST_PAIRS]
    return Report(
        lab=lab.name,
        same=same,
        pairs=tuple(
            Pair(
                a, b, count, share,
                len((own[a][at[0]] & own[b][at[1]] & solution) - common) / count, at,
            )
            for share, count, at, a, b in listed
        ),
        compared=compared,
        usual=(_at(shares, compared, 0.5), _at(shares, compared, 0.9), _at(shares, compared, 0.99)),
        common=common | given,
        unread=tuple(
            sorted(x for x, all_of in attempts.items() if all(y.problem for y in all_of.values()))
        ),
        few=tuple(
            sorted(
                x
                for x, all_of in attempts.items()
                if x not in compared_of and not all(y.problem for y in all_of.values())
            )
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class _Attempt:
    """One attempt: a bit for each passage that others have too, and how many passages it has."""

    number: int
    bits: int
    count: int


def _most_alike(
    one: Sequence[_Attempt], other: Sequence[_Attempt]
) -> tuple[float, int, tuple[int, int]] | None:
    """(share, shared passages, attempts) of the two attempts most alike; None if none are."""
    best, at = (0.0, 0), (0, 0)
    for a in one:
        for b in other:
            shared = (a.bits & b.bits).bit_count()
            found = (shared / min(a.count, b.count), shared)
            if found > best:
                best, at = found, (a.number, b.number)
    return (*best, at) if best[1] else None


def _same(
    attempts: Mapping[str, Mapping[int, Prints]], starter: Prints, given: frozenset[int]
) -> tuple[Same, ...]:
    """Who handed in the same file, or the same answers. What was given out counts as nobody's."""
    files: dict[str, dict[str, int]] = {}
    answers: dict[str, dict[str, int]] = {}
    for name, of_one in sorted(attempts.items()):
        for number, one in sorted(of_one.items()):
            if one.file and one.answers != starter.answers:
                files.setdefault(one.file, {}).setdefault(name, number)
                # So few passages two people write alike without having seen each other's.
                if one.answers and len(one.passages - given) >= FEWEST:
                    answers.setdefault(one.answers, {}).setdefault(name, number)
    found = [Same(tuple(x.items()), True) for x in files.values() if len(x) > 1]
    told = [{name for name, _ in one.who} for one in found]
    found += [
        Same(tuple(x.items()), False)
        for x in answers.values()
        if len(x) > 1 and not any(set(x) <= names for names in told)
    ]
    return tuple(sorted(found, key=lambda one: (not one.file, -len(one.who), one.who)))


def marked(one: Text, other: Text, left_out: frozenset[int]) -> tuple[set[int], set[int]]:
    """The lines of each, from 0, that lie in passages which both have."""
    both = (one.passages.keys() & other.passages.keys()) - left_out
    return _lines(one, both), _lines(other, both)


def _lines(text: Text, passages: Iterable[int]) -> set[int]:
    return {
        line
        for passage in passages
        for first, last in text.passages[passage]
        for line in range(first, last + 1)
    }


def _sharing(found: Sequence[frozenset[int]]) -> set[tuple[int, int]]:
    """Each two that have any passage in common."""
    holders: dict[int, list[int]] = {}
    for number, passages in enumerate(found):
        for passage in passages:
            holders.setdefault(passage, []).append(number)
    return {
        (i, j)
        for numbers in holders.values()
        for at, i in enumerate(numbers)
        for j in numbers[at + 1 :]
    }


def _at(shares: Sequence[float], compared: int, part: float) -> float:
    """The share below which that part of all pairs lies; pairs that share nothing count as 0."""
    place = int(part * compared) - (compared - len(shares))
    return shares[min(place, len(shares) - 1)] if shares and place >= 0 else 0.0


def _passages(source: str, first_line: int) -> Iterator[tuple[int, int, int]]:
    """(hash, first line, last line) of every `GRAM` tokens in a row."""
    window: deque[tuple[int, int]] = deque(maxlen=GRAM)
    top = pow(_BASE, GRAM - 1, _PRIME)
    value = 0
    for token, line in _tokens(source):
        if len(window) == GRAM:
            value = (value - window[0][0] * top) % _PRIME
        number = _number(token)
        window.append((number, line))
        value = (value * _BASE + number) % _PRIME
        if len(window) == GRAM:
            yield value, first_line + window[0][1], first_line + line


def _winnowed(found: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """The least hash of each window, the last one of several; all, of a text under one window."""
    if len(found) < WINDOW:
        yield from found
        return
    kept = -1
    for start in range(len(found) - WINDOW + 1):
        end = start + WINDOW
        if kept < start:
            kept = min(range(start, end), key=lambda at: (found[at][0], -at))
            yield found[kept]
        elif found[end - 1][0] <= found[kept][0]:
            kept = end - 1
            yield found[kept]


def _tokens(source: str) -> Iterator[tuple[str, int]]:
    """(token made alike, line from 0). What libraries and the language name keeps its name."""
    line, owner, before, begins = 0, "", "", True
    for match in _TOKEN.finditer(source):
        kind, word = match.lastgroup, match[0]
        if kind == "line":
            begins = True
        elif kind != "skip":
            docstring = kind == "text" and begins and word.endswith(('"""', "'''"))
            if not docstring:
                yield _alike(kind, word, before, owner), line
            owner, before, begins = before, word, False
        line += word.count("\n")


def _alike(kind: str | None, word: str, before: str, owner: str) -> str:
    if kind == "text":
        return "text"
    if kind == "number":
        return "0"
    if kind == "name":
        kept = owner not in _OWN if before == "." else word in _KEPT or word in _OWN
        return word if kept else "x"
    return word


@lru_cache(maxsize=100_000)
def _number(token: str) -> int:
    digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=7).digest()
    return int.from_bytes(digest)
