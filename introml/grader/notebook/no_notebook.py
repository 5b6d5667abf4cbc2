"""What is handed in in a notebook's place by mistake, known by how its bytes begin."""

from __future__ import annotations

import re

_WEB_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html)\b", re.I | re.S
)
_SCRIPT = re.compile(rb"\s*(?:#!.*python|# %%|# coding|#.*jupytext|import \w|from \w+ import )")
_LINKS = "Download the notebook from where you work on it, and hand in that file."
#: How files begin -> what they are, and what to do.
_BEGINNINGS = (
    (
        b"version https://git-lfs.github.com/spec/",
        "This is a pointer of Git LFS: three lines that stand for the notebook. Run `git lfs pull` "
        "where you have the repository, and hand in the file that you then find.",
    ),
    (
        b"PK\x03\x04",
        "This is a ZIP archive or an office document, whatever its name says. If your notebook is "
        "in it, unpack it and hand in the .ipynb file.",
    ),
    (b"\x1f\x8b", "This is a packed file (gzip). Unpack it, and hand in the .ipynb file in it."),
    (b"BZh", "This is a packed file (bzip2). Unpack it, and hand in the .ipynb file in it."),
    (b"\xfd7zXZ", "This is a packed file (xz). Unpack it, and hand in the .ipynb file in it."),
    (b"7z\xbc\xaf", "This is a 7-Zip archive. Unpack it, and hand in the .ipynb file in it."),
    (b"Rar!", "This is a RAR archive. Unpack it, and hand in the .ipynb file in it."),
    (b"%PDF", "This is a PDF. Hand in the notebook itself, a file that ends in .ipynb."),
    (b"\x89PNG", "This is a picture. Hand in the notebook itself, a file that ends in .ipynb."),
    (b"\xff\xd8\xff", "This is a picture. Hand in the notebook itself, a file in .ipynb."),
    (b"GIF8", "This is a picture. Hand in the notebook itself, a file that ends in .ipynb."),
    (b"\xd0\xcf\x11\xe0", "This is an office document. Hand in the notebook itself, in .ipynb."),
    (b"{\\rtf", "This is a text document (RTF). Hand in the notebook itself, in .ipynb."),
    (b"\x7fELF", f"This is a program. {_LINKS}"),
    (b"SQLite format 3", f"This is a database. {_LINKS}"),
)  # fmt: skip


def what_it_is(data: bytes) -> str:
    """A sentence on what the file is and what to do; empty if it may be a notebook."""
    for beginning, words in _BEGINNINGS:
        if data.startswith(beginning):
            return words
    begin = data[:4000]
    if _WEB_PAGE.match(begin):
        title = re.search(rb"<title[^>]*>\s*([^<]{1,60})", begin, re.I)
        shown = title[1].decode("ascii", "replace").strip() if title else ""
        named = f" with the title “{shown}”" if shown.isprintable() and shown else ""
        return (
            f"This is a web page{named}, not the notebook: a sign-in page or a view of it was "
            f"saved in its place. {_LINKS}"
        )
    if begin[:1] not in b"{[" and _SCRIPT.match(begin):
        return (
            "This is a Python script, not the notebook. Hand in the .ipynb file that it was made "
            "from, not a .py export."
        )
    return ""
