"""Packages that are installed here, copied to another environment: fast, and without a network."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def copy_packages(requirements: Iterable[str], prefix: Path) -> set[str]:
    """Copy those of the requirements that are installed here to the environment at `prefix`.

    Nothing but what a package's own record names is copied, so nothing that was installed from a
    folder comes along. What a new environment has of the same name (setuptools, say) gives way.
    The Python there must be of this version and kind. The requirements met.
    """
    pins = [(Requirement(text), text) for text in requirements]
    wanted = {canonicalize_name(one.name): (one.specifier, text) for one, text in pins}
    site = sysconfig.get_path("purelib")
    there = importlib.metadata.distributions(path=[os.path.join(prefix, _from_prefix(site))])
    replaced = {canonicalize_name(one.name): one for one in there if one.files}
    met = set()
    folder_for = cache(_open_folder)
    for distribution in importlib.metadata.distributions(path=[site]):
        name = canonicalize_name(distribution.name)
        specifier, text = wanted.get(name, (None, ""))
        if specifier is not None and specifier.contains(distribution.version, prereleases=True):
            files = _files_of(distribution, sys.prefix)
            if files and name in replaced:
                _remove(_files_of(replaced[name], str(prefix)))
            for source in files:
                target = os.path.join(prefix, _from_prefix(source))
                folder_for(os.path.dirname(target))
                _copy(source, target, prefix)
            if files:
                met.add(text)
    return met


def _from_prefix(path: str) -> str:
    return os.path.relpath(path, sys.prefix)


def _files_of(distribution: importlib.metadata.Distribution, prefix: str) -> list[str]:
    """In an order that ends with METADATA: pip takes for installed what has it."""
    files = (str(distribution.locate_file(file)) for file in distribution.files or ())
    paths = [os.path.normpath(file) for file in files]
    mine = (path for path in paths if path.startswith(prefix + os.sep) and os.path.isfile(path))
    return sorted(mine, key=lambda path: path.endswith(f"{os.sep}METADATA"))


def _remove(files: list[str]) -> None:
    for path in files:
        os.unlink(path)
    # The folder that METADATA lay in would still be taken for a package.
    shutil.rmtree(os.path.dirname(files[-1]))


def _open_folder(path: str) -> None:
    """Make a folder, and those above it, for all to enter, whatever the umask."""
    if not os.path.isdir(path):
        _open_folder(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, 0o755)


def _copy(source: str, target: str, prefix: Path) -> None:
    """Readable by all; a program begins with the Python that it is run by, the new one."""
    status = os.stat(source)
    runs = bool(status.st_mode & 0o100)
    if runs and os.path.dirname(target) == f"{prefix}/bin":
        here, there = (os.fsencode(f"{place}/bin/python") for place in (sys.prefix, prefix))
        Path(target).write_bytes(Path(source).read_bytes().replace(here, there, 1))
    else:
        shutil.copyfile(source, target)
    os.chmod(target, 0o755 if runs else 0o644)
    # What was compiled is valid for the time of its source.
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
