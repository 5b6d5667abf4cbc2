"""Under which name the results of each submission of a class are kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from introml.grader.notebook.collection import Handed
from introml.grader.notebook.uploads import Content, folder_name


@dataclass(frozen=True)
class Upload:
    """One submission and the name of the folder that its results go to."""

    handed: Handed
    folder: str

    @property
    def source(self) -> str:
        """Where it lies, for people and for later runs."""
        return str(self.handed.source)

    @property
    def about(self) -> dict[str, str]:
        """What a gradebook tells of it."""
        one = self.handed
        return {"student": one.student, "file": one.file, "late": "late" if one.late else ""}

    def read(self) -> Content:
        """Its content, or why it cannot be read. Raises nothing."""
        return self.handed.read()


def file_away(
    handed: Sequence[Handed], taken: Callable[[str, Handed], bool] = lambda name, one: False
) -> list[Upload]:
    """A folder's name for each submission, none twice, the same whatever their order.

    The student's name where a platform tells it, else the stem; where two submissions would share
    it, or `taken(name, one)` says that it belongs to another one from an earlier run, a longer one:
    the stem behind the student's, and the names of the folders before the stem. One that is there
    twice counts once.
    """
    unique = sorted(
        {str(one.source): one for one in handed}.values(),
        key=lambda one: os.fsencode(str(one.source)),
    )
    depth = [0] * len(unique)
    for _ in range(64):
        names = [_name(one, at) for one, at in zip(unique, depth, strict=True)]
        holders: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            holders.setdefault(name.casefold(), []).append(place)
        crowded = {place for several in holders.values() if len(several) > 1 for place in several}
        crowded |= {place for place, one in enumerate(unique) if taken(names[place], one)}
        deeper = {place for place in crowded if unique[place].name_at(depth[place] + 1) is not None}
        if not deeper:
            break
        for place in deeper:
            depth[place] += 1
    for place in crowded:
        digest = hashlib.sha256(os.fsencode(str(unique[place].source))).hexdigest()[:8]
        names[place] = f"{names[place]}-{digest}"
    return [Upload(one, name) for one, name in zip(unique, names, strict=True)]


def _name(one: Handed, depth: int) -> str:
    return folder_name(one.name_at(depth) or one.stem)
