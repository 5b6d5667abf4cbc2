"""What a browser can load with one built page: the page, and the files that pages share.

A file of the site that belongs to some pages only (a widget, data, a picture) counts for a page
whose text names it; every other one counts for all pages.
"""

from functools import cached_property
from pathlib import Path

from inputs_of_tests import sha256

#: Folders whose files a page names when it needs them.
_NAMED = ("_static/widgets/", "_static/data/", "_images/")
#: Other pages, what is handed out for download, and what only a search loads.
_NEVER_LOADED = ("notebooks/", "labs/", "_static/search-index.js", ".buildinfo", "objects.inv")


class BuiltSite:
    """The site in the folder `html`, as it is now."""

    def __init__(self, html: Path) -> None:
        self._html = html

    @cached_property
    def files(self) -> dict[str, str]:
        """The hash of each file of the site, by its name."""
        paths = (path for path in self._html.rglob("*") if path.is_file())
        return {p.relative_to(self._html).as_posix(): sha256(p.read_bytes()) for p in paths}

    @property
    def key(self) -> str:
        """A hash of all of the site."""
        return sha256(repr(sorted(self.files.items())).encode())

    def page_files(self, docname: str) -> set[str]:
        """The names of the files that this page can load."""
        page = f"{docname}.html"
        text = (self._html / page).read_text(encoding="utf-8") if page in self.files else ""
        found = {page} & self.files.keys()
        for name in self.files:
            if name.endswith(".html") or name.startswith(_NEVER_LOADED):
                continue
            stem = name.rpartition("/")[2].partition(".")[0]
            if not name.startswith(_NAMED) or stem in text:
                found.add(name)
        return found

    def page_key(self, docname: str) -> str:
        """A hash of all that this page can load."""
        held = [(name, self.files[name]) for name in sorted(self.page_files(docname))]
        return sha256(repr([docname, held]).encode())
