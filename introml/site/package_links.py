"""What a page's code takes from the package, as links to the package's pages at the page's foot."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from introml.site.package_modules import FOLDER, Package
from introml.site.package_pages import package

#: A cell that runs, or Python that is only shown; the options at a cell's head are no code.
CODE = re.compile(
    r"^(`{3,})(?:\{code-cell\}[^\n]*|python)\n(?P<code>.*?)^\1\s*$", re.DOTALL | re.MULTILINE
)
OPTIONS = re.compile(r"\A(?:---\n.*?^---\n|(?::[^\n]*\n)+)", re.DOTALL | re.MULTILINE)


def used_names(text: str, package: Package) -> dict[str, str]:
    """Full name -> name in the page's code, of what it takes from documented modules, in order."""
    found: dict[str, str] = {}
    modules: dict[str, str] = {}
    for fence in CODE.finditer(text):
        try:
            tree = ast.parse(OPTIONS.sub("", fence["code"]))
        except SyntaxError:  # a cell with IPython's magics
            continue
        for full, name in _names(tree, package, modules):
            found.setdefault(full, name)
    return found


def _names(
    tree: ast.Module, package: Package, modules: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """`modules` remembers by which names the page's cells so far call whole modules."""
    for node in ast.walk(tree):
        name = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and name.startswith("introml"):
            for alias in node.names:
                full = package.documented(name, alias.name)
                if full in package.modules:
                    modules[alias.asname or alias.name] = full
                elif full:
                    yield full, alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module and (full := package.documented(module, node.attr)):
                yield full, f"{node.value.id}.{node.attr}"


def add_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """`This page uses …` as the page's last line."""
    section = next((child for child in doctree.children if isinstance(child, nodes.section)), None)
    if section is None or docname == app.config.root_doc or docname.startswith(FOLDER):
        return
    book = package(app)
    names = used_names(Path(app.env.doc2path(docname)).read_text(encoding="utf-8"), book)
    if not names:
        return
    line = nodes.paragraph("", "This page uses ", classes=["package-uses"])
    for place, (full, name) in enumerate(names.items()):
        if place:
            line += nodes.Text(" and " if place == len(names) - 1 else ", ")
        address = app.builder.get_relative_uri(docname, book.page_of(full))
        link = nodes.reference("", "", internal=True, refuri=f"{address}#{full}")
        link += nodes.literal("", name)
        line += link
    line += nodes.Text(" of the book’s package.")
    section += line


def setup(app: Sphinx) -> None:
    # When a page is written, so that a link never outlives what it leads to.
    app.connect("doctree-resolved", add_links)
