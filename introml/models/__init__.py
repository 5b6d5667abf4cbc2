"""Models built of several of the book's concepts."""
