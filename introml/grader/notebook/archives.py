"""ZIP archives as they are handed in, read in memory and with bounds: nothing is ever unpacked.

So no name in one leads anywhere, and no archive is larger than what is taken of it.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

#: Archives in archives in archives, and bytes that one within another may have.
DEEPEST, _LARGEST_INNER = 3, 100_000_000
#: Bytes of an archive's list of its members: some hundred thousand of them.
_LARGEST_LIST = 8_000_000
#: Ways of packing that need little memory, whatever an archive says of itself.
_KNOWN_WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
#: Systems that say they packed an archive, Unix and macOS, where folders end in slashes alone.
_NOT_WINDOWS = (3, 7, 19)
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x06"


class ArchiveError(Exception):
    """An archive, or a file in it, cannot be read; the text says why, and what to do."""


@dataclass(frozen=True)
class Source:
    """Where a file lies: on the disk, or in an archive there, by the names that lead to it.

    `inside` are names as the archives write them: nothing to open on a disk.
    """

    path: Path
    inside: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "/".join([str(self.path), *self.inside])


@dataclass(frozen=True)
class Member:
    """A file in an archive: its path in readable names, and why it is not read, if so.

    One is `replaced` if another of the same name comes after it.
    """

    source: Source
    parts: tuple[str, ...]
    refused: str = ""
    replaced: bool = False


def is_archive(name: str) -> bool:
    """Whether a file is an archive by its name."""
    return name.casefold().endswith(".zip")


def members(source: Source) -> Iterator[Member]:
    """The files in an archive, without its folders. Raises `ArchiveError`."""
    if len(source.inside) >= DEEPEST:
        raise ArchiveError("There are archives within archives within archives. Unpack them.")
    with _opened(source) as archive:
        last = {info.filename: info for info in archive.infolist()}
        for info in archive.infolist():
            if info.filename.endswith("/"):
                continue
            parts = _parts(info)
            inside = Source(source.path, (*source.inside, info.filename))
            replaced = last[info.filename] is not info
            yield Member(inside, parts or ("_",), _why_not(info), replaced)


def read(source: Source, most: int) -> bytes:
    """The first bytes of a file in an archive, `most` of them at most. Raises `ArchiveError`."""
    outer = Source(source.path, source.inside[:-1])
    with _opened(outer) as archive:
        return _read(archive, source.inside[-1], most)


def readable(raw: bytes, *, packed: bool = False) -> str:
    """A file's name as it was meant, whichever system wrote it: UTF-8, or Windows in the west.

    In archives (`packed`) Windows writes names as its console would, elsewhere as its desktop does.
    """
    encodings = ("cp850", "cp1252") if packed else ("cp1252", "cp850")
    for encoding in ("utf-8", *encodings, "gb18030"):
        try:
            name = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or all(char.isascii() or _is_letter(char) for char in name):
            return name
    return raw.decode("cp437" if packed else "utf-8", "replace")


def _is_letter(char: str) -> bool:
    return unicodedata.category(char) in ("Ll", "Lu", "Lo", "Mn")


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    name = info.filename
    if not info.flag_bits & 0x800:  # else it says that it is UTF-8
        name = readable(name.encode("cp437", "replace"), packed=True)
    # Elsewhere a backslash is part of a name, and must not begin one of another student's.
    windows = info.create_system not in _NOT_WINDOWS
    parts = re.split(r"[/\\]" if windows else "/", name)
    return tuple(one for one in parts if one not in ("", ".", ".."))


def _why_not(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        return "This is a symbolic link, not a notebook. Hand in the file itself."
    if info.flag_bits & 1:
        return "It is locked with a password in its archive. Hand in the .ipynb file itself."
    if info.compress_type not in _KNOWN_WAYS:
        return "It is packed in a way that is not read here. Hand in the .ipynb file itself."
    return ""


def _opened(source: Source) -> zipfile.ZipFile:
    """The archive at a source. Raises `ArchiveError`."""
    try:
        file: IO[bytes] = _file(source.path)
        archive = _zip(file)
        for name in source.inside:
            with archive:
                inner = _read(archive, name, _LARGEST_INNER + 1)
            if len(inner) > _LARGEST_INNER:
                raise ArchiveError(
                    f"An archive within it has more than {_LARGEST_INNER / 1e6:g} MB. Unpack it."
                )
            archive = _zip(io.BytesIO(inner))
    except OSError as problem:
        raise ArchiveError(f"The archive cannot be read: {problem.strerror}.") from None
    return archive


def _file(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ArchiveError("This is not a file.")
    return os.fdopen(descriptor, "rb")


def _zip(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        if _size_of_list(file) > _LARGEST_LIST:
            raise ArchiveError("The archive has too many files. Unpack it, and give the folder.")
        return _Closing(file)
    except (zipfile.BadZipFile, ValueError, LookupError, struct.error, NotImplementedError):
        file.close()
        raise ArchiveError(
            "This is a damaged archive, or none, whatever its name says. Unpack it if you can, and "
            "hand in the .ipynb file in it."
        ) from None


class _Closing(zipfile.ZipFile):
    """An archive that closes its file with it."""

    def close(self) -> None:
        file = self.fp
        super().close()
        if file is not None:
            file.close()


def _size_of_list(file: IO[bytes]) -> int:
    """How many bytes the list of members has, by the archive's end. Raises `struct.error`."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - (1 << 16) - 100)
    file.seek(start)
    tail = file.read()
    file.seek(0)
    end = tail.rfind(_END)
    if end < 0:
        raise struct.error("no end of an archive")
    (found,) = struct.unpack_from("<I", tail, end + 12)
    large = tail.rfind(_END_64, 0, end)
    if large >= 0:
        (told,) = struct.unpack_from("<Q", tail, large + 40)
        found = max(0 if found == 0xFFFF_FFFF else found, told)
    return min(found, size)


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        info = archive.getinfo(name)
        if refused := _why_not(info):
            raise ArchiveError(refused)
        with archive.open(info) as file:
            return file.read(most)
    except KeyError:
        raise ArchiveError("It is no longer in its archive.") from None
    except (
        zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, LookupError, RuntimeError,
        struct.error,
    ):  # fmt: skip
        # NotImplementedError is a RuntimeError.
        raise ArchiveError(
            "It is damaged in its archive. Unpack it if you can, and hand in the .ipynb file."
        ) from None
