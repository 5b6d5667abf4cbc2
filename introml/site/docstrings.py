"""Docstrings in the book's own form, made ready for MyST: paragraphs, examples, indices."""

from __future__ import annotations

import re
from collections.abc import Iterable

from docutils import nodes

#: Sentences that begin a paragraph of their own, though the docstring only begins a line.
OWN_PARAGRAPH = re.compile(r"(?:Raises|Returns|Yields|Taught in) |Source: ")
#: A paragraph that says where a thing comes from or is taught, and nothing else.
ASIDE = re.compile(r"Source: .*|Taught in [^.]*\.", re.DOTALL)
#: One letter with a name below it (d_k, Σ_b, d_out), and a power (rate^step, W^O).
SUBSCRIPT = r"(?<!\w)(?P<base>[A-Za-zΣ∇Π])_(?P<low>(?!hat\b)\w+)"
SUPERSCRIPT = r"(?<=[\w)\]⌋])\^(?P<high>⌊[^⌋]*⌋|\([^)]*\)|\w+)"
SCRIPT = re.compile(f"{SUBSCRIPT}|{SUPERSCRIPT}")
_LITERAL = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)


def markdown_lines(docstring: str) -> list[str]:
    """The docstring as MyST Markdown: examples in fences, closing sentences in paragraphs."""
    lines: list[str] = []
    in_example = False
    for line in docstring.splitlines():
        if not in_example and line.lstrip().startswith(">>> "):
            in_example = True
            lines += ["", "```pycon"]
        elif in_example and not line.strip():
            in_example = False
            lines.append("```")
        elif OWN_PARAGRAPH.match(line):
            lines.append("")
        lines.append(line)
    return [*lines, "```"] if in_example else lines


def set_scripts(parts: Iterable[nodes.Node]) -> None:
    """Set `d_k` and `rate^step`, as a docstring has to write them, as one writes them by hand."""
    for part in parts:
        for text in list(part.findall(nodes.Text)):
            if SCRIPT.search(text) and not _inside(text, _LITERAL):
                text.parent.replace(text, list(_scripted(text.astext())))


def _scripted(text: str) -> Iterable[nodes.Node]:
    end = 0
    for found in SCRIPT.finditer(text):
        yield nodes.Text(text[end : found.start()] + (found["base"] or ""))
        if found["low"]:
            yield nodes.subscript("", found["low"])
        else:
            yield nodes.superscript("", found["high"].strip("()"))
        end = found.end()
    yield nodes.Text(text[end:])


def _inside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    while (node := node.parent) is not None:
        if isinstance(node, kinds):
            return True
    return False


def name_sentences(parts: Iterable[nodes.Node]) -> None:
    """Mark the sentence of meaning, the source and where it is taught, for the style sheet."""
    for place, part in enumerate(parts):
        if isinstance(part, nodes.paragraph):
            if place == 0:
                part["classes"].append("meaning")
            elif ASIDE.fullmatch(part.astext()):
                part["classes"].append("aside")
