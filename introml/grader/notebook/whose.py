"""Whose a handed-in file is, as learning platforms write it into paths.

Moodle:     `Ada Lovelace_12345_assignsubmission_file_/hw.ipynb`, or in one name without the folder
Canvas:     `lovelaceada_LATE_101_9001_hw-1.ipynb`: the user's number, then the file's
Gradescope: `submission_12345/hw.ipynb`, and who that is in `submission_metadata.yml`
nbgrader:   `submitted/ada/LAB/hw.ipynb`
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from introml.grader.notebook.archives import is_archive

_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<rest>.*)", re.S)
_CANVAS = re.compile(
    r"(?P<name>[^\W\d_][^_]*)_(?:(?P<late>LATE)_)?(?P<id>\d+)_\d{2,}_(?P<rest>.+)", re.S
)
_GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")
METADATA = "submission_metadata.yml"
_LARGEST_METADATA = 50_000_000


@dataclass(frozen=True)
class Whose:
    """A student as a path tells: the name, what tells students of one name apart, and if late.

    `depth` is how many parts of the path it took; `rest` what the last of them says of the file.
    """

    student: str
    key: str
    late: bool
    depth: int
    rest: str = ""

    @property
    def label(self) -> str:
        """A name of this student and no other."""
        return f"{self.student}_{self.key}" if self.key else self.student


def whose(parts: Sequence[str], submitters: Mapping[str, str]) -> Whose | None:
    """Whose the file at that path is, None if the path is of no platform.

    `submitters` are the names in Gradescope's list, by the number of the submission.
    """
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if found := _MOODLE.fullmatch(part):
            return Whose(found["name"].strip(), found["id"], False, place + 1, found["rest"])
        if not last and (found := _GRADESCOPE.fullmatch(part)):
            name = submitters.get(found["id"], "")
            return Whose(name or part, found["id"] if name else "", False, place + 1)
        if (last or is_archive(part)) and (found := _CANVAS.fullmatch(part)):
            late = found["late"] is not None
            return Whose(found["name"], found["id"], late, place + 1, found["rest"])
        if part == "submitted" and place + 3 < len(parts):
            return Whose(parts[place + 1], "", False, place + 3)
    return None


def submitters(data: bytes) -> dict[str, str]:
    """Who submitted what, from Gradescope's list: number of the submission -> names.

    Empty for what is no such list. Raises nothing.
    """
    import yaml

    class Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Reads Ruby's objects, which Gradescope writes, as plain values."""

    Plain.add_multi_constructor("!", _plain)
    if len(data) > _LARGEST_METADATA:
        return {}
    try:
        node = yaml.load(data, Plain)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return {}
    found = {}
    for key, one in node.items() if isinstance(node, dict) else ():
        match = _GRADESCOPE.fullmatch(str(key))
        people = one.get(":submitters") if isinstance(one, dict) else None
        told = [
            person.get(":name") or person.get(":email")
            for person in (people if isinstance(people, list) else ())
            if isinstance(person, dict)
        ]
        names = [name.strip() for name in told if isinstance(name, str) and name.strip()]
        if match and names:
            found[match["id"]] = ", ".join(names)
    return found


def _plain(loader: Any, _suffix: str, node: Any) -> Any:
    kind = type(node).__name__
    if kind == "MappingNode":
        return loader.construct_mapping(node, deep=True)
    if kind == "SequenceNode":
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)
