"""A notebook's file, up to its cells: refused by size and shape before anything is believed."""

from __future__ import annotations

import json
from typing import Any

#: Bytes of a notebook, and in it: cells, and lists and objects of any kind.
MAX_BYTES, MAX_CELLS, MAX_PARTS = 10_000_000, 2000, 500_000
SMALLER = "Clear all outputs (JupyterLab: Edit, Clear Outputs of All Cells), save, and try again."


class Refused(Exception):
    """Its text is for the student: what is wrong with the file, and what to do."""


def too_big(size: int) -> str:
    return (
        f"The file is {size / 1e6:.0f} MB; a notebook may have {MAX_BYTES / 1e6:.0f} MB. {SMALLER}"
    )


def raw_cells(data: bytes) -> tuple[list[Any], dict[str, Any]]:
    """The notebook's raw cells and its metadata. Raises `Refused`."""
    if len(data) > MAX_BYTES:
        raise Refused(too_big(len(data)))
    if not data.strip():
        raise Refused("The file is empty. Save your notebook and hand it in again.")
    if data.count(b"{") + data.count(b"[") > MAX_PARTS:
        raise Refused(f"The notebook has too many parts to read. {SMALLER}")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Refused(
            "The file is not UTF-8 text, so it is not a notebook. Hand in the .ipynb file that "
            "JupyterLab saves."
        ) from None
    except RecursionError:
        raise Refused(
            "The file is nested too deeply to be a notebook. Hand in the .ipynb file that "
            "JupyterLab saves."
        ) from None
    except ValueError as problem:
        line = getattr(problem, "lineno", None)
        place = f" (it stops being JSON in line {line})" if line else ""
        raise Refused(
            f"The file is not a notebook{place}. Hand in the .ipynb file that JupyterLab saves, "
            "not a .py or .html export."
        ) from None
    if not isinstance(notebook, dict):
        raise Refused("The file is JSON but not a notebook. Hand in the .ipynb file of the lab.")
    version, cells = notebook.get("nbformat"), notebook.get("cells")
    if "worksheets" in notebook or (type(version) is int and version < 4):
        raise Refused(
            "The notebook is in an old format. Open it in JupyterLab, save it, and hand in that."
        )
    if version != 4 or type(version) is not int or not isinstance(cells, list):
        raise Refused("The file is JSON but not a notebook. Hand in the .ipynb file of the lab.")
    if len(cells) > MAX_CELLS:
        raise Refused(
            f"The notebook has {len(cells)} cells; it may have {MAX_CELLS}. Delete those that you "
            "don't need."
        )
    metadata = notebook.get("metadata")
    return cells, metadata if isinstance(metadata, dict) else {}
