"""What a grade depends on beside the submission, the lab and the seed: code, Python, packages.

Results under one fingerprint may stand beside each other; after a mend in the grader, or with
another PyTorch, a submission is graded again. The processor's instruction set is noted with each
result (`checker.environment`), and is no part of this.
"""

from __future__ import annotations

import ast
import hashlib
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from introml.book.dependencies import PACKAGE, Modules, Scan, scan_module
from introml.book.paths import ROOT
from introml.grader.lab import Lab, parse

#: Where grading begins, and what writes down the result.
_CHECKER, _WRITER = "introml.grader.run.checker", "introml.grader.run.store"
_REQUIREMENT = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Fingerprint:
    """`grader` is a sha256 of the code, `packages` are name -> version and a hash of the files."""

    grader: str
    python: str
    packages: dict[str, str]

    @classmethod
    def of(cls, lab: Lab, root: Path = ROOT) -> Fingerprint:
        """What today's files amount to: the grader's in `root`, and the packages of this Python.

        It takes some tenths of a second; then a millisecond, until one of the files changes.
        """
        version, stamps, found = _known.get((root, lab.folder), ("", {}, None))
        if found and version == lab.version and all(_stamp(x) == was for x, was in stamps.items()):
            return found
        files, names = files_used(lab, root)
        packages = _packages(names)
        folders = {path.parent for path in files}
        folders |= {Path(str(one.locate_file(""))) for one in packages.values()}
        stamps = {path: _stamp(path) for path in (*files, *folders)}
        found = cls(
            _digest(files, root),
            platform.python_version(),
            {name: f"{one.version} {_content(one)}".strip() for name, one in packages.items()},
        )
        _known[root, lab.folder] = lab.version, stamps, found
        return found


#: (grader's folder, lab's folder) -> the lab's version, what was looked at, what was found
_known: dict[tuple[Path, Path], tuple[str, dict[Path, tuple[int, int]], Fingerprint]] = {}


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def files_used(lab: Lab, root: Path = ROOT) -> tuple[list[Path], set[str]]:
    """The files of the package in `root` that grading the lab uses, and others' modules."""
    folders = {path.parent for path in (lab.public_checks, lab.hidden_checks) if path}
    beside = sorted(path for folder in folders for path in folder.glob("*.py"))
    checks = [_read(path, path.parent, _stamp(path)) for path in beside]
    modules = Modules(root, lambda path: _read(path, root, _stamp(path)).scan)
    imports = {name for one in checks for name in one.scan.imports}
    start = Scan((_CHECKER, *imports), dynamic=any(one.scan.dynamic for one in checks))
    checking = modules.closure(start)
    files = modules.with_data(checking | modules.closure(Scan((_WRITER,))))
    names = {x for path in checking for x in _read(path, root, _stamp(path)).others}
    names |= {x for one in checks for x in one.others}
    names |= {x for cell in lab.cells if cell.is_code for x in _imported(cell.source)}
    own = {PACKAGE, *(path.stem for path in beside)}
    return sorted(files), names - own - sys.stdlib_module_names


class _Module(NamedTuple):
    """What a module of the package refers to, and the first parts of other names it imports."""

    scan: Scan
    others: frozenset[str]


@lru_cache(maxsize=1000)
def _read(path: Path, root: Path, stamp: tuple[int, int]) -> _Module:
    source = path.read_text(encoding="utf-8", errors="replace")
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    scan = scan_module(source, name, is_package=path.stem == "__init__")
    return _Module(scan, frozenset(_imported(source)))


def _imported(source: str) -> Iterator[str]:
    """The first parts of the names that Python code imports."""
    for node in ast.walk(parse(source) or ast.Module([], [])):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _digest(files: Iterable[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _packages(modules: Iterable[str]) -> dict[str, metadata.Distribution]:
    """The installed packages that these modules are of, and those that they require, by name."""
    found: dict[str, metadata.Distribution] = {}
    wanted = [one for name in modules if (one := _package_of(name))]
    while wanted:
        one = wanted.pop()
        if one.metadata["Name"] in found:
            continue
        found[one.metadata["Name"]] = one
        needed = [text for text in one.requires or () if "extra" not in text.partition(";")[2]]
        names = [_REQUIREMENT.match(text)[0] for text in needed]
        wanted += [other for name in names if (other := _installed(name))]
    return dict(sorted(found.items()))


def _package_of(module: str) -> metadata.Distribution | None:
    """The package with this module; mostly it has the same name, and to search takes a second."""
    if (one := _installed(module)) is not None:
        return one
    return next(map(_installed, metadata.packages_distributions().get(module, ())), None)


def _installed(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:  # of another system, perhaps
        return None


def _content(package: metadata.Distribution) -> str:
    """A short hash of the package's files, by its own record of them; empty without a record.

    What an installer adds of its own, such as compiled files and scripts, is left out.
    """
    kept = [
        line
        for line in (package.read_text("RECORD") or "").splitlines()
        if ",sha256=" in line and ".dist-info/" not in line and not line.startswith("..")
    ]
    return hashlib.sha256("\n".join(sorted(kept)).encode()).hexdigest()[:12] if kept else ""
