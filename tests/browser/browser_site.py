"""Where the built site is, and which of its pages a test is about."""

import os
import shutil
from pathlib import Path

from introml.site.pages import book_pages

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DOCNAMES = [page.docname for page in book_pages(ROOT)]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str:
    names = (os.environ.get("CHROMIUM", ""), *_BROWSERS)
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, "no Chromium; `make test` installs one"
    return found


def pages_with(text: str) -> list[str]:
    """The pages whose HTML holds `text`; known when the tests are collected, after the build."""
    found = []
    for name in DOCNAMES:
        path = HTML / f"{name}.html"
        if path.exists() and text in path.read_text(encoding="utf-8"):
            found.append(name)
    return found
