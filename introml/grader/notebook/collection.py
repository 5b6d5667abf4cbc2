"""The files of a class as they were collected: each is a submission, or has a reason why not.

Folders and ZIP archives are looked through, whatever a learning platform called what is in them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from introml.grader.notebook import archives, uploads
from introml.grader.notebook.archives import ArchiveError, Source, is_archive, readable
from introml.grader.notebook.no_notebook import what_it_is
from introml.grader.notebook.notebook_file import MAX_BYTES
from introml.grader.notebook.whose import METADATA, Whose, submitters, whose

#: Files that are looked at in all, in one archive that a student packed, and rows of one student.
_MOST_FILES, _MOST_PACKED, _MOST_ROWS = 100_000, 500, 20
#: Files of an archive with those of the archives in it: else one student's would use up all.
_MOST_NESTED = 10 * _MOST_PACKED
_NOTEBOOK = re.compile(
    r"(?P<stem>.*)\.ipynb(?:\.(?:txt|json|download))?(?: ?\(\d+\))?", re.I | re.S
)
#: What systems and editors put beside files: folders and names.
_SYSTEMS_FOLDERS = ("__macosx", ".git", ".trashes", ".spotlight-v100", "$recycle.bin")
_SYSTEMS_FILES = re.compile(r"\._.*|\.ds_store|thumbs\.db|desktop\.ini|~\$.*|\.~lock\..*", re.I)
OF_THE_SYSTEM = "It was put there by a system, not by a student."
_CHECKPOINTS = ".ipynb_checkpoints"


class NothingThere(Exception):
    """There is no such path, or nothing in it that could be graded; the text says so."""


@dataclass(frozen=True)
class Handed:
    """A submission: where it lies, its path as it was collected, and whose it is, if that is told.

    `stem` names it among a student's files; `label` names the student, and is empty if no platform
    does. `file` is its path below what holds them all; `refused`, why it cannot be read at all.
    """

    source: Source
    parts: tuple[str, ...]
    stem: str
    student: str = ""
    label: str = ""
    late: bool = False
    file: str = ""
    refused: str = ""

    @classmethod
    def named(cls, path: Path) -> Handed:
        """A file by its name alone, whatever and whosever it is."""
        path = Path(os.path.abspath(path))
        parts = _readable_parts(path)
        return cls(Source(path), parts, _stem(parts[-1]))

    def read(self) -> uploads.Content:
        """Its content, or why it cannot be read. Raises nothing."""
        return uploads.refused(self.refused) if self.refused else uploads.read(self.source)

    def name_at(self, depth: int) -> str | None:
        """A name for it, the longer the deeper; None where there is no longer one."""
        if self.label and depth == 0:
            return self.label
        depth -= bool(self.label)
        if depth > max(0, len(self.parts) - 2):
            return None
        parents = [_without_zip(one) for one in self.parts[len(self.parts) - 1 - depth : -1]]
        return "-".join([*([self.label] if self.label else []), *parents, self.stem])


@dataclass(frozen=True)
class LeftOut:
    """A file that is no submission, and why."""

    file: str
    why: str


@dataclass(frozen=True)
class Collection:
    """What was found: the submissions, and every other file with its reason."""

    handed: tuple[Handed, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class _File:
    """A file that was found. `base` is how many of its parts are above what was named."""

    source: Source
    parts: tuple[str, ...]
    base: int
    named: bool = False
    refused: str = ""

    @property
    def told(self) -> tuple[str, ...]:
        """The parts that may say whose it is: those below what was named, and three above."""
        return self.parts[max(0, self.base - 3) :]

    @property
    def shown(self) -> str:
        return "/".join(self.parts[self.base :])


def collect(paths: Sequence[Path]) -> Collection:
    """The submissions in files, folders and archives. Raises `NothingThere`.

    A file that is named itself is a submission whatever it is; in a folder it is one by its name
    or its content. What a student handed in in place of a notebook is one as well, where a platform
    says whose it is: so nobody is missing from the grades.
    """
    looking = _Looking(_MOST_FILES // max(1, len(paths)))
    for path in paths:
        looking.look(Path(os.path.abspath(path)))
    return looking.done()


class _Looking:
    """One look through everything that was named."""

    def __init__(self, most_named: int) -> None:
        self._most_named = max(_MOST_NESTED, most_named)
        self._rooms: list[int] = []  # files that each open archive may have still, outer ones first
        self._notebooks: list[_File] = []
        self._others: list[tuple[_File, str]] = []
        self._left_out: list[LeftOut] = []
        self._lists: list[_File] = []
        self._seen: set[str] = set()

    def look(self, path: Path) -> None:
        """Look at a path that was named."""
        parts = _readable_parts(path)
        if not os.path.lexists(path):
            raise NothingThere(f"{path}: there is no such notebook")
        if path.is_dir() and not path.is_symlink():
            if not self._folder(path, len(parts)):
                raise NothingThere(f"{path}: there is no .ipynb file in this folder")
            return
        one = _File(Source(path), parts, len(parts) - 1, named=True)
        if is_archive(parts[-1]) and not path.is_symlink():
            self._archive(one, len(parts))
        elif self._is_new(one):
            self._notebooks.append(one)

    def done(self) -> Collection:
        """What was found, in the order of its paths."""
        known = self._submitters()
        found = sorted(self._notebooks, key=lambda one: os.fsencode(str(one.source)))
        owners = _owners(found, [one for one, _ in self._others], known)
        rows: dict[str, int] = {}
        handed = []
        for one in found:
            owner = owners[id(one)]
            label = owner.label if owner else ""
            rows[label] = rows.get(label, 0) + 1
            if label and rows[label] > _MOST_ROWS:
                self._leave_out(one, f"{label} has {_MOST_ROWS} notebooks before it. Choose one.")
                continue
            handed.append(_handed(one, owner))
        for one, why in sorted(self._others, key=lambda pair: os.fsencode(str(pair[0].source))):
            owner = owners[id(one)]
            label = owner.label if owner else ""
            if owner is not None and label not in rows:
                rows[label] = 1
                handed.append(_handed(one, owner))
            elif owner is not None:
                self._leave_out(one, f"It is beside what {label} has a row for. {why}")
            else:
                self._leave_out(one, why)
        if not handed:
            reasons = "".join(f"\n  {one.file}: {one.why}" for one in self._left_out[:10])
            raise NothingThere(f"there is no .ipynb file among what was named{reasons}")
        handed.sort(key=lambda one: os.fsencode(str(one.source)))
        left_out = sorted(self._left_out, key=lambda one: one.file)
        return Collection(tuple(_told(handed)), tuple(left_out))

    def _submitters(self) -> dict[str, str]:
        known: dict[str, str] = {}
        for one in self._lists:
            content = uploads.read(one.source)
            known |= submitters(content.data)
            self._leave_out(one, "Gradescope's list of who submitted; it was read.")
        return known

    def _is_new(self, one: _File) -> bool:
        """Whether this file was not found before; an endless tree of files is cut."""
        name = str(one.source)
        if name in self._seen:
            return False
        if len(self._seen) >= _MOST_FILES:
            raise NothingThere(f"there are more than {_MOST_FILES} files; name fewer folders")
        self._seen.add(name)
        return True

    def _leave_out(self, one: _File, why: str) -> None:
        self._left_out.append(LeftOut(one.shown, why))

    def _folder(self, folder: Path, base: int) -> bool:
        """Look through a folder; whether there is anything in it."""
        closed: list[OSError] = []
        anything = False
        for here, folders, files in os.walk(folder, onerror=closed.append):
            folders.sort()
            place = Path(here)
            for name in [*folders, *sorted(files)]:
                path = place / name
                is_folder = name in folders and not path.is_symlink()
                if is_folder and not _is_empty(path):
                    continue
                parts = _readable_parts(path)
                one = _File(Source(path), parts, base)
                anything = True
                if not self._is_new(one):
                    continue
                if is_folder and not _NOTEBOOK.fullmatch(name):
                    self._leave_out(one, "This folder is empty.")
                elif path.is_symlink() and not _NOTEBOOK.fullmatch(name):
                    self._leave_out(one, "This is a symbolic link; it is not followed.")
                else:
                    self._file(one)
        for problem in closed:
            path = Path(problem.filename)
            parts = _readable_parts(path)
            one = _File(Source(path), parts, min(base, len(parts) - 1))
            if self._is_new(one):
                self._notebooks.append(one)  # a row that says what could not be looked into
        return anything or bool(closed)

    def _file(self, one: _File) -> None:
        """Put a file of a folder or of an archive where it belongs."""
        inner = [part.casefold() for part in one.parts[one.base :]]
        name = one.parts[-1]
        if any(part in _SYSTEMS_FOLDERS for part in inner) or _SYSTEMS_FILES.fullmatch(name):
            self._leave_out(one, OF_THE_SYSTEM)
        elif _CHECKPOINTS in inner:
            self._others.append((one, "JupyterLab keeps this copy by itself."))
        elif _NOTEBOOK.fullmatch(name):
            self._notebooks.append(one)
        elif one.refused:
            self._others.append((one, one.refused))
        elif is_archive(name):
            self._archive(one, one.base)
        elif name == METADATA and whose(one.told, {}) is None:
            self._lists.append(one)
        else:
            why = _why_none(one.source)
            if why:
                self._others.append((one, why))
            else:
                self._notebooks.append(one)

    def _archive(self, archive: _File, base: int) -> None:
        """Look through an archive; what is wrong with it is told in its own row.

        `base` is that of the files in it.
        """
        most = _MOST_FILES if archive.named else _MOST_PACKED
        before = len(self._seen)
        within = sum(room <= _MOST_NESTED for room in self._rooms)
        total = most if within else _MOST_NESTED
        self._rooms.append(self._most_named if archive.named else total)
        try:
            for number, member in enumerate(archives.members(archive.source)):
                if number >= most or min(self._rooms) <= 0:
                    told = f"{most} files" if number >= most else "is looked at, with its archives"
                    self._leave_out(archive, f"It has more than {told}; the rest is not looked at.")
                    break
                self._rooms = [room - 1 for room in self._rooms]
                parts = (*archive.parts, *member.parts)
                one = _File(member.source, parts, base, refused=member.refused)
                if member.replaced:
                    self._leave_out(
                        one, "A file of the same name after it, in the archive, counts."
                    )
                elif self._is_new(one):
                    self._file(one)
        except ArchiveError as problem:
            self._notebooks.append(replace(archive, refused=str(problem)))
            return
        finally:
            self._rooms.pop()
        if len(self._seen) == before:
            self._notebooks.append(replace(archive, refused="This archive is empty."))


def _handed(one: _File, owner: Whose | None) -> Handed:
    name = one.parts[-1]
    if owner is not None and owner.depth == len(one.told):
        name = owner.rest or name
    stem = _stem(name)
    if owner is None:
        return Handed(one.source, one.parts, stem, refused=one.refused)
    return Handed(
        one.source, one.parts, stem, owner.student, owner.label, owner.late, refused=one.refused
    )


def _stem(name: str) -> str:
    called = _NOTEBOOK.fullmatch(name)
    return (called["stem"] if called else Path(name).stem) or "_"


def _told(handed: list[Handed]) -> Iterator[Handed]:
    """Each with its path below what holds them all, and a student's name.

    Where no platform says whose a file is, its folder does, if there are several; else its name.
    """
    above = len(_common({one.parts[:-1] for one in handed}))
    folders = {one.parts[:-1] for one in handed if not one.student}
    common = len(_common(folders))
    for one in handed:
        below = one.parts[common:-1] if len(folders) > 1 else ()
        student = one.student or (_without_zip(below[0]) if below else one.stem)
        yield replace(one, student=student, file="/".join(one.parts[above:]))


def _common(folders: set[tuple[str, ...]]) -> tuple[str, ...]:
    common = min(folders, default=())
    while any(folder[: len(common)] != common for folder in folders):
        common = common[:-1]
    return common


def _without_zip(name: str) -> str:
    return name[:-4] if is_archive(name) else name


def _owners(
    notebooks: list[_File], others: list[_File], known: dict[str, str]
) -> dict[int, Whose | None]:
    """Whose each file is. A folder's name that would make all of them one student's names none.

    Then what is below that folder tells: a class may lie in `submitted/hw1`.
    """
    owners = {id(one): whose(one.told, known) for one in [*notebooks, *others]}
    first = [owners[id(one)] for one in notebooks] or [*owners.values()]
    names = {owner.student for owner in owners.values() if owner is not None and not owner.key}
    if len(names) != 1 or not all(owner is not None and not owner.key for owner in first):
        return owners
    below: dict[int, Whose | None] = {}
    for one in [*notebooks, *others]:
        owner = owners[id(one)]
        above = owner.depth - 1 if owner is not None and not owner.key else 0
        found = whose(one.told[above:], known)
        found = replace(found, depth=found.depth + above) if found else None
        below[id(one)] = None if found and found.student in names else found
    return below if len(notebooks) > 1 or any(below.values()) else owners


def _readable_parts(path: Path) -> tuple[str, ...]:
    return tuple(readable(os.fsencode(part)) for part in path.parts)


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return False  # os.walk tells of it


def _why_none(source: Source) -> str:
    """Why a file that is not called a notebook is none; empty if it is one by its content."""
    content = uploads.read(source, 4096)
    if content.refused:
        return content.refused
    begin = content.data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith(b"{"):
        data = uploads.read(source).data
        if b'"nbformat"' in data and (b'"cells"' in data or b'"worksheets"' in data):
            return "" if len(data) <= MAX_BYTES else "It is too large for a notebook."
    return what_it_is(content.data) or "It is no notebook, by its name or its content."
