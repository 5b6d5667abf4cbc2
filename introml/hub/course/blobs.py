"""Submitted bytes on disk, each under its hash: written once, never changed, checked when read."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from introml.grader.atomic import drafted, sync_folder

_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobDamaged(Exception):
    """What lies on disk is not what was handed in: says which, and what to do."""


class Blobs:
    """A folder of files named by the sha256 of what they hold."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, data: bytes) -> str:
        """Store `data` and return its sha256. When this returns, the bytes are on the disk.

        Where they cannot be, nothing of them is left. May be `OSError`.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        if path.exists():
            return sha256
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with drafted(path, path.parent / f".{secrets.token_hex(8)}", 0o600) as file:
            file.write(data)
        sync_folder(self.folder)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes with that hash. Raises `BlobDamaged` if they are gone or changed."""
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise BlobDamaged(
                f"the submitted file {sha256} is missing from {self.folder}; bring it back from a "
                "backup (introml hub restore)"
            ) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobDamaged(
                f"the submitted file {sha256} in {self.folder} was changed on disk; bring it back "
                "from a backup (introml hub restore)"
            )
        return data

    def remove(self, sha256: str) -> None:
        """Erase one; to erase what is not there is no error."""
        self._path(sha256).unlink(missing_ok=True)

    def all(self) -> Iterator[str]:
        """The hashes of what is stored, sorted."""
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(p.name for p in folder.iterdir() if _SHA256.fullmatch(p.name))

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no sha256: 64 digits from 0-9 and a-f")
        return self.folder / sha256[:2] / sha256
