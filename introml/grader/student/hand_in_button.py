"""The button under the table of checks: hand in what is saved, after a look at what has run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from types import CodeType
from typing import Any

from introml.grader.lab import parse
from introml.grader.notebook import Submitted, read_submission
from introml.grader.student.check_table import framed
from introml.grader.student.hand_in import (
    Notebook,
    NotHandedIn,
    hand_in,
    keep_receipt,
    notebook_to_hand_in,
)
from introml.grader.student.home import source_of_file
from introml.grader.text import plain

_HAND_IN, _ANYWAY = "Hand in", "Hand in the saved file as it is"


class HandInButton:
    """`widget` is a button and, below it, what became of it. `namespace` is what has run."""

    def __init__(self, path: Path, namespace: dict[str, Any]) -> None:
        import ipywidgets

        self._path, self._namespace = path, namespace
        self._warned_of: bytes | None = None
        self.button = ipywidgets.Button(
            description=_HAND_IN,
            tooltip=f"Hand in {path.name} as it was last saved",
            layout=ipywidgets.Layout(width="auto", align_self="flex-start"),
        )
        self.words = ipywidgets.HTML()
        self.button.on_click(lambda _: self.press())
        self.widget = ipywidgets.VBox([self.button, self.words])

    def press(self) -> None:
        """Hand in, or say why not. Raises nothing: whatever happens is told under the button."""
        self.button.disabled = True
        try:
            self._hand_in()
        except NotHandedIn as problem:
            self._say(escape(str(problem)))
        finally:
            self.button.disabled = False

    def _hand_in(self) -> None:
        notebook = notebook_to_hand_in(self._path)
        name, age = escape(self._path.name), notebook.age(datetime.now(UTC))
        changed = answers_not_saved(notebook, self._namespace)
        if changed and notebook.data != self._warned_of:
            self._warned_of = notebook.data
            self.button.description = _ANYWAY
            self._say(
                f"Save first (Ctrl+S), then press again. {name} was saved {age}, and what you ran "
                f"is not in it: {_list_of(changed)}."
            )
            return
        if notebook.missing and notebook.data != self._warned_of:
            self._warned_of = notebook.data
            self.button.description = _ANYWAY
            told = "<br>".join(escape(plain(one)) for one in notebook.remarks)
            self._say(f"{told}<br>Mend it and save, or press again.")
            return
        self.button.description = _HAND_IN
        self._say(f"Handing in {name}, saved {age} …")
        handed_in = hand_in(notebook)
        try:
            kept = f"The receipt is in {escape(keep_receipt(self._path, handed_in).name)}."
        except OSError:
            kept = f"Keep this receipt:<pre>{escape(handed_in.receipt)}</pre>"
        link = f'<a href="{escape(handed_in.address)}" target="_blank">Its page</a>'
        self._say(
            f"<strong>{escape(handed_in.words)}</strong> The file was saved {age}. {kept} "
            f"{link} shows the grade when it is there."
        )

    def _say(self, html: str) -> None:
        self.words.value = framed(f'<p role="status">{html}</p>')


def answers_not_saved(
    notebook: Notebook, namespace: dict[str, Any], source_of: Callable[[str], str] = source_of_file
) -> list[str]:
    """Functions and classes of the answer cells that ran otherwise than they are saved, by name.

    Comments and spaces make no difference, and what was saved and not run is not missed.
    """
    read = read_submission(notebook.data, notebook.released)
    if not isinstance(read, Submitted):
        return []
    saved: dict[str, str] = {}
    for cell in read.cells:
        if cell.kind == "answer":
            saved |= _definitions(cell.source)
    changed = []
    for name, definition in saved.items():
        source = source_of(_file_of(namespace.get(name)))
        ran = _definitions(source).get(name) if source else None
        if ran is not None and ran != definition:
            changed.append(name)
    return changed


def _definitions(source: str) -> dict[str, str]:
    """The functions and classes that a cell defines: name -> its code, told without layout."""
    tree = parse(source)
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    body = tree.body if tree is not None else []
    try:
        return {node.name: ast.dump(node) for node in body if isinstance(node, kinds)}
    except RecursionError:
        return {}


def _file_of(value: Any) -> str:
    """The file of a function's code, or of a class's first method; empty if it has none."""
    parts = list(vars(value).values()) if isinstance(value, type) else [value]
    for part in parts:
        code = getattr(getattr(part, "__func__", part), "__code__", None)
        if isinstance(code, CodeType):
            return code.co_filename
    return ""


def _list_of(names: list[str]) -> str:
    shown = ", ".join(f"<code>{escape(name)}</code>" for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
