"""The site's own files: styles, scripts, fonts and vendored libraries, each written once."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from introml.book.paths import ROOT
from introml.book.style.tokens import page_css
from introml.site.formulas import remembered
from introml.site.katex_fonts import characters, subset_fonts
from introml.site.node import environment, node_path
from introml.site.unchanged import write_if_changed
from introml.widgets.base import DIST

STATIC = Path(__file__).parent / "static"
MODULES = ROOT / "node_modules"
#: Stands for the version of the formulas' style until the pages, and so its fonts, are known.
UNKNOWN = "00000000"
#: What stays in `_static`; Sphinx and its extensions write more, which no page asks for.
KEPT = {
    "book.css", "book.js", "theme.js", "host.js", "kit.js", "icon.svg", "fonts", "katex", "widgets",
    "data",
    "minisearch.js", "plotly.js", "search-index.js",
}  # fmt: skip


def _katex_css() -> str:
    css = (MODULES / "katex" / "dist" / "katex.min.css").read_text(encoding="utf-8")
    # Every browser of the last ten years takes woff2; the other two formats are dead weight.
    return re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)', "", css)


def search_library(memory: Path = ROOT / "_build" / "minified") -> bytes:
    """MiniSearch as one small script; `memory` keeps it for later builds."""
    source = (MODULES / "minisearch" / "dist" / "umd" / "index.js").read_bytes()
    kept = memory / f"minisearch-{_version(source)}.js"
    if not kept.exists():
        command = [node_path(), str(Path(__file__).with_name("minify.mjs"))]
        code = subprocess.run(
            command, input=source, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, check=True
        ).stdout
        memory.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_bytes(code)
        draft.replace(kept)
    return kept.read_bytes()


def theme_scripts() -> tuple[str, str]:
    """The theme's script in two parts: what runs in a page's head, and the switch."""
    _, head, switch = re.split(
        r"/\*.*?\*/\n", (STATIC / "theme.js").read_text("utf-8"), flags=re.DOTALL
    )
    return head.strip(), switch.strip()


def site_files() -> dict[str, bytes]:
    """Path under `_static` -> content, of all that does not depend on the pages."""
    names = (DIST / "kit.css", STATIC / "book.css", STATIC / "package.css")
    css = "\n".join([page_css(), *(path.read_text(encoding="utf-8") for path in names)])
    files = {
        "book.css": css.encode(),
        "book.js": (STATIC / "book.js").read_bytes(),
        "theme.js": theme_scripts()[1].encode(),
        "host.js": (STATIC / "host.js").read_bytes(),
        "kit.js": (DIST / "kit.js").read_bytes(),
        "icon.svg": (STATIC / "icon.svg").read_bytes(),
        "minisearch.js": search_library(),
        "plotly.js": (
            MODULES / "plotly.js-cartesian-dist-min" / "plotly-cartesian.min.js"
        ).read_bytes(),
    }
    for font in sorted((ROOT / "assets" / "fonts").glob("*.woff2")):
        files[f"fonts/{font.name}"] = font.read_bytes()
    return files


def versions() -> dict[str, str]:
    """Path -> eight digits of its content's hash, for the addresses that pages use."""
    return {
        name: _version(content)
        for name, content in site_files().items()
        if name.endswith((".css", ".js", ".svg"))
    } | {"katex/katex.css": UNKNOWN}


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


def _formula_files(build: Path) -> dict[str, bytes]:
    """KaTeX's style and fonts, cut down to what the formulas of the pages need."""
    formulas = list(remembered(build / "doctrees" / "katex.json").values())
    fonts = subset_fonts(characters(formulas), build / "katex-fonts")
    css = re.sub(
        r"url\(fonts/([\w-]+\.woff2)\)",
        lambda found: f"url(fonts/{found.group(1)}?v={_version(fonts[found.group(1)])})",
        _katex_css(),
    )
    return {"katex/katex.css": css.encode()} | {
        f"katex/fonts/{name}": content for name, content in fonts.items()
    }


def _finish_pages(outdir: Path, version: str) -> set[str]:
    """Write the formulas' version, known only now, into the pages; return which data they name."""
    named: set[str] = set()
    for page in outdir.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        named |= set(re.findall(r"\b[0-9a-f]{16}\b", html))
        finished = re.sub(r"(katex\.css\?v=)\w{8}", rf"\g<1>{version}", html)
        if finished != html:
            page.write_text(finished, encoding="utf-8")
    return named


def publish(outdir: Path) -> None:
    """Write the site's files into `outdir/_static`, and take away what no page uses."""
    static = outdir / "_static"
    static.mkdir(parents=True, exist_ok=True)
    for entry in static.iterdir():
        if entry.name not in KEPT:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    formula_files = _formula_files(outdir.parent)
    named = _finish_pages(outdir, _version(formula_files["katex/katex.css"]))
    for entry in (static / "data").glob("*.js"):
        if entry.stem not in named:
            entry.unlink()
    for name, content in (site_files() | formula_files).items():
        write_if_changed(static / name, content)
