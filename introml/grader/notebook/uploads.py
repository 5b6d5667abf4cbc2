"""Notebooks as they were handed in: read without following links, filed under safe names."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from introml.grader.notebook.notebook_file import MAX_BYTES

#: A byte more than a notebook may have is enough to see that it is too big.
_KEPT = MAX_BYTES + 1
#: A file with holes may be longer than a disk: beyond this its length stands for the rest.
_HASHED = 1 << 26
_LONGEST_NAME = 120
#: What `introml grade` itself writes into the folder of results.
RESERVED = ("grades.csv", "run.json")
_UNSAFE = re.compile(r"[^\w .+,=@()\[\]~-]|^[.\s-]+|[.\s]+$")


@dataclass(frozen=True)
class Upload:
    """One notebook and the name of the folder that its results go to."""

    path: Path
    folder: str


@dataclass(frozen=True)
class Content:
    """The bytes of an upload, cut where they are too many; the hash is of some 100 MB of them.

    `refused` says, to the student, why there are none.
    """

    data: bytes
    sha256: str
    refused: str = ""


def read(path: Path) -> Content:
    """The content of an ordinary file. A link, a pipe or a device is refused, not opened.

    Raises nothing: what cannot be read is one refused submission, and no others are concerned.
    """
    try:
        return _read(path)
    except OSError as problem:
        return _refused(_why_not(path, problem))


def _read(path: Path) -> Content:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return _refused(_NO_FILE)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_KEPT)
        digest = hashlib.sha256(data)
        left = _HASHED
        while left > 0 and (piece := file.read(1 << 20)):
            digest.update(piece)
            left -= len(piece)
        if left <= 0:
            digest.update(str(os.fstat(file.fileno()).st_size).encode())
    return Content(data, digest.hexdigest())


_NO_FILE = "This is not a file. Hand in a notebook (a file that ends in .ipynb)."


def _why_not(path: Path, problem: OSError) -> str:
    """Why a file could not be read, for the student and for whoever collects the files."""
    try:
        mode = os.lstat(path).st_mode
    except OSError as gone:
        return f"The file cannot be read: {gone.strerror}. Hand it in again."
    if stat.S_ISLNK(mode):
        return "This is a symbolic link, not a notebook. Hand in the file itself."
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return _NO_FILE
    return (
        f"The file cannot be read: {problem.strerror}. Whoever grades must be allowed to read it; "
        "then it is graded."
    )


def _refused(words: str) -> Content:
    return Content(b"", hashlib.sha256(b"").hexdigest(), words)


def folder_name(stem: str) -> str:
    """`stem` if it is a harmless name; else a harmless one made from it, with part of its hash.

    Harmless: letters, digits and ordinary signs, valid UTF-8, not too long, not hidden, no path.
    """
    safe = _UNSAFE.sub("_", stem.encode("utf-8", "replace").decode()).strip() or "_"
    safe = "".join(char if char.isprintable() else "_" for char in safe)
    safe = safe.encode()[:_LONGEST_NAME].decode(errors="ignore")
    if safe == stem and safe not in RESERVED:
        return stem
    digest = hashlib.sha256(stem.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digest}"


def file_away(
    paths: Sequence[Path], taken: Callable[[str, Path], bool] = lambda name, path: False
) -> list[Upload]:
    """A folder's name for each notebook, none twice, the same whatever the order of `paths`.

    The stem; where two notebooks would share it, or `taken(name, path)` says that it belongs to
    another one from an earlier run, the name of the parent folder is put in front, and its parent's
    if need be. A path that is given twice counts once.
    """
    unique = sorted({Path(os.path.abspath(path)) for path in paths}, key=os.fsencode)
    depth = dict.fromkeys(unique, 0)
    for _ in range(64):
        names = {path: _name_at(path, depth[path]) for path in unique}
        holders: dict[str, list[Path]] = {}
        for path, name in names.items():
            holders.setdefault(name.casefold(), []).append(path)
        crowded = {path for several in holders.values() if len(several) > 1 for path in several}
        crowded |= {path for path, name in names.items() if taken(name, path)}
        deeper = {path for path in crowded if depth[path] < len(path.parts) - 2}
        if not deeper:
            break
        for path in deeper:
            depth[path] += 1
    for path in crowded:
        names[path] = f"{names[path]}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    return [Upload(path, names[path]) for path in unique]


def _name_at(path: Path, depth: int) -> str:
    parents = path.parts[len(path.parts) - 1 - depth : -1]
    return folder_name("-".join([*parents, path.stem]))
