"""How a cell's rich outputs are written into the page: plotly, matplotlib's SVG, widgets.

Registered as a `myst_nb.mime_renderers` entry point, so it also serves a page that is parsed alone.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from docutils import nodes

from introml.book.style.tokens import COLORS

if TYPE_CHECKING:
    from myst_nb.core.render import MimeData, NbElementRenderer

PLOTLY = "application/vnd.plotly.v1+json"
SVG = "image/svg+xml"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_BY_COLOR = {color.lower(): name for name, color in reversed(list(COLORS.items()))}
_COLOR = re.compile("|".join(re.escape(color) for color in _BY_COLOR), re.IGNORECASE)
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
#: Attributes that hold coordinates, where two decimals of a pixel are plenty.
_PLACES = re.compile(r'(\s(?:d|x|y|x1|y1|x2|y2|cx|cy|r|points|transform|width|height)=")([^"]*)')
_PNG = re.compile(r"(data:image/png;base64,)([A-Za-z0-9+/=\s]+)")
_LONG = re.compile(r"-?\d+\.\d{3,}(?![\de])")
_ID = re.compile(r'(\bid="|url\(#|href="#)([^")]+)')
_TAG = re.compile(r"<[^>]*>")
_FONT_FAMILY = re.compile(r"\bfont-family:[^;\"]*;?")
#: Matplotlib's one style rule, which would hold for the whole page.
_RULE = re.compile(r"<style[^>]*>\s*\*\{([^}\"]*)\}\s*</style>")


def _two_places(number: re.Match[str]) -> str:
    return f"{float(number.group(0)):.2f}".rstrip("0").rstrip(".")


def _places(attribute: re.Match[str]) -> str:
    name, value = attribute.groups()
    if "scale" in value or "matrix" in value:
        return attribute.group(0)
    return name + _LONG.sub(_two_places, value)


def script_json(value: Any) -> str:
    """JSON that may stand between script tags: nothing in it can end the script.

    Raises ValueError for NaN and infinity, which JSON does not have.
    """
    # `</` is not enough: after `<!--<script` a browser looks for two ends.
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _lighter_picture(found: re.Match[str]) -> str:
    """An embedded PNG in few colours, where that makes it smaller."""
    from PIL import Image

    given = base64.b64decode(re.sub(r"\s", "", found.group(2)))
    picture = Image.open(io.BytesIO(given)).convert("RGBA")
    if picture.getchannel("A").getextrema()[0] == 255:
        few = picture.convert("RGB").quantize(64)
    else:
        few = picture.quantize(48, method=Image.Quantize.FASTOCTREE)  # the one that keeps alpha
    buffer = io.BytesIO()
    few.save(buffer, "png", optimize=True)
    smaller = min(given, buffer.getvalue(), key=len)
    return found.group(1) + base64.b64encode(smaller).decode()


def themed_svg(svg: str, alt: str) -> str:
    """An SVG drawn in the light tokens' colours, as one that follows the page's scheme.

    Each token's hex colour becomes `var(--iml-<token>)`; words in the figure stay as they are. Ids
    are made the figure's own, so that two figures of one page don't clash. Raises ValueError
    without `alt`.
    """
    if not alt.strip():
        raise ValueError("a figure has no alt text; show it with introml.book.style.show(…, alt=…)")
    prefix = "f" + hashlib.sha256(svg.encode()).hexdigest()[:8] + "-"

    def themed(tag: re.Match[str]) -> str:
        text = _ID.sub(lambda found: found.group(1) + prefix + found.group(2), tag.group(0))
        text = _COLOR.sub(lambda found: f"var(--iml-{_BY_COLOR[found.group(0).lower()]})", text)
        return _PLACES.sub(_places, _FONT_FAMILY.sub("", text))

    body = _PROLOGUE.sub("", svg, count=1)
    body = _PNG.sub(_lighter_picture, body)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    rule = _RULE.search(body)
    style = f'style="{rule.group(1)}" ' if rule else ""
    body = _TAG.sub(themed, _RULE.sub("", body))
    label = f'role="img" aria-label="{escape(alt, quote=True)}"'
    return body.replace("<svg ", f"<svg {label} {style}", 1)


#: The kinds of traces that are in the bundle which the site publishes.
DRAWN = {
    "bar", "box", "contour", "heatmap", "histogram", "histogram2d", "histogram2dcontour", "image",
    "pie", "scatter", "scatterternary", "violin",
}  # fmt: skip


def plotly_figure(figure: dict[str, Any]) -> str:
    """The figure's JSON in the page; the site's script draws it when it comes near the viewport."""
    kept = {key: figure[key] for key in ("data", "layout", "frames") if key in figure}
    kinds = {trace.get("type", "scatter") for trace in kept.get("data", [])}
    if strange := kinds - DRAWN:
        raise ValueError(
            f"a plotly figure has traces of the type {min(strange)}, which would become lines: "
            f"the page's part of plotly draws {', '.join(sorted(DRAWN))}; "
            "use one of these, or draw a picture with matplotlib"
        )
    layout = kept.setdefault("layout", {})
    # The page's script supplies the template of the reader's scheme.
    layout.pop("template", None)
    meta = layout.get("meta")
    alt = str(meta.get("alt") or "") if isinstance(meta, dict) else ""
    if not alt.strip():
        raise ValueError("a plotly figure has no alt text; set layout.meta = {'alt': …}")
    height = int(layout.get("height") or 400)
    body = script_json(kept)
    return (
        f'<div class="plotly-figure" role="group" aria-label="{escape(alt, quote=True)}" '
        f'style="--height:{height}px"><script type="application/json">{body}</script>'
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
        try:
            html = BookOutputs._html(data)
        except ValueError as problem:
            renderer.logger.warning(str(problem), subtype="mime_type", line=data.line)
            return []
        if html is None:
            return None
        return [nodes.raw(text=html, format="html", classes=["output"])]

    @staticmethod
    def _html(data: MimeData) -> str | None:
        content = data.content
        if data.mime_type == PLOTLY:
            return plotly_figure(content if isinstance(content, dict) else json.loads(content))
        if data.mime_type == SVG:
            alt = data.output_metadata.get(SVG, {}).get("alt", "")
            return f'<div class="figure">{themed_svg(content, alt)}</div>'
        if data.mime_type == WIDGET_VIEW:
            view = content if isinstance(content, dict) else json.loads(content)
            return f'<div class="widget-host" data-model="{escape(view["model_id"])}"></div>'
        return None
