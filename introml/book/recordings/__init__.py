"""Recorded runs that the book shows without running them: one module a recording."""
