"""Notebooks as they were handed in: read without following links, under safe names."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from introml.grader.notebook import archives
from introml.grader.notebook.archives import ArchiveError, Source
from introml.grader.notebook.notebook_file import MAX_BYTES

#: A byte more than a notebook may have is enough to see that it is too big.
_KEPT = MAX_BYTES + 1
#: A file with holes may be longer than a disk: beyond this its length stands for the rest.
_HASHED = 1 << 26
_LONGEST_NAME = 120
#: What `introml grade` itself writes into the folder of results.
RESERVED = ("grades.csv", "left_out.csv", "run.json")
_UNSAFE = re.compile(r"[^\w .+,=@'’()\[\]~-]|^[.\s-]+|[.\s]+$")


@dataclass(frozen=True)
class Content:
    """The bytes of an upload, cut where they are too many; the hash is of some 100 MB of them.

    `refused` says, to the student, why there are none.
    """

    data: bytes
    sha256: str
    refused: str = ""


def read(source: Path | Source, most: int = _KEPT) -> Content:
    """The content of an ordinary file, or of one in an archive: `most` bytes of it at most.

    A link, a pipe or a device is refused, not opened. Raises nothing: what cannot be read is one
    refused submission, and no others are concerned.
    """
    if isinstance(source, Path):
        source = Source(source)
    if source.inside:
        try:
            data = archives.read(source, most)
        except ArchiveError as problem:
            return refused(str(problem))
        return Content(data, hashlib.sha256(data).hexdigest())
    try:
        return _read(source.path, most)
    except OSError as problem:
        return refused(_why_not(source.path, problem))


def refused(words: str) -> Content:
    """What has no content that could be read; `words` say why to the student."""
    return Content(b"", hashlib.sha256(b"").hexdigest(), words)


def _read(path: Path, most: int) -> Content:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return refused(_NO_FILE)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(most)
        if most < _KEPT:  # only its beginning is wanted
            return Content(data, hashlib.sha256(data).hexdigest())
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
