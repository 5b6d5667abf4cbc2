"""What is packed in a file: the members of an archive, and the functions in compiled Python."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import lzma
import marshal
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from types import CodeType
from typing import Any

#: How many members of an archive are looked at, how large each, and how many inside each other.
_MOST, _LARGEST, _DEEPEST = 5_000, 2_000_000, 3
_PACKED = {b"PK\3\4": "zip", b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz"}
_OPENERS: dict[str, Any] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
_TAR_AT = 257
_HEAD_OF_PYC = 16
_UNREADABLE = (
    OSError, ValueError, EOFError, RuntimeError, NotImplementedError, tarfile.TarError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is an archive, or compressed. 512 bytes tell it."""
    return head[_TAR_AT : _TAR_AT + 5] == b"ustar" or any(map(head.startswith, _PACKED))


def members(name: str, data: bytes, deep: int = 0) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the files in an archive, in those in it too; of another file, itself.

    What cannot be read is left out, and so are large members.
    """
    if deep >= _DEEPEST or not is_packed(data[:512]):
        yield name, data
        return
    try:
        for inside, content in _opened(name, data):
            yield from members(inside, content, deep + 1)
    except _UNREADABLE:
        return


def _opened(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    kind = next((kind for start, kind in _PACKED.items() if data.startswith(start)), "tar")
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for one in archive.infolist()[:_MOST]:
                if not one.is_dir() and one.file_size <= _LARGEST:
                    with archive.open(one) as file:
                        yield one.filename, file.read(_LARGEST)
        return
    if kind != "tar":
        with _OPENERS[kind](io.BytesIO(data)) as file:
            head = file.read(512)
            if not is_packed(head):
                yield name.rpartition(".")[0], head + file.read(_LARGEST)
                return
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|*") as archive:
        for number, member in enumerate(archive):
            if number >= _MOST:
                return
            fits = member.isreg() and member.size <= _LARGEST
            content = archive.extractfile(member) if fits else None
            if content is not None:
                yield member.name, content.read()


def text_of_compiled(data: bytes) -> str:
    """Compiled Python as far as it tells what a module defines: heads of functions, and texts.

    "" for what another Python has compiled.
    """
    if data[:4] != importlib.util.MAGIC_NUMBER:
        return ""
    try:
        code = marshal.loads(data[_HEAD_OF_PYC:])
    except (ValueError, EOFError, TypeError):
        return ""
    return "\n".join(_lines(code, "")) if isinstance(code, CodeType) else ""


def _lines(code: CodeType, indent: str) -> Iterator[str]:
    for one in code.co_consts:
        if isinstance(one, str):
            yield one
        elif isinstance(one, CodeType) and one.co_name.isidentifier():
            unanswered = one.co_names == ("NotImplementedError",)
            body = "raise NotImplementedError" if unanswered else " ".join((".", *one.co_names))
            yield f"{indent}def {one.co_name}():\n{indent}    {body}"
            yield from _lines(one, f"{indent}    ")
