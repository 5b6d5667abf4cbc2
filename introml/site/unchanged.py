"""Files whose time says when their content last changed, which is what other steps go by."""

import os
import shutil
from pathlib import Path


def write_if_changed(path: Path, content: bytes) -> bool:
    """Write the file unless it has this content already; returns whether it was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True


def mirror(source: Path, target: Path) -> list[str]:
    """Make `target` hold the files of `source` and no others; returns what was written anew.

    A file is replaced at once, never written to while somebody reads it.
    """
    wanted = {path.relative_to(source): path for path in source.rglob("*") if path.is_file()}
    for old in sorted(target.rglob("*"), reverse=True):
        if old.is_dir() and not old.is_symlink():
            if not any(old.iterdir()):
                old.rmdir()
        elif old.relative_to(target) not in wanted:
            old.unlink()
    written = []
    for name, path in wanted.items():
        new, old = path.stat(), target / name
        # copy2 keeps the time, so equal times and sizes mean an earlier copy of this very file.
        if old.is_file() and _mark(old.stat()) == _mark(new):
            continue
        old.parent.mkdir(parents=True, exist_ok=True)
        draft = old.with_name(f".{old.name}.{os.getpid()}")
        shutil.copy2(path, draft)
        draft.replace(old)
        written.append(name.as_posix())
    return sorted(written)


def _mark(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size
