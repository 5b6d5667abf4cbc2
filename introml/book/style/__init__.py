"""One palette for pages, widgets, plotly and matplotlib: `tokens.json` is where it is written."""

from introml.book.style.figures import show, use_book_style
from introml.book.style.tokens import COLORS, CYCLE, MEANING, colors, css_variables

__all__ = ["COLORS", "CYCLE", "MEANING", "colors", "css_variables", "show", "use_book_style"]
