"""A cell as IPython reads it: magics, shell lines and `?` become Python, by IPython's own rules.

`%matplotlib inline` becomes `get_ipython().run_line_magic('matplotlib', 'inline')`, as in a
notebook; what that call does is `notebook_shell`'s word. Each line keeps its number.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import Any

#: How a cell is compiled: `await` may stand outside of functions.
CELL_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
#: A notebook may put something else in its place, which is its own affair.
_compile = compile


def read_cell(source: str, name: str, flags: int = CELL_FLAGS) -> tuple[str, ast.Module]:
    """The cell in Python, and its tree. Raises what Python says of a cell that is neither."""
    try:
        return source, _tree(source, name, flags)  # IPython has nothing to change in it
    except SyntaxError as error:
        text = _transformed(source)
        if text == source:
            raise error from None
    return text, _tree(text, name, flags)


def _tree(text: str, name: str, flags: int) -> ast.Module:
    return _compile(text, name, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)


def _transformed(source: str) -> str:
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    # IPython takes empty lines from the top, and with them the numbers of all others.
    text = source
    while (parts := text.partition("\n"))[1] and not parts[0].strip():
        text = parts[2]
    empty = source[: len(source) - len(text)].count("\n")
    try:
        return "\n" * empty + _transformer().transform_cell(text)
    except Exception:  # nothing that IPython could read, either
        return source


@cache
def _transformer() -> Any:
    """IPython's, made when the first cell needs it; the box's template has it loaded."""
    from IPython.core.inputtransformer2 import TransformerManager

    class _KeepsLines(TransformerManager):
        """A magic that goes on over several lines becomes one; empty lines take their places."""

        def do_one_token_transform(self, lines: list[str]) -> tuple[bool, list[str]]:
            changed, new = super().do_one_token_transform(lines)
            missing = len(lines) - len(new)
            if changed and missing > 0:
                same = 0
                while same < len(new) and lines[same] == new[same]:
                    same += 1
                new = [*new[: same + 1], *["\n"] * missing, *new[same + 1 :]]
            return changed, new

    return _KeepsLines()
