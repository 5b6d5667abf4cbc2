"""The source of a function or class of the package, shown on the page that teaches it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence


def shown_source(one: Callable[..., object], methods: Sequence[str] = ()) -> str:
    """The code of `one` as a reader of the page needs it: its docstring in one line.

    Of a class only those `methods` are shown whose names are given, if any are, and without theirs.
    Raises `ValueError` for a name that is no method of it.
    """
    code = textwrap.dedent(inspect.getsource(one))
    lines = code.splitlines()
    top = ast.parse(code).body[0]
    assert isinstance(top, ast.FunctionDef | ast.ClassDef)
    inner = {part.name: part for part in top.body if isinstance(part, ast.FunctionDef)}
    if missing := set(methods) - set(inner):
        raise ValueError(f"{top.name} has no {', '.join(sorted(missing))}; it has {list(inner)}.")
    left_out = [part for name, part in inner.items() if methods and name not in methods]
    dropped: set[int] = set()
    for part in left_out:
        first = min([part.lineno, *(decorator.lineno for decorator in part.decorator_list)])
        # With the empty line above it.
        dropped |= set(range(first - 1, (part.end_lineno or first) + 1))
    documented: list[ast.FunctionDef | ast.ClassDef] = [top, *inner.values()]
    for taught in documented:
        text = taught.body[0]
        if methods and taught is not top and ast.get_docstring(taught) is not None:
            dropped |= set(range(text.lineno, (text.end_lineno or 0) + 1))
            continue
        if ast.get_docstring(taught) is not None and text.end_lineno != text.lineno:
            lines[text.lineno - 1] += '"""'
            dropped |= set(range(text.lineno + 1, (text.end_lineno or 0) + 1))
    return "\n".join(line for at, line in enumerate(lines, 1) if at not in dropped)


def show_source(*ones: Callable[..., object], methods: Sequence[str] = ()) -> None:
    """Display the source of functions and classes as code, each as `shown_source` gives it.

    `methods` are those of the classes among them that are shown.
    """
    from IPython.display import display

    parts = [shown_source(one, methods if inspect.isclass(one) else ()) for one in ones]
    code = "\n\n\n".join(parts)
    display({"text/markdown": f"```python\n{code}\n```", "text/plain": code}, raw=True)
