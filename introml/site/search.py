"""The index for searching offline: the text of every section, in one script that loads from file://."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import tex2unichar
from sphinx.addnodes import desc, desc_content, desc_signature, pending_xref
from sphinx.application import Sphinx
from sphinx_exercise.nodes import solution_node

from introml.site.directives import question
from introml.site.unchanged import write_if_changed

#: What is not read as text: code, outputs, displayed formulas, and answers (they would give away).
_SKIPPED = (
    nodes.literal_block,
    nodes.raw,
    nodes.math_block,
    nodes.comment,
    nodes.target,
    question,
    solution_node,
)
#: References that show a number or a title, unknown when the page is read, unless they have words.
_WITHOUT_WORDS = ("ref", "numref", "eq", "doc")
_SYMBOLS = tex2unichar.mathbin | tex2unichar.mathrel | tex2unichar.mathord | tex2unichar.mathalpha
_SYMBOLS |= {name: name for name in ("log", "exp", "max", "min", "sin", "cos", "tanh")}


def _formula(tex: str) -> str:
    r"""A short formula as plain text: `\hat{y} = \eta x` as "y = η x"."""
    named = re.sub(r"\\([a-zA-Z]+)", lambda found: _SYMBOLS.get(found.group(1), " "), tex)
    return re.sub(r"\\.|[{}]", "", named)


def _text(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, _SKIPPED) or "nb_element" in getattr(node, "attributes", {}):
        return " "
    if isinstance(node, nodes.math):
        return _formula(node.astext())
    if isinstance(node, pending_xref) and not node.get("refexplicit", True):
        return " " if node["reftype"] in _WITHOUT_WORDS else node.astext()
    inline = isinstance(node, nodes.TextElement) and not isinstance(node, nodes.title)
    return ("" if inline else " ").join(_text(child) for child in node.children) + " "


def sections(doctree: nodes.document) -> list[dict[str, str]]:
    """Each section's title, anchor and own text, subsections apart.

    What is described in one of the package's pages (a function, a class) is a section too.
    """
    found = []
    for part in doctree.findall(lambda node: isinstance(node, nodes.section | desc)):
        if isinstance(part, desc):
            head = part.next_node(desc_signature)
            title, anchor = head["fullname"], head["ids"][0]
            inner = part.next_node(desc_content).children
        else:
            heading = part.next_node(nodes.title)
            title = heading.astext() if heading else ""
            anchor = "" if isinstance(part.parent, nodes.document) else part["ids"][0]
            inner = [child for child in part.children if child is not heading]
        own = [child for child in inner if not isinstance(child, nodes.section | desc)]
        text = re.sub(r"\s+", " ", " ".join(map(_text, own))).strip()
        found.append({"title": title, "anchor": anchor, "text": text})
    return found


def collect(app: Sphinx, doctree: nodes.document) -> None:
    known: dict[str, Any] = app.env.__dict__.setdefault("introml_sections", {})
    known[app.env.docname] = sections(doctree)


def purge(app: Sphinx, env: Any, docname: str) -> None:
    getattr(env, "introml_sections", {}).pop(docname, None)


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None:
        return
    known = getattr(app.env, "introml_sections", {})
    entries = []
    for docname in sorted(known):
        url = app.builder.get_target_uri(docname)
        page = known[docname][0]["title"] if known[docname] else docname
        for section in known[docname]:
            anchor = f"#{section['anchor']}" if section["anchor"] else ""
            entry = {"title": section["title"], "page": page, "text": section["text"]}
            entries.append(entry | {"url": url + anchor})
    body = json.dumps({"sections": entries}, ensure_ascii=False, separators=(",", ":"))
    target = Path(app.outdir) / "_static" / "search-index.js"
    write_if_changed(target, f"globalThis.intromlSearch={body};".encode())


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("build-finished", write)
