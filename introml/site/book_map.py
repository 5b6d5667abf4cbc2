"""The map of a part of the book: its pages in order, and which builds on which, drawn from `needs`.

    :::{part-map} Machine learning
    What it means to learn from data, and the one algorithm behind nearly all of it.
    :::

The title is the part's caption in `_toc.yml`. Each page is a link; an arc joins it to a page that
it needs. What follows from other arcs is not drawn.
"""

from __future__ import annotations

import textwrap
from functools import cache
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from introml.site.contents import part_pages
from introml.site.needs import docname_of

LOGGER = logging.getLogger(__name__)
#: Units of the drawing: its width, the height of a line of text, where dots and titles stand.
WIDTH, LINE, GAP, DOT, TEXT = 320, 19, 9, 58, 72
CHARACTERS = 34  # of a title, in a line


class part_map(nodes.General, nodes.Element):
    """Stands for the drawing until all pages are known."""


class PartMap(SphinxDirective):
    """`part-map`: a part's title, a sentence about it, and the map of its pages."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        part = nodes.container(classes=["part"])
        title = nodes.paragraph("", "", nodes.strong("", self.arguments[0]))
        drawing = part_map(part=self.arguments[0])
        self.set_source_info(drawing)
        part += title
        self.state.nested_parse(self.content, self.content_offset, part)
        part += drawing
        self.env.__dict__.setdefault("introml_mapped", set()).add(self.env.docname)
        return [part]


def direct_needs(needs: dict[str, list[str]]) -> dict[str, list[str]]:
    """Those needs of each page that do not follow from its other needs."""

    @cache
    def below(page: str) -> set[str]:
        found: set[str] = set()
        new = [*needs.get(page, ())]
        while new:
            one = new.pop()
            if one not in found:
                found.add(one)
                new += needs.get(one, ())
        return found

    return {
        page: [one for one in own if not any(one in below(other) for other in own)]
        for page, own in needs.items()
    }


def book_needs(env: Any) -> dict[str, list[str]]:
    """Which pages each page needs, by docname."""
    known: dict[str, list[str]] = env.__dict__.get("introml_needs", {})
    return {page: [docname_of(need) for need in own] for page, own in known.items()}


def drawing(
    pages: list[str], needs: dict[str, list[str]], titles: dict[str, str], links: dict[str, str]
) -> str:
    """The map as SVG: `pages` from top to bottom, an arc for each need among them.

    A need on a page of another part is a short line from the left.
    """
    lines = {page: textwrap.wrap(titles[page], CHARACTERS) for page in pages}
    middle, y = {}, float(GAP)
    for page in pages:
        height = LINE * len(lines[page])
        middle[page] = y + height / 2
        y += height + GAP
    parts = [
        f'<svg class="part-map" viewBox="0 0 {WIDTH} {y:g}" '
        'role="group" aria-label="The pages of this part, and which builds on which">'
    ]
    for page in pages:
        at = middle[page]
        own = needs.get(page, [])
        builds_on = ", ".join(titles[one] for one in own if one in titles)
        parts.append('<g class="stop">')
        for need in own:
            if need in middle:
                drop = (at - middle[need]) / 2
                bulge = min(DOT - 6, 8 + 0.42 * drop)
                parts.append(
                    f'<path d="M{DOT} {middle[need]:g}A{bulge:g} {drop:g} 0 0 0 {DOT} {at:g}"/>'
                )
            else:
                parts.append(f'<path class="elsewhere" d="M{DOT - 26} {at:g}H{DOT}"/>')
        first = at - LINE * (len(lines[page]) - 1) / 2 + 5
        words = "".join(
            f'<tspan x="{TEXT}" y="{first + LINE * number:g}">{escape(line)}</tspan> '
            for number, line in enumerate(lines[page])
        )
        told = f"<title>Builds on: {escape(builds_on)}</title>" if builds_on else ""
        parts.append(
            f'<circle cx="{DOT}" cy="{at:g}" r="4.5"/>'
            f'<a href="{escape(links[page])}">{told}<text>{words}</text></a></g>'
        )
    return "".join([*parts, "</svg>"])


def pages_with_a_map(app: Sphinx, env: Any) -> list[str]:
    """Pages to write again, since a need has changed; for a title, `outdated` writes all again."""
    before, env.introml_map = getattr(env, "introml_map", None), book_needs(env)
    return sorted(env.__dict__.get("introml_mapped", ())) if before != env.introml_map else []


def draw(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the drawing in each map's place."""
    for node in list(doctree.findall(part_map)):
        pages = part_pages(app, node["part"])
        if not pages:
            LOGGER.warning(f"_toc.yml has no part {node['part']!r} to draw", location=node)
        titles = {name: title.astext() for name, title in app.env.titles.items()}
        links = {page: app.builder.get_relative_uri(docname, page) for page in pages}
        svg = drawing(pages, direct_needs(book_needs(app.env)), titles, links)
        node.replace_self(nodes.raw("", svg, format="html"))


def forget_page(app: Sphinx, env: Any, docname: str) -> None:
    env.__dict__.get("introml_mapped", set()).discard(docname)


def _nothing(self: HTML5Translator, node: part_map) -> None:
    """Drawn before it is written."""


def setup(app: Sphinx) -> None:
    app.add_directive("part-map", PartMap)
    app.add_node(part_map, html=(_nothing, _nothing))
    app.connect("env-purge-doc", forget_page)
    app.connect("env-updated", pages_with_a_map)
    app.connect("doctree-resolved", draw)
