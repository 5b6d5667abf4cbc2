"""The code behind the book: from-scratch implementations, data, widgets, the site's own tools."""

__version__ = "0.2.0"
