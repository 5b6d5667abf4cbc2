"""Which pages a build reads or writes though their own words are the same.

A page is read again when its cells have new outputs, or when it was warned of. It is written again
when something changes that it takes from elsewhere: the titles in the contents, where the package's
modules are described, the text or number that one of its references shows, the code of a widget
that it shows. All of this is known before any page is written, and compared with what the last
build knew.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.nodes import bibliography

from introml.site.embed import keep_own_states, shown_widgets
from introml.site.names import book_names
from introml.site.package_pages import package
from introml.widgets.base import bundle_path

#: A bundle's files: the code for the page, that for its still picture, and the style.
BUNDLES = (".js", ".mjs", ".css")
#: Stands for all that the list of references shows, which pages cite and it does not.
BIBLIOGRAPHY = "*"


def executed_anew(
    app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Pages to read again: those with new outputs, and those with a warning to repeat."""
    path = Path(app.srcdir) / "_build" / "cache" / "pages.json"
    pages = json.loads(path.read_text(encoding="utf-8"))["pages"] if path.exists() else {}
    keys = {name: pages[name]["key"] for name in pages if name in env.found_docs}
    before = getattr(env, "introml_keys", {})
    env.introml_keys = keys
    anew = {name for name, key in keys.items() if before.get(name) != key}
    warned = Path(app.doctreedir) / "warned.json"
    if warned.exists():
        anew |= env.found_docs & set(json.loads(warned.read_text(encoding="utf-8")))
    return sorted(anew)


def note_sources(app: Sphinx, doctree: nodes.document) -> None:
    """Note what the page takes from elsewhere: targets of references, classes of widgets."""
    env = app.env
    keep_own_states(env, env.docname)
    targets = set()
    for node in doctree.findall(pending_xref):
        named = [node["reftarget"], node.get("reftargetid") or ""]  # the latter is myst-parser's
        targets |= {part.strip() for name in named for part in str(name).split(",")}
    if any(doctree.findall(bibliography)):
        targets.add(BIBLIOGRAPHY)
    known = env.__dict__.setdefault("introml_sources", {})
    known[env.docname] = (sorted(targets - {""}), shown_widgets(env, env.docname))


def forget_sources(app: Sphinx, env: Any, docname: str) -> None:
    env.__dict__.get("introml_sources", {}).pop(docname, None)


def changed_elsewhere(app: Sphinx, env: Any) -> list[str]:
    """The pages that take something from elsewhere that has changed since they were written."""
    names, std = book_names(env), env.get_domain("std")
    slugs: dict[str, list[Any]] = {}
    for docname, metadata in sorted(env.metadata.items()):
        for slug, (_, _, text) in metadata.get("myst_slugs", {}).items():
            slugs.setdefault(slug, []).append((docname, text))

    @cache
    def meaning(target: str) -> list[Any]:
        if target == BIBLIOGRAPHY:
            cited = env.get_domain("cite").citations
            return [str(one.formatted_entry.text) for one in cited]
        label = target.lower()
        return [
            names["labels"].get(label),
            std.anonlabels.get(label),
            names["equations"].get(target) or names["equations"].get(label),
            names["citations"].get(target),
            std.objects.get(("term", target)) or std.objects.get(("term", label)),
            slugs.get(target),
        ]

    contents = [
        [(name, title.pformat()) for name, title in sorted(env.titles.items())],
        package(app).pages,
    ]
    code = cache(_code)
    now = {
        docname: _digest([contents, list(map(meaning, targets)), list(map(code, widgets))])
        for docname, (targets, widgets) in env.__dict__.get("introml_sources", {}).items()
    }
    before = getattr(env, "introml_elsewhere", {})
    env.introml_elsewhere = now
    return [docname for docname in now if now[docname] != before.get(docname)]


def _code(widget: str) -> str:
    paths = [bundle_path(widget, suffix) for suffix in BUNDLES]
    contents = [path.read_bytes() if path.exists() else b"" for path in paths]
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def setup(app: Sphinx) -> None:
    app.connect("env-get-outdated", executed_anew)
    app.connect("doctree-read", note_sources)
    app.connect("env-purge-doc", forget_sources)
    # When all is read and numbered.
    app.connect("env-get-updated", changed_elsewhere, priority=999)
