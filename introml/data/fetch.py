"""Files from the network, fetched once, accepted only if their checksum is right, and kept."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten


def cache_folder() -> Path:
    """Where fetched files are kept: `$INTROML_DATA`, or else the system's cache folder."""
    import pooch

    return Path(os.environ.get("INTROML_DATA") or pooch.os_cache("introml"))


def fetch(name: str, mirrors: Sequence[str], sha256: Mapping[str, str]) -> dict[str, Path]:
    """The paths of the files named in `sha256`, all of them, fetched where they are not kept yet.

    `mirrors` are addresses that end in "/", tried in order; `sha256` maps each file's name to its
    checksum; `name` is the sub-folder of `cache_folder()`.
    Raises `OSError` when no mirror can be reached, and `ValueError` when one answered with content
    of the wrong checksum and no other had the right one. Such content is never kept.
    """
    return {file: _fetch_file(name, mirrors, file, sum_) for file, sum_ in sha256.items()}


def _fetch_file(name: str, mirrors: Sequence[str], file: str, sha256: str) -> Path:
    # Imported here: pooch brings an HTTP client, which the data inside the book does not need.
    import pooch

    folder = cache_folder() / name
    unreachable, wrong = [], []
    for mirror in mirrors:
        try:
            downloader = pooch.HTTPDownloader(timeout=10)
            path = pooch.retrieve(
                mirror + file, f"sha256:{sha256}", file, folder, downloader=downloader
            )
            return Path(path)
        except OSError as error:
            unreachable.append(shorten(f"{mirror}: {type(error).__name__}: {error}", 150))
        except ValueError:
            wrong.append(mirror)
    if wrong:
        raise ValueError(
            f"{file} from {', '.join(wrong)} does not have the SHA-256 {sha256} that it must have, "
            "so it was thrown away. A login page of the network can stand in for the file: open "
            "one of the addresses in a browser, then try again."
        )
    raise OSError(f"{file} could not be fetched. " + "; ".join(unreachable))
