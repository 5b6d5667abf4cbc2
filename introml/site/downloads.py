"""Each page as a notebook with its outputs, for readers to take along."""

from __future__ import annotations

from pathlib import Path


def write_downloads(root: Path, html: Path) -> None:
    """Write `html/notebooks/<page>.ipynb` for every notebook page."""
    import nbformat

    from introml.site.execute import executed_notebook
    from introml.site.pages import book_pages

    for page in book_pages(root):
        if page.is_notebook:
            target = html / "notebooks" / f"{page.docname}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(executed_notebook(root, page), target)
