"""Python code as a tree, however odd it is: nothing of it runs."""

from __future__ import annotations

import ast
import warnings


def parse(source: str) -> ast.Module | None:
    """The code as a tree; `None` for what is not Python, or is nested beyond Python's patience."""
    tree = _tree(source)
    return tree if isinstance(tree, ast.Module) else None


def syntax_error(source: str) -> int | None:
    """The line, from 1, where the code stops being Python (0: not known); `None` if it is."""
    tree = _tree(source)
    return tree if isinstance(tree, int) else None


def _tree(source: str) -> ast.Module | int:
    """The code as a tree, or the line where it is not Python."""
    try:
        # Python has remarks on odd code ("invalid escape sequence"), which are not for graders.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as problem:
        return problem.lineno or 0
    # A MemoryError is how the parser says that brackets are nested too deeply.
    except (ValueError, RecursionError, MemoryError):
        return 0
