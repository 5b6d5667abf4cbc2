"""A notebook's file, up to its cells: what is no notebook is named, and what to do with it is said.

Every format that Jupyter has written is read, in whatever encoding the file was saved. The work is
bounded by the file's bytes and by the number of its parts before anything is believed.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import Any

from introml.grader.notebook.no_notebook import what_it_is

#: Bytes of a notebook, and in it: cells; objects and lists, or names in them; and items, of any
#: kind. Within these bounds a file is read in a second or two, and an honest one in milliseconds.
MAX_BYTES, MAX_CELLS, MAX_PARTS, _MAX_ITEMS = 40_000_000, 2000, 500_000, 2_000_000
SMALLER = "Clear all outputs (JupyterLab: Edit, Clear Outputs of All Cells), save, and try again."
_WHOLE = "Hand in the .ipynb file that JupyterLab saves"
#: Characters behind a notebook's end in which no second notebook begins.
_LEFT_BEHIND = 100_000
_CONFLICT = re.compile(r"^(?:<{7}|>{7}|={7}|\|{7})(?: .*)?$", re.MULTILINE)


class Refused(Exception):
    """Its text is for the student: what is wrong with the file, and what to do."""


@dataclass(frozen=True)
class RawNotebook:
    """A notebook's raw cells and metadata, not looked into yet, and remarks on the file."""

    cells: list[Any]
    metadata: dict[str, Any]
    notes: tuple[str, ...] = ()


def too_big(size: int) -> str:
    return (
        f"The file is {size / 1e6:.0f} MB; a notebook may have {MAX_BYTES / 1e6:.0f} MB. {SMALLER}"
    )


def raw_cells(data: bytes) -> tuple[list[Any], dict[str, Any]]:
    """The notebook's raw cells and its metadata. Raises `Refused`."""
    read = raw_notebook(data)
    return read.cells, read.metadata


def raw_notebook(data: bytes) -> RawNotebook:
    """The notebook in a file's bytes. Raises `Refused`."""
    if len(data) > MAX_BYTES:
        raise Refused(too_big(len(data)))
    if not data.strip(b" \t\r\n\0"):
        raise Refused("The file is empty. Save your notebook and hand it in again.")
    if known := what_it_is(data):
        raise Refused(known)
    parts = max(data.count(b"{") + data.count(b"["), data.count(b'":'))
    if parts > MAX_PARTS or data.count(b",") > _MAX_ITEMS:
        raise Refused(f"The notebook has too many parts to read. {SMALLER}")
    text, notes = _text(data)
    node = _parsed(text)
    if not isinstance(node, dict):
        raise Refused("The file is JSON but not a notebook. Hand in the .ipynb file of the lab.")
    cells = node.get("cells")
    if not isinstance(cells, list) and isinstance(node.get("worksheets"), list):
        cells = _cells_of_format_3(node["worksheets"])
    if not isinstance(cells, list):
        raise Refused("The file is JSON but not a notebook. Hand in the .ipynb file of the lab.")
    if len(cells) > MAX_CELLS:
        raise Refused(
            f"The notebook has {len(cells)} cells; it may have {MAX_CELLS}. Delete those that you "
            "don't need."
        )
    metadata = node.get("metadata")
    return RawNotebook(cells, metadata if isinstance(metadata, dict) else {}, notes)


def _text(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The file as text, and a remark where its encoding is not what notebooks are written in."""
    encoding = "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else json.detect_encoding(data)
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError:
        pass
    # Where most of it is UTF-8 the file was damaged; else it was saved by Windows' own rules.
    text = data.decode("utf-8", "replace")
    wrong, right = text.count("\ufffd"), len(text) - len(text.encode("ascii", "ignore"))
    if 2 * wrong > right:
        text = data.decode("cp1252", "replace")
    return text, (
        "The file is not in UTF-8, as notebooks are; letters beyond a–z may have been read "
        "wrongly. Open it in JupyterLab and save it.",
    )


def _parsed(text: str) -> Any:
    """The JSON in the text. Of a key that is there twice the last counts, as in Jupyter."""
    try:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # a number of more digits than Python likes: no cell's text
            return json.loads(text, parse_int=lambda digits: int(digits[:20]))
    except RecursionError:
        raise Refused(f"The file is nested too deeply to be a notebook. {_WHOLE}.") from None
    except json.JSONDecodeError as problem:
        after = text[problem.pos :]
        # A whole notebook, and then what a disk or an editor left behind it.
        if problem.msg == "Extra data" and "{" not in after[: _LEFT_BEHIND + 1]:
            return json.JSONDecoder().raw_decode(text.lstrip())[0]
        raise Refused(_why_no_json(text, problem)) from None


def _why_no_json(text: str, problem: json.JSONDecodeError) -> str:
    if (mark := _CONFLICT.search(text)) is not None:
        line = text.count("\n", 0, mark.start()) + 1
        return (
            f"Git has left its marks of a conflict in the file (line {line}), so it is no notebook "
            "any more. Keep one of the two versions (git checkout --ours or --theirs, then the "
            "file's name), look at it in JupyterLab, save it, and hand that in."
        )
    if text.lstrip("\ufeff \t\r\n")[:1] != "{":
        return (
            f"The file is not a notebook (it stops being JSON in line {problem.lineno}). {_WHOLE}, "
            "not a .py or .html export."
        )
    rest = text[problem.pos :].strip()
    if not rest or problem.msg.startswith("Unterminated string"):
        return (
            f"The file ends in the middle of the notebook, in line {text.count(chr(10)) + 1}: it "
            "was not saved or not copied to its end. Save it again in JupyterLab, and hand in that."
        )
    return (
        f"The file is damaged: it stops being a notebook in line {problem.lineno}. Open it in "
        "JupyterLab and save it; if it does not open there, take an earlier copy of it."
    )


def _cells_of_format_3(worksheets: list[Any]) -> list[Any]:
    """The cells of formats 2 and 3 in the form of 4: IPython wrote them until 2015."""
    cells: list[Any] = []
    for sheet in worksheets:
        inside = sheet.get("cells") if isinstance(sheet, dict) else None
        for cell in inside if isinstance(inside, list) else ():
            if isinstance(cell, dict) and cell.get("cell_type") == "code" and "input" in cell:
                cell = {**cell, "source": cell["input"]}
            cells.append(cell)
    return cells
