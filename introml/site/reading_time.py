"""How long a page takes: reckoned from its words, its visible code, its figures and its exercises.

Silent reading of plain non-fiction runs at 238 words a minute (Brysbaert, 2019); prose with
formulas in it takes longer. The other rates are our own, meant to be on the safe side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node

from introml.site.directives import caption_line, question
from introml.site.ticks import tick

WORDS_PER_MINUTE = 150
SECONDS_PER_LINE = 6
SECONDS_PER_FIGURE = 45
MINUTES_PER_EXERCISE = 5
EXERCISES = (exercise_node, exercise_enumerable_node)


@dataclass(frozen=True)
class Reading:
    """What there is to read on a page: words, visible lines of code, figures; and to do."""

    words: int
    lines: int
    figures: int
    exercises: int

    @property
    def minutes(self) -> int:
        """Minutes to read the page, without its exercises."""
        seconds = self.lines * SECONDS_PER_LINE + self.figures * SECONDS_PER_FIGURE
        return max(1, math.ceil(self.words / WORDS_PER_MINUTE + seconds / 60))

    @property
    def minutes_of_exercises(self) -> int:
        """Minutes for all exercises, to the next five."""
        return 5 * math.ceil(self.exercises * MINUTES_PER_EXERCISE / 5)

    @property
    def said(self) -> str:
        """The line at the top of the page."""
        read = f"About {self.minutes} minute{'s' if self.minutes > 1 else ''}"
        return (
            f"{read}, and {self.minutes_of_exercises} for the exercises" if self.exercises else read
        )


def measure(doctree: nodes.document) -> Reading:
    """Count what a reader sees: folded code, claims' code and solutions are not read."""
    words = lines = 0
    for node in doctree.findall(nodes.Text):
        if not _inside(node, (nodes.literal_block, nodes.raw, nodes.math_block, solution_node,
                              *EXERCISES, question, nodes.comment, tick)):  # fmt: skip
            words += len(node.astext().split())
    for block in doctree.findall(nodes.literal_block):
        if not _inside(block, (solution_node, tick)) and not _folded(block) and _is_code(block):
            lines += sum(bool(line.strip()) for line in block.astext().split("\n"))
    figures = sum(node["kind"] == "fig" for node in doctree.findall(caption_line))
    exercises = sum(isinstance(node, EXERCISES) for node in doctree.findall(nodes.Element))
    return Reading(words, lines, figures, exercises)


def _inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False


def _folded(node: nodes.Node) -> bool:
    parent = node.parent
    while parent is not None:
        classes = parent.get("classes", []) if isinstance(parent, nodes.Element) else []
        if {"tag_hide-input", "tag_hide-cell", "hide"} & set(classes):
            return True
        parent = parent.parent
    return False


def _is_code(node: nodes.literal_block) -> bool:
    """Code, rather than what a cell printed."""
    parent = node.parent
    return isinstance(parent, nodes.Element) and parent.get("nb_element") != "cell_code_output"


def collect(app: Sphinx, doctree: nodes.document) -> None:
    app.env.__dict__.setdefault("introml_reading", {})[app.env.docname] = measure(doctree)


def reading_of(env: Any, docname: str) -> Reading | None:
    """What was counted on a page."""
    return env.__dict__.get("introml_reading", {}).get(docname)


def forget_page(app: Sphinx, env: Any, docname: str) -> None:
    env.__dict__.get("introml_reading", {}).pop(docname, None)


def setup(app: Sphinx) -> None:
    app.connect("env-purge-doc", forget_page)
    # After the cells of claims have been folded.
    app.connect("doctree-read", collect, priority=800)
