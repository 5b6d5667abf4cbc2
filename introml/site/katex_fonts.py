"""KaTeX's fonts, cut down to the characters that the book's formulas use."""

from __future__ import annotations

import hashlib
import io
import re
from html import unescape
from pathlib import Path

from introml.book.paths import ROOT

FONTS = ROOT / "node_modules" / "katex" / "dist" / "fonts"
_VISIBLE = re.compile(r'<span class="katex-html".*', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def characters(formulas: list[str]) -> str:
    """The characters that the formulas' HTML shows, in order, each once."""
    shown: set[str] = set()
    for html in formulas:
        found = _VISIBLE.search(html)
        if found:
            shown |= set(unescape(_TAG.sub("", found.group(0))))
    return "".join(sorted(shown))


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


def subset_fonts(text: str, memory: Path) -> dict[str, bytes]:
    """File name -> woff2 with only the characters of `text`; `memory` keeps it for later builds."""
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = memory / key
    sources = sorted(FONTS.glob("*.woff2"))
    if not all((folder / source.name).exists() for source in sources):
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources:
            (folder / source.name).write_bytes(_subset(source, text))
    return {source.name: (folder / source.name).read_bytes() for source in sources}
