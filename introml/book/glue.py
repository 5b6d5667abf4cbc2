"""Numbers that the prose of a page quotes: computed in a cell, never typed."""

from __future__ import annotations


def glue(**numbers: object) -> None:
    """Give each value a name under which the page's text can quote it.

    In the text, ``{glue:text}`final_loss:.2f` `` then shows the value of `glue(final_loss=…)`.
    """
    from IPython.display import display

    for name, value in numbers.items():
        plain = value.item() if hasattr(value, "item") else value
        # The metadata that myst-nb's glue looks for; the cell itself shows nothing in the page.
        display(
            {"application/papermill.record/text/plain": repr(plain)},
            metadata={"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}},
            raw=True,
        )
