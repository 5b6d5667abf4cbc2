"""What a page builds on and what its reader will be able to do, from its front matter.

    needs: [ml-basics/gradient-descent, ml-basics/minibatch-sgd]
    able: find a learning rate for a real network

`needs` names earlier pages under `chapters/`; the line is shown before the page's first section.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

from introml.site.pages import front_matter

LOGGER = logging.getLogger(__name__)
FOLDER = "chapters"


def docname_of(need: str) -> str:
    """`ml-basics/features` -> `chapters/ml-basics/features`."""
    return f"{FOLDER}/{need}"


def problem_with(need: object, docname: str, order: list[str]) -> str:
    """Why a page cannot need another, or "" if it can. `order` are the book's pages."""
    if not isinstance(need, str):
        return f"`needs` lists pages such as ml-basics/features; it has {need!r}"
    wanted = docname_of(need)
    if wanted not in order:
        return f"`needs` names {need!r}, but the contents have no page {wanted}"
    if docname in order and order.index(wanted) >= order.index(docname):
        return f"`needs` names {need!r}, which comes later; a page builds on earlier ones"
    return ""


def add_line(app: Sphinx, doctree: nodes.document) -> None:
    """Put the line of needs before the page's first section, and keep what it says."""
    docname = app.env.docname
    matter = front_matter(Path(app.env.doc2path(docname)).read_text(encoding="utf-8-sig"))
    needs, able = matter.get("needs") or [], str(matter.get("able") or "").strip()
    app.env.__dict__.setdefault("introml_needs", {})[docname] = list(needs)
    if not needs and not able:
        return
    line = nodes.paragraph(classes=["page-needs"])
    if needs:
        line += nodes.strong("", "You need ")
        for place, need in enumerate(needs):
            if place:
                line += nodes.Text(" and " if place == len(needs) - 1 else ", ")
            line += _link(docname, need)
        line += nodes.Text(". ")
    if able:
        line += nodes.strong("", "You will be able to ")
        line += nodes.Text(f"{able.rstrip('.')}.")
    page = next(iter(doctree.findall(nodes.section)), None)
    if page is None:
        return
    first = next((one for one in page.children if isinstance(one, nodes.section)), None)
    page.insert(len(page.children) if first is None else page.index(first), line)


def _link(docname: str, need: str) -> nodes.Node:
    return addnodes.pending_xref(
        "",
        nodes.inline(need, need, classes=["doc"]),
        refdoc=docname,
        refdomain="std",
        reftype="doc",
        reftarget=f"/{docname_of(need)}",
        refexplicit=False,
        refwarn=True,
    )


def check_order(app: Sphinx, env: Any) -> None:
    """No page needs a later one, or one that is not there."""
    from introml.site.pages import book_pages

    order = [page.docname for page in book_pages(Path(app.srcdir))]
    for docname, needs in sorted(env.__dict__.get("introml_needs", {}).items()):
        for need in needs:
            if problem := problem_with(need, docname, order):
                LOGGER.warning(problem, location=(docname, 1))


def forget_page(app: Sphinx, env: Any, docname: str) -> None:
    env.__dict__.get("introml_needs", {}).pop(docname, None)


def setup(app: Sphinx) -> None:
    app.connect("env-purge-doc", forget_page)
    app.connect("doctree-read", add_line)
    app.connect("env-check-consistency", check_order)
