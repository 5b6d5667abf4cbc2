"""How a cell's rich outputs are written into the page: plotly, matplotlib's SVG, widgets.

Registered as a `myst_nb.mime_renderers` entry point, so it also serves a page that is parsed alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from docutils import nodes

from introml.style.tokens import COLORS

if TYPE_CHECKING:
    from myst_nb.core.render import MimeData, NbElementRenderer

PLOTLY = "application/vnd.plotly.v1+json"
SVG = "image/svg+xml"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_BY_COLOR = {color.lower(): name for name, color in reversed(list(COLORS.items()))}
_COLOR = re.compile("|".join(re.escape(color) for color in _BY_COLOR), re.IGNORECASE)
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_ID = re.compile(r'(\bid="|url\(#|href="#)([^")]+)')


def themed_svg(svg: str, alt: str) -> str:
    """An SVG drawn in the light tokens' colours, as one that follows the page's scheme.

    Each token's hex colour becomes `var(--iml-<token>)`. Ids are made the figure's own, so that two
    figures of one page don't clash. Raises ValueError without `alt`.
    """
    if not alt:
        raise ValueError("a figure has no alt text; show it with introml.style.show(figure, alt=…)")
    body = _PROLOGUE.sub("", svg, count=1)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    prefix = "f" + hashlib.sha256(svg.encode()).hexdigest()[:8] + "-"
    body = _ID.sub(lambda found: found.group(1) + prefix + found.group(2), body)
    body = _COLOR.sub(lambda found: f"var(--iml-{_BY_COLOR[found.group(0).lower()]})", body)
    body = re.sub(r"\bfont-family:[^;\"]*;?|(?<=font: )([\d.]+px) [^;\"]*", r"\1", body)
    return body.replace("<svg ", f'<svg role="img" aria-label="{escape(alt, quote=True)}" ', 1)


def plotly_figure(figure: dict[str, Any]) -> str:
    """The figure's JSON in the page; the site's script draws it when it comes near the viewport."""
    kept = {key: figure[key] for key in ("data", "layout", "frames") if key in figure}
    layout = kept.setdefault("layout", {})
    # The page's script supplies the template of the reader's scheme.
    layout.pop("template", None)
    alt = (layout.get("meta") or {}).get("alt", "")
    if not alt:
        raise ValueError("a plotly figure has no alt text; set layout.meta = {'alt': …}")
    height = int(layout.get("height") or 400)
    body = json.dumps(kept, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<div class="plotly-figure" role="group" aria-label="{escape(alt, quote=True)}" '
        f'style="height:{height}px"><script type="application/json">{body}</script>'
        f'<p class="plotly-alt">{escape(alt)}</p></div>'
    )


class BookOutputs:
    """Writes the outputs that the book draws in its own way; all others are left to myst-nb."""

    mime_priority_overrides = [("html", PLOTLY, 1), ("html", WIDGET_VIEW, 1), ("html", SVG, 2)]

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: int
    ) -> list[nodes.Element] | None:
        if inline:
            return None
        content = data.content
        if data.mime_type == PLOTLY:
            html = plotly_figure(content if isinstance(content, dict) else json.loads(content))
        elif data.mime_type == SVG:
            alt = data.output_metadata.get(SVG, {}).get("alt", "")
            html = f'<div class="figure">{themed_svg(content, alt)}</div>'
        elif data.mime_type == WIDGET_VIEW:
            view = content if isinstance(content, dict) else json.loads(content)
            html = f'<div class="widget-host" data-model="{escape(view["model_id"])}"></div>'
        else:
            return None
        return [nodes.raw(text=html, format="html", classes=["output"])]
