"""Files that are there whole or not at all, whenever the power goes."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, data: bytes | str) -> None:
    """Replace the file `path` by one with `data`; a crash at any instant leaves old or new.

    The new file is on the disk, under its final name, when this returns. A symlink at `path` is
    replaced, not followed. The new file's first name is always the same, so that what a killed
    writer leaves there is overwritten: two writers of one file must not be at work at once.
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk: without it a renamed file can be lost in a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
