"""The claim of a cell tagged `checked`: what it proves each time it runs."""

TAG = "checked"


def claim_of(source: str) -> str | None:
    """The claim of a checked cell: its first line, which is a comment; `None` if it is none."""
    first = source.strip().split("\n", 1)[0]
    return first[1:].strip() or None if first.startswith("#") else None
