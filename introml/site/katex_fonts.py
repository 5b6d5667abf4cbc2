"""KaTeX's fonts, each cut down to the characters that the book's formulas show in it."""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path

from introml.book.paths import ROOT

FONTS = ROOT / "node_modules" / "katex" / "dist" / "fonts"
PLAIN = "KaTeX_Main-Regular"
"""The font of what has no class that names another."""
FONT_OF_CLASS = {
    "mathnormal": "KaTeX_Math-Italic",
    "boldsymbol": "KaTeX_Math-BoldItalic",
    "mathit": "KaTeX_Main-Italic",
    "textit": "KaTeX_Main-Italic",
    "mathbf": "KaTeX_Main-Bold",
    "textbf": "KaTeX_Main-Bold",
    "mainrm": PLAIN,
    "textrm": PLAIN,
    "mathbb": "KaTeX_AMS-Regular",
    "textbb": "KaTeX_AMS-Regular",
    "amsrm": "KaTeX_AMS-Regular",
    "mathcal": "KaTeX_Caligraphic-Regular",
    "mathfrak": "KaTeX_Fraktur-Regular",
    "textfrak": "KaTeX_Fraktur-Regular",
    "mathboldfrak": "KaTeX_Fraktur-Bold",
    "textboldfrak": "KaTeX_Fraktur-Bold",
    "mathtt": "KaTeX_Typewriter-Regular",
    "texttt": "KaTeX_Typewriter-Regular",
    "mathscr": "KaTeX_Script-Regular",
    "textscr": "KaTeX_Script-Regular",
    "mathsf": "KaTeX_SansSerif-Regular",
    "textsf": "KaTeX_SansSerif-Regular",
    "mathboldsf": "KaTeX_SansSerif-Bold",
    "textboldsf": "KaTeX_SansSerif-Bold",
    "mathitsf": "KaTeX_SansSerif-Italic",
    "mathsfit": "KaTeX_SansSerif-Italic",
    "textitsf": "KaTeX_SansSerif-Italic",
    "small-op": "KaTeX_Size1-Regular",
    "large-op": "KaTeX_Size2-Regular",
    "delim-size1": "KaTeX_Size1-Regular",
    "delim-size4": "KaTeX_Size4-Regular",
}
"""What KaTeX's style sheet makes of its classes."""
_BRACKETS = {f"size{n}": f"KaTeX_Size{n}-Regular" for n in range(1, 5)}
_BOLD_ITALIC = {"KaTeX_Main-Bold", "KaTeX_Main-Italic"}


class _Shown(HTMLParser):
    """Font -> the characters that are shown in it, in the visible half of KaTeX's HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, set[str]] = defaultdict(set)
        self.classes: list[list[str]] = []
        """Of the elements that are open, the outermost first."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.classes.append((dict(attrs).get("class") or "").split())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A line of a drawing holds no characters."""

    def handle_endtag(self, tag: str) -> None:
        self.classes.pop()

    def handle_data(self, data: str) -> None:
        if any("katex-html" in classes for classes in self.classes):
            for font in self._fonts() or {PLAIN}:
                self.found[font] |= set(data)

    def _fonts(self) -> set[str]:
        """All that the elements around ask for, of which the innermost wins: a few too many."""
        fonts = set()
        for classes in self.classes:
            fonts |= {FONT_OF_CLASS[name] for name in classes if name in FONT_OF_CLASS}
            if "delimsizing" in classes:
                fonts |= {_BRACKETS[name] for name in classes if name in _BRACKETS}
        return fonts | {"KaTeX_Main-BoldItalic"} if fonts >= _BOLD_ITALIC else fonts


def characters(formulas: list[str]) -> dict[str, str]:
    """Font -> the characters that the formulas' HTML shows in it, in order, each once."""
    shown = _Shown()
    for html in formulas:
        shown.feed(html)
    return {font: "".join(sorted(found)) for font, found in sorted(shown.found.items())}


def _subset(source: Path, text: str) -> bytes:
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    font = TTFont(source)
    options = Options()
    options.flavor = "woff2"
    options.hinting = False
    subsetter = Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()


def subset_fonts(texts: dict[str, str], memory: Path) -> dict[str, bytes]:
    """File name -> woff2 with the characters of its text alone; `memory` keeps it for later."""
    key = hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]
    folder = memory / key
    sources = sorted(FONTS.glob("*.woff2"))
    if not all((folder / source.name).exists() for source in sources):
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources:
            (folder / source.name).write_bytes(_subset(source, texts.get(source.stem, "")))
    return {source.name: (folder / source.name).read_bytes() for source in sources}
