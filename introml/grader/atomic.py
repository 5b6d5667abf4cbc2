"""Files that are there whole or not at all, whenever the power goes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def write(path: Path, data: bytes | str, *, private: bool = False) -> None:
    """Replace the file `path` by one with `data`; a crash at any instant leaves old or new.

    The new file is on the disk, under its final name, when this returns. A symlink at `path` is
    replaced, not followed. A `private` one can be read by its owner alone, whatever the umask, and
    whatever was there before. The new file's first name is always the same, so that what a killed
    writer leaves there is taken away: two writers of one file must not be at work at once.
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    mode = 0o600 if private else 0o644
    with drafted(path, fresh, mode) as file:
        if private:
            keep_private(file.fileno())
        file.write(raw)


@contextmanager
def drafted(path: Path, draft: Path, mode: int) -> Iterator[IO[bytes]]:
    """A new file `draft` beside `path`, to write to, which takes its place when all is on the disk.

    Where that fails, nothing of the draft is left.
    """
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def keep_private(place: Path | int) -> None:
    """Close a file or folder of this user's, or an open one, to all others.

    Under sudo it goes to the one who typed the command, who could not read it else.
    """
    folder = stat.S_ISDIR(os.stat(place).st_mode)
    os.chmod(place, 0o700 if folder else 0o600)
    if os.geteuid() == 0 and (caller := os.environ.get("SUDO_UID", "")).isdecimal():
        os.chown(place, int(caller), -1)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk: without it a renamed file can be lost in a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
