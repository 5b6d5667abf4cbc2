r"""Numbered formulas as authors write them for LaTeX and MathJax: `align`, `\label`, `\eqref`.

A formula has one number, which the site writes beside it. KaTeX would number each line of an
environment by itself, from 1 on every page: it gets the environment's starred form.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

#: Environments that KaTeX numbers line by line.
_NUMBERED = re.compile(r"\\(begin|end)\{(align|alignat|gather|equation)\}")
_LABEL = re.compile(r"\\label\{([^{}]+)\}[ \t]*")
_REFERENCE = re.compile(r"\\(?:eqref|ref)\{([^{}]+)\}")


def with_one_number(tex: str) -> str:
    """The formula with starred environments, so that the number beside it is its only one."""
    return _NUMBERED.sub(r"\\\1{\2*}", tex)


def label_equations(app: Sphinx, doctree: nodes.document) -> None:
    r"""Make each `\label` inside a formula a name that `{eq}` and `\eqref` find."""
    equations: Any = app.env.get_domain("math")
    docname = app.env.docname
    number = 0
    for node in list(doctree.findall(nodes.math_block)):
        names = _LABEL.findall(node.astext())
        if names:
            node.rawsource = _LABEL.sub("", node.astext())
            node.children = [nodes.Text(node.rawsource)]
            node["docname"] = docname
            node.setdefault("label", None)
            node["label"] = node["label"] or names[0]
        if not node.get("label"):
            continue
        number += 1
        node["number"] = number
        for name in {node["label"], *names}:
            if name in names:
                equations.note_equation(docname, name, location=node)
                target = nodes.target("", "", ids=[nodes.make_id(f"equation-{name}")])
                node.parent.insert(node.parent.index(node), target)
            equations.equations[name] = (docname, number)


def refer_to_equations(app: Sphinx, doctree: nodes.document) -> None:
    r"""Turn `\eqref{name}`, as a formula of its own or in the text, into a link to the formula."""
    for node in list(doctree.findall(nodes.math)):
        if found := _REFERENCE.fullmatch(node.astext().strip()):
            node.replace_self(_link(app, found[1], node))
    for text in list(doctree.findall(nodes.Text)):
        if isinstance(text.parent, nodes.literal | nodes.literal_block | nodes.math):
            continue
        if isinstance(text.parent, nodes.math_block | nodes.raw | nodes.comment):
            continue
        parts = _REFERENCE.split(text.astext())
        if len(parts) > 1:
            made = [
                _link(app, part, text.parent) if at % 2 else nodes.Text(part)
                for at, part in enumerate(parts)
                if part
            ]
            text.parent.replace(text, made)


def _link(app: Sphinx, name: str, near: nodes.Element) -> nodes.Node:
    link = pending_xref(
        "",
        nodes.literal("", name),
        refdomain="math",
        reftype="eq",
        reftarget=name,
        refdoc=app.env.docname,
        refexplicit=False,
        refwarn=True,
    )
    link.source, link.line = near.source, near.line
    return link


def setup(app: Sphinx) -> None:
    # Before anything counts or indexes formulas.
    app.connect("doctree-read", label_equations, priority=300)
    app.connect("doctree-read", refer_to_equations, priority=310)
