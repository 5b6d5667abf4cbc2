"""Mathematics set at build time by KaTeX: pages carry finished HTML and MathML, and no script."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

from introml.book.paths import ROOT
from introml.site.equations import with_one_number
from introml.site.node import NodeLines

LOGGER = logging.getLogger(__name__)
SCRIPT = Path(__file__).with_name("katex_render.mjs")


def katex_version() -> str:
    package = ROOT / "node_modules" / "katex" / "package.json"
    return json.loads(package.read_text(encoding="utf-8"))["version"]


def remembered(memory: Path) -> dict[str, str]:
    """The formulas that an earlier build rendered; none if it had another KaTeX, or was cut off."""
    try:
        kept = json.loads(memory.read_text(encoding="utf-8"))
        return kept["formulas"] if kept["katex"] == katex_version() else {}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


class Formulas:
    r"""TeX -> HTML, remembered between builds in `katex.json` beside the doctrees.

    `macros` are the book's own commands, `\name` -> TeX, with #1, #2, … for arguments.
    """

    def __init__(self, memory: Path, macros: dict[str, str] | None = None):
        self.memory = memory
        self.macros = macros or {}
        # A formula looks otherwise once a macro in it does.
        self.prefix = str(sorted(self.macros.items())) if self.macros else ""
        self.known = remembered(memory)
        self.node = NodeLines(SCRIPT)

    def html(self, tex: str, display: bool) -> str:
        """Raises ValueError with KaTeX's own words when the formula is wrong."""
        key = f"{'d' if display else 'i'}{self.prefix}{tex}"
        if key not in self.known:
            answer = self.node.ask([tex, display, self.macros])
            if "error" in answer:
                raise ValueError(answer["error"])
            self.known[key] = answer["html"]
        return self.known[key]

    def close(self) -> None:
        self.node.close()
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        kept = {"katex": katex_version(), "formulas": self.known}
        self.memory.write_text(json.dumps(kept), encoding="utf-8")


def macros_of(mathjax: Any) -> dict[str, str]:
    """The macros of a configuration for MathJax, `tex: macros:`, as KaTeX takes them.

    There a macro stands without its backslash, and one with arguments is a list: what it means,
    and how many arguments it has.
    """
    given = ((mathjax or {}).get("tex") or {}).get("macros") or {}
    return {
        f"\\{name}": str(value[0] if isinstance(value, list | tuple) else value)
        for name, value in given.items()
    }


def _render(self: HTML5Translator, node: nodes.Element, display: bool) -> str:
    formulas: Formulas = cast(Any, self.builder.app).introml_formulas
    try:
        return formulas.html(with_one_number(node.astext()), display)
    except ValueError as problem:
        LOGGER.warning("KaTeX: %s", problem, location=node)
        return f"<code>{escape(node.astext())}</code>"


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(_render(self, node, False))
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="formula"))
    # A formula wider than the page scrolls by itself, and its number stays beside it.
    self.body.append(f'<div class="formula-scroll">{_render(self, node, True)}</div>')
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("introml_katex", (visit_inline, None), (visit_display, None))

    def start(app: Sphinx) -> None:
        macros = macros_of(getattr(app.config, "mathjax3_config", None))
        formulas = Formulas(Path(app.doctreedir) / "katex.json", macros)
        cast(Any, app).introml_formulas = formulas

    def stop(app: Sphinx, exception: Exception | None) -> None:
        cast(Any, app).introml_formulas.close()

    app.connect("builder-inited", start)
    app.connect("build-finished", stop)
