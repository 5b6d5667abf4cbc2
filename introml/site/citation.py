"""How to cite the book: the directive `{citation}` shows `CITATION.cff` as a BibTeX entry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FILE = "CITATION.cff"


def bibtex(citation: dict[str, Any]) -> str:
    """The entry for what a citation file (https://citation-file-format.github.io) prefers.

    Words in capitals stay so in a title (`{ML}`); an author who is no person is in braces.
    """
    work = citation["preferred-citation"]
    fields = {
        "title": re.sub(r"\b[A-Z]{2,}\b", r"{\g<0>}", work["title"]),
        "author": " and ".join(f"{{{author['name']}}}" for author in work["authors"]),
        "year": work["year"],
        "version": work["version"],
    }
    width = max(map(len, fields))
    lines = [f"  {name:{width}} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{work['type']}{{introml,", *lines, "}"])


class Citation(SphinxDirective):
    """The book's own entry for a bibliography."""

    def run(self) -> list[nodes.Node]:
        import yaml

        path = Path(self.env.srcdir) / FILE
        self.env.note_dependency(str(path))
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise self.error(
                f"there is no {FILE} beside _config.yml to take the entry from"
            ) from None
        entry = bibtex(yaml.safe_load(text))
        node = nodes.literal_block(entry, entry, language="bibtex")
        self.set_source_info(node)
        return [node]


def setup(app: Sphinx) -> None:
    app.add_directive("citation", Citation)
