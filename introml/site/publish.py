"""The site's own files: styles, scripts, fonts and vendored libraries, each written once."""

from __future__ import annotations

import hashlib
import re
import shutil
from functools import cache
from pathlib import Path

from introml.widgets.base import DIST

ROOT = Path(__file__).resolve().parents[2]
STATIC = Path(__file__).parent / "static"
MODULES = ROOT / "node_modules"
#: What stays in `_static`; Sphinx and its extensions write more, which no page asks for.
KEPT = {
    "book.css", "book.js", "host.js", "icon.svg", "fonts", "katex", "widgets", "data",
    "minisearch.js", "plotly.js", "search-index.js",
}  # fmt: skip


def _katex_css() -> str:
    css = (MODULES / "katex" / "dist" / "katex.min.css").read_text(encoding="utf-8")
    # Every browser of the last ten years takes woff2; the other two formats are dead weight.
    return re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)', "", css)


@cache
def site_files() -> dict[str, bytes]:
    """Path under `_static` -> content, of all that does not depend on the pages."""
    css = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (DIST / "tokens.css", DIST / "kit.css", STATIC / "book.css")
    )
    files = {
        "book.css": css.encode(),
        "book.js": (STATIC / "book.js").read_bytes(),
        "host.js": (STATIC / "host.js").read_bytes(),
        "icon.svg": (STATIC / "icon.svg").read_bytes(),
        "katex/katex.css": _katex_css().encode(),
        "minisearch.js": (DIST / "vendor" / "minisearch.js").read_bytes(),
        "plotly.js": (
            MODULES / "plotly.js-cartesian-dist-min" / "plotly-cartesian.min.js"
        ).read_bytes(),
    }
    for font in sorted((ROOT / "assets" / "fonts").glob("*.woff2")):
        files[f"fonts/{font.name}"] = font.read_bytes()
    for font in sorted((MODULES / "katex" / "dist" / "fonts").glob("*.woff2")):
        files[f"katex/fonts/{font.name}"] = font.read_bytes()
    return files


def versions() -> dict[str, str]:
    """Path -> eight digits of its content's hash, for the addresses that pages use."""
    return {
        name: hashlib.sha256(content).hexdigest()[:8]
        for name, content in site_files().items()
        if name.endswith((".css", ".js", ".svg"))
    }


def publish(outdir: Path) -> None:
    """Write the site's files into `outdir/_static`, and take away what no page uses."""
    static = outdir / "_static"
    static.mkdir(parents=True, exist_ok=True)
    for entry in static.iterdir():
        if entry.name not in KEPT:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for name, content in site_files().items():
        target = static / name
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for leftover in ("_sphinx_design_static",):
        path = outdir / leftover
        if path.is_dir():
            shutil.rmtree(path)
