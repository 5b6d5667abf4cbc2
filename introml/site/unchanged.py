"""Files whose time says when their content last changed, which is what other steps go by."""

from pathlib import Path


def write_if_changed(path: Path, content: bytes) -> bool:
    """Write the file unless it has this content already; returns whether it was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True
