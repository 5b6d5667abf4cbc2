"""Small secrets, each made once and kept in a file that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from introml.grader.atomic import sync_folder


def made_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes in `path`; made by `make` if it is not there. All callers get the same ones.

    The file appears whole, whoever else makes it at the same time and whenever the power goes.
    """
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another one was first: take theirs
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    return path.read_bytes()
