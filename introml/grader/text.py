"""Text of unknown origin made fit to be shown: nothing invisible in it, and not too much."""

from __future__ import annotations

import re

#: Characters that turn the direction of the text around them: with them a line can read otherwise
#: than it is written.
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
_NOT_TEXT = {*range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF, *_TURNING}
_SHOWN_AS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_SHOWN_AS |= dict.fromkeys(_NOT_TEXT, 0xFFFD)
_PLANE_ENDS = re.compile("[" + "".join(f"{chr(p * 0x10000 + 0xFFFE)}-{chr(p * 0x10000 + 0xFFFF)}"
                                       for p in range(1, 17)) + "]")  # fmt: skip


def plain(text: object, limit: int = 4000) -> str:
    """`text` with every control character made visible, at most `limit` characters and a note.

    What comes out can be written as UTF-8 and into XML 1.0. Newline and tab stay.
    """
    text = text if isinstance(text, str) else str(text)
    cut = len(text) - limit
    text = _PLANE_ENDS.sub("\ufffd", text[:limit].translate(_SHOWN_AS))
    return f"{text}\n… ({cut} more characters are left out)" if cut > 0 else text


def one_line(text: object, limit: int = 300) -> str:
    """`plain` on one line: every run of white space becomes one space."""
    text = " ".join(plain(text, limit * 4).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cell_label(ident: str) -> str:
    """The words for a cell: "Cell 'attention'", or "Cell 7" for one that is known by its place."""
    return ident.capitalize() if ident.startswith("cell ") else f"Cell {ident!r}"
