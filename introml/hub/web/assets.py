"""The service's own static files: styles in the book's look, scripts, fonts; each with a version.

They are held in memory under their names, so that no address can reach into a file system.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from introml.book.paths import ROOT
from introml.book.style.tokens import page_css

_FONTS = ROOT / "assets" / "fonts"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class Asset:
    """One file. `version` is the start of its hash: it stands in the address that pages use."""

    content: bytes
    kind: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """All static files by the name under `static/`."""
    site = resources.files("introml.site").joinpath("static")
    own = resources.files("introml.hub.web").joinpath("static")
    files = {one.name: one.read_bytes() for one in own.iterdir() if _kind(one.name)}
    for shared in ("icon.svg", "theme.js"):
        files[shared] = site.joinpath(shared).read_bytes()
    for font in sorted(_FONTS.rglob("*.woff2")):
        files[f"fonts/{font.relative_to(_FONTS)}"] = font.read_bytes()
    # The book's own style first: text, tables, bar and fonts look here as they do there.
    book = site.joinpath("book.css").read_bytes()
    files["hub.css"] = b"\n".join((page_css().encode(), book, files["hub.css"]))
    return {name: _asset(name, content) for name, content in files.items()}


def _asset(name: str, content: bytes) -> Asset:
    return Asset(content, _kind(name), hashlib.sha256(content).hexdigest()[:10])


def _kind(name: str) -> str:
    return _KINDS.get(Path(name).suffix, "")
