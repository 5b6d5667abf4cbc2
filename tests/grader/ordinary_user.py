"""Runs a command as an ordinary user, where root's home hides the interpreter too.

    python ordinary_user.py COMMAND …

In a mount namespace of its own, folders on the way to the interpreter and to this repository that
only root may enter are replaced by ones that all may enter.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from introml.grader.box import kernel  # noqa: E402

USER = 12345


def first_closed(path: Path) -> Path | None:
    """The first folder on the way to `path` that others may not enter."""
    for folder in [*reversed(path.parents), path]:
        if not folder.stat().st_mode & 0o001:
            return folder
    return None


def open_the_way() -> None:
    kernel.unshare(kernel.NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    wanted = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), ROOT}
    closed = {path: folder for path in wanted if (folder := first_closed(path))}
    kept = {}
    for path in closed:
        kept[path] = tempfile.mkdtemp()
        kernel.bind(str(path), kept[path])
    for folder in set(closed.values()):
        kernel.mount("tmpfs", str(folder), "tmpfs", 0, "mode=755")
    for path, place in kept.items():
        path.mkdir(parents=True, exist_ok=True)
        kernel.bind(place, str(path))


if __name__ == "__main__":
    if os.getuid() == 0:
        open_the_way()
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    os.environ["HOME"] = tempfile.mkdtemp()
    os.execv(sys.argv[1], sys.argv[1:])
