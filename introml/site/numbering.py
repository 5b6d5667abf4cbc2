"""Numbers of exercises, counted on each page, and of figures with captions, through the book.

Sphinx numbers by walking through the parsed pages of the whole book, which it reads from the disk
at every build. Here each page's numbered nodes are noted when it is read.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

BY_PAGE = "exercise"


def note_numbered(app: Sphinx, doctree: nodes.document) -> None:
    """Note the page's numbered nodes: their kinds, and their ids in the order of the page."""
    env = app.env
    found: list[tuple[str, str]] = []
    for node in doctree.findall(nodes.Element):
        for domain in env.domains.values():
            kind = domain.get_enumerable_node_type(node)
            if kind and node["ids"] and not (domain.name == "std" and not _title(domain, node)):
                found.append((kind, node["ids"][0]))
                break
    env.__dict__.setdefault("introml_numbered", {})[env.docname] = found


def _title(domain: Any, node: nodes.Element) -> str | None:
    return domain.get_numfig_title(node)


def forget_numbered(app: Sphinx, env: Any, docname: str) -> None:
    env.__dict__.get("introml_numbered", {}).pop(docname, None)


def stop_the_walk(app: Sphinx, env: Any) -> list[str]:
    """Let Sphinx number nothing itself, for `number` to do it; it asks the configuration."""
    env.introml_numbers_before = env.toc_fignumbers
    app.config.numfig = False
    return []


def number(app: Sphinx, env: Any) -> list[str]:
    """Number all pages; returns those whose numbers are others than in the last build."""
    app.config.numfig = True
    before = env.__dict__.pop("introml_numbers_before", {})
    known = env.__dict__.get("introml_numbered", {})
    counts: Counter[str] = Counter()
    numbers: dict[str, dict[str, dict[str, tuple[int, ...]]]] = {}
    env.toc_fignumbers = numbers
    for docname in env.external_site_map:
        on_page: Counter[str] = Counter()
        for kind, ident in known.get(docname, ()):
            count = on_page if kind == BY_PAGE else counts
            count[kind] += 1
            numbers.setdefault(docname, {}).setdefault(kind, {})[ident] = (count[kind],)
    return [name for name in numbers if numbers[name] != before.get(name)]


def detach_exercises(app: Sphinx, doctree: nodes.document) -> None:
    """Keep of each exercise its title alone: its node holds on to the whole page it is on."""
    for entry in getattr(app.env, "sphinx_exercise_registry", {}).values():
        if entry["docname"] == app.env.docname:
            kept = entry["node"].copy()
            kept += [child.deepcopy() for child in entry["node"].children[:1]]
            for node in kept.findall():
                node._document = None
            entry["node"] = kept


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", note_numbered)
    app.connect("doctree-read", detach_exercises, priority=900)
    app.connect("env-purge-doc", forget_numbered)
    app.connect("env-get-updated", stop_the_walk, priority=1)
    app.connect("env-get-updated", number, priority=900)
