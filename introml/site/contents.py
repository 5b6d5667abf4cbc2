"""The book's contents beside each page: its parts, which fold, the reader's own one open."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

#: The page's own table of contents below its title, in Sphinx's `toc`.
_OWN = re.compile(r"</a>\s*(<ul>.*</ul>)\s*</li>\s*</ul>\s*$", re.DOTALL)


def contents_tree(app: Sphinx, pagename: str, context: dict[str, Any]) -> str:
    """The contents as HTML: links to all pages, and to the sections of the page at hand.

    Pages below a page (those about the package's modules) are listed on it and on each other alone.

    Parts are `details`, which fold and open by keyboard and without any script. On the first page,
    which is in no part, the first part is open.
    """
    trees = _site_map(app).root.subtrees
    at_root = pagename == app.config.root_doc
    parts = []
    for number, tree in enumerate(trees):
        here = pagename in _pages(app, tree) or (at_root and number == 0)
        entries = "\n".join(_entry(app, item, pagename, context) for item in tree.items)
        pages = f"<ul>\n{entries}\n</ul>"
        if tree.caption is None:
            parts.append(pages)
        else:
            opened = " open" if here else ""
            parts.append(
                f"<details{opened}><summary>{escape(tree.caption)}</summary>{pages}</details>"
            )
    return "\n".join(parts)


def part_pages(app: Sphinx, caption: str) -> list[str]:
    """The docnames of a part's own pages, in order; none where no part has that caption."""
    for tree in _site_map(app).root.subtrees:
        if tree.caption == caption:
            return [name.removesuffix(".md") for name in tree.files()]
    return []


def _site_map(app: Sphinx) -> Any:
    """What sphinx-external-toc made of `_toc.yml`."""
    env: Any = app.env
    return env.external_site_map


def _entry(app: Sphinx, item: Any, pagename: str, context: dict[str, Any]) -> str:
    if not isinstance(item, str):  # an address elsewhere
        return f'<li><a href="{escape(item.url)}">{escape(item.title or item.url)}</a></li>'
    docname = str(item).removesuffix(".md")
    subtrees = _site_map(app)[str(item)].subtrees
    title = _title(app, docname)
    own = _OWN.search(context.get("toc", "")) if docname == pagename else None
    inner = own.group(1) if own else ""
    if docname == pagename or any(pagename in _pages(app, tree) for tree in subtrees):
        below = (_entry(app, one, pagename, context) for tree in subtrees for one in tree.items)
        inner += f"<ul>{entries}</ul>" if (entries := "\n".join(below)) else ""
    if docname != pagename:
        return f'<li><a href="{escape(context["pathto"](docname))}">{title}</a>{inner}</li>'
    return (
        f'<li class="current"><a class="current" aria-current="page" href="#">{title}</a>'
        f"{inner}</li>"
    )


def _pages(app: Sphinx, tree: Any) -> set[str]:
    """The docnames of all pages of a part, those below its pages too."""
    site_map = _site_map(app)
    inner = (_pages(app, below) for name in tree.files() for below in site_map[name].subtrees)
    return {name.removesuffix(".md") for name in tree.files()}.union(*inner)


def _title(app: Sphinx, docname: str) -> str:
    title = app.env.titles[docname]
    if all(isinstance(child, nodes.Text) for child in title.children):
        return escape(title.astext(), quote=False)
    builder: Any = app.builder  # the one for HTML
    return builder.render_partial(title)["title"]
