"""Figures as small as they can be without looking different: SVGO goes over their SVG."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from introml.site.node import NodeLines

LOGGER = logging.getLogger(__name__)
SCRIPT = Path(__file__).with_name("svgo.mjs")
_FIGURE = re.compile(r'(?<=<div class="figure">)<svg.*?</svg>', re.DOTALL)


def smaller(svg: str, lines: NodeLines) -> str:
    """The SVG as SVGO writes it, or as it is where that is no shorter.

    Raises ValueError for what is no SVG.
    """
    answer = lines.ask({"svg": svg})
    if "error" in answer:
        raise ValueError(f"a figure is no sound SVG: {answer['error']}")
    return min(svg, answer["svg"], key=len)


def lighten_figures(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    def lighter(found: re.Match[str]) -> str:
        try:
            return smaller(found.group(0), app.introml_svgo)  # type: ignore[attr-defined]
        except (RuntimeError, ValueError) as problem:
            LOGGER.warning("%s", problem, location=pagename)
            return found.group(0)

    context["body"] = _FIGURE.sub(lighter, context.get("body", ""))


def setup(app: Sphinx) -> None:
    def start(app: Sphinx) -> None:
        app.introml_svgo = NodeLines(SCRIPT)  # type: ignore[attr-defined]

    def stop(app: Sphinx, exception: Exception | None) -> None:
        app.introml_svgo.close()  # type: ignore[attr-defined]

    app.connect("builder-inited", start)
    app.connect("html-page-context", lighten_figures)
    app.connect("build-finished", stop)
