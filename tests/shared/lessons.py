"""The lessons of the book, in its order."""

from introml.book.paths import ROOT
from introml.site.pages import book_pages

LESSONS = [page for page in book_pages(ROOT) if page.docname.startswith("chapters/")]
