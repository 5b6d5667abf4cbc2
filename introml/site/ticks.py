"""Claims that a page proves: cells tagged `checked`, each shown as one line that opens to its code.

The first line of such a cell is its claim, as a comment. The cell runs at each build like any
other; a claim that does not hold fails the build. In the notebook it is an ordinary cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole
from sphinx.writers.html5 import HTML5Translator

from introml.site.claims import TAG, claim_of

LOGGER = logging.getLogger(__name__)
#: Formulas and code within a claim.
_MARKUP = re.compile(r"\$([^$]+)\$|`([^`]+)`")


class tick(nodes.General, nodes.Element):
    """A checked cell: its claim, then the cell."""


class tick_claim(nodes.Part, nodes.TextElement):
    """The claim, as the line that is shown."""


class tick_total(nodes.Inline, nodes.TextElement):
    """The number of claims that the whole book checks."""


class TickTotal(SphinxRole):
    """`{tick-total}`claims`` is "214 claims", counted over the whole book."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [tick_total(word=self.text)], []


def claim_nodes(claim: str) -> Iterator[nodes.Node]:
    """The claim's words, with formulas and code set as such."""
    end = 0
    for found in _MARKUP.finditer(claim):
        yield nodes.Text(claim[end : found.start()])
        formula, code = found.groups()
        yield nodes.math(formula, formula) if formula else nodes.literal(code, code)
        end = found.end()
    yield nodes.Text(claim[end:])


def fold_checked_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Put each checked cell below its claim, and count the claims of the page."""
    count = 0
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") != "cell_code" or f"tag_{TAG}" not in cell["classes"]:
            continue
        code = next(cell.findall(nodes.literal_block), None)
        claim = claim_of(code.astext()) if code is not None else None
        if code is None or claim is None:
            LOGGER.warning(
                "a cell tagged `checked` begins with a comment that states its claim, and shows "
                "its code (no remove-input or hide-input)",
                location=cell,
            )
            continue
        count += 1
        shown = code.astext().strip().split("\n", 1)[1:]
        text = "".join(shown).strip("\n")
        code.rawsource = text
        code.children = []
        code += nodes.Text(text)
        folded = tick(ids=[f"tick-{count}"])
        cell.replace_self(folded)
        folded += tick_claim("", "", *claim_nodes(claim))
        folded += cell
    app.env.__dict__.setdefault("introml_ticks", {})[app.env.docname] = count


def forget_page(app: Sphinx, env: Any, docname: str) -> None:
    env.__dict__.get("introml_ticks", {}).pop(docname, None)


def count_on(env: Any, docname: str) -> int:
    """How many claims a page checks."""
    return env.__dict__.get("introml_ticks", {}).get(docname, 0)


def total(env: Any) -> int:
    """How many claims the book checks."""
    return sum(env.__dict__.get("introml_ticks", {}).values())


def pages_that_say_the_total(app: Sphinx, env: Any) -> list[str]:
    """Pages to write again, since the book's number of claims has changed."""
    before, env.introml_tick_total = getattr(env, "introml_tick_total", None), total(env)
    return sorted(env.__dict__.get("introml_total_said", ())) if before != total(env) else []


def note_total(app: Sphinx, doctree: nodes.document) -> None:
    said: set[str] = app.env.__dict__.setdefault("introml_total_said", set())
    said.discard(app.env.docname)
    if any(True for _ in doctree.findall(tick_total)):
        said.add(app.env.docname)


def put_total(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(tick_total)):
        node.replace_self(nodes.Text(f"{total(app.env):,} {node['word']}"))


def _visit_tick(self: HTML5Translator, node: tick) -> None:
    self.body.append(f'<details class="tick" id="{node["ids"][0]}">')


def _depart_tick(self: HTML5Translator, node: tick) -> None:
    self.body.append("</details>\n")


def _visit_claim(self: HTML5Translator, node: tick_claim) -> None:
    self.body.append(
        '<summary><span class="tick-mark" aria-hidden="true">✓</span>'
        '<span class="tick-claim"><span class="spoken">Checked: </span>'
    )


def _depart_claim(self: HTML5Translator, node: tick_claim) -> None:
    self.body.append("</span></summary>")


def setup(app: Sphinx) -> None:
    app.add_role("tick-total", TickTotal())
    app.add_node(tick, html=(_visit_tick, _depart_tick))
    app.add_node(tick_claim, html=(_visit_claim, _depart_claim))
    app.add_node(tick_total)
    app.connect("env-purge-doc", forget_page)
    app.connect("doctree-read", fold_checked_cells)
    app.connect("doctree-read", note_total)
    app.connect("env-updated", pages_that_say_the_total)
    app.connect("doctree-resolved", put_total)
