"""Gives the pages of a large book the outputs of those that they are copies of.

To execute seventy pages takes ten minutes and more, and says nothing of how long the rest of a
build takes.
"""

from __future__ import annotations

import json
from pathlib import Path

from large_book import WIDGETS, LargeBook, Renaming, copies, widget_names
from nbformat import NotebookNode, from_dict

from introml.site.cache import BookCache, Execution
from introml.site.execute import executed_notebook
from introml.site.labs import write_handouts
from introml.site.pages import Page, book_pages


def give_outputs(book: LargeBook) -> None:
    """Fill the large book's cache; today's book, which must be built, has all the outputs."""
    write_handouts(book.target)  # the contents name them, and git does not keep them
    originals = {page.docname: page for page in book_pages(book.source)}
    cache = BookCache(book.target)
    for page in cache.notebooks():
        notebook, _, code = cache.read(page)
        key = cache.key(code)
        if cache.execution(code, key) is None:
            copied = page.docname not in originals
            name, _, generation = page.docname.rpartition("-") if copied else (page.docname, "", "")
            _fill(notebook, _executed(book, originals[name], generation))
            done = Execution(code.notebook, key, 1.0, (1.0,) * code.cells)
            cache.store(page, notebook, done)
            cache.assign(page, code, done)
    cache.save()


def _executed(book: LargeBook, page: Page, generation: str) -> NotebookNode:
    """The executed page, with the names of the generation's widgets."""
    names = {
        old: new
        for stem, of in copies(book.widgets, WIDGETS)
        if of == generation
        for old, new in widget_names(stem, generation).items()
    }
    text = json.dumps(executed_notebook(book.source, page))
    return from_dict(json.loads(Renaming(names)(text)))


def _fill(notebook: NotebookNode, executed: NotebookNode) -> None:
    """Take over the outputs cell by cell; the cell that each copy has more shows nothing."""
    done = iter([cell for cell in executed.cells if cell.cell_type == "code"])
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.source.startswith("generation = "):
            was = next(done)
            cell.outputs, cell.execution_count = was.outputs, was.execution_count
    for name in {"language_info", "widgets"} & executed.metadata.keys():
        notebook.metadata[name] = executed.metadata[name]


def large_book(source: Path, target: Path) -> LargeBook:
    """The large book at `target`, brought up to date, outputs included."""
    book = LargeBook(source, target)
    book.make()
    give_outputs(book)
    return book
