"""The package's rooms: imports run one way between them, and take what a room hands on."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import pytest

from introml.book.paths import ROOT

#: Low to high. A room imports from lower floors, never from a higher one nor from a neighbour on
#: its own; what is not named stands on the floor of its folder's "*".
FLOORS = {
    "introml": [["book"], ["*"], ["widgets"], ["grader"], ["site"], ["hub"], ["command"]],
    "introml.grader": [
        ["text", "atomic", "families"], ["lab", "wire"], ["notebook", "checks", "results"], ["box"],
        ["run"], ["student", "authoring"], ["cli", "__init__"],
    ],
    "introml.hub": [
        ["course"], ["people", "queue"], ["grades"], ["servers"], ["web"], ["jupyter"],
        ["operate"], ["cli"],
    ],
}  # fmt: skip

#: The code that uses the package from outside; tests look inside as they need to.
OUTSIDE = ("book", "chapters", "deploy", "labs", "tools")

#: A module in a command, after "-m"; the name of a whole package may be about it.
_COMMAND = r"introml(\.\w+){2,}"


class Import(NamedTuple):
    """`from base import name` or `import base.name` in a file; `python -m base` has no name."""

    file: str
    line: int
    base: str
    name: str | None

    def __str__(self) -> str:
        said = f"from {self.base} import {self.name}" if self.name else f"-m {self.base}"
        return f"{self.file}:{self.line}: {said}"


def _module(file: str) -> str:
    return file.rpartition(".")[0].replace("/", ".").removesuffix(".__init__")


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _blocks(page: str) -> Iterator[str]:
    """The Python of a page's cells and examples, without what is notation around it."""
    for block in re.findall(r"^```+\{?(?:code-cell|python).*?\n(.*?)^```", page, re.M | re.S):
        code = re.sub(r"\A---\n.*?^---\n", "", block, flags=re.M | re.S)
        yield re.sub(r"^[:%!].*$", "", code, flags=re.M)


@cache
def _imports(file: str, text: str) -> list[Import]:
    """All imports of introml: late ones and those for types too, and commands in strings."""
    package = _module(file) if "/__init__.py" in file else _module(file).rpartition(".")[0]
    found = []
    for block in _blocks(text) if file.endswith(".md") else [text]:
        for node in ast.walk(ast.parse(block, file)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    base, _, name = alias.name.rpartition(".")
                    found.append(Import(file, node.lineno, base, name))
            elif isinstance(node, ast.ImportFrom):
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, *filter(None, [node.module])]) if node.level else node.module
                found += [Import(file, node.lineno, base, alias.name) for alias in node.names]
            elif isinstance(node, ast.Constant) and re.fullmatch(_COMMAND, str(node.value)):
                found.append(Import(file, node.lineno, node.value, None))
    return [one for one in found if _inside(one.base, "introml")]


class Package:
    """The package's modules with their imports, out of the texts of its files and of its users."""

    def __init__(self, texts: dict[str, str]):
        self.modules = {_module(file): file for file in texts if file.endswith(".py")}
        #: A room -> what it hands on -> the module that this comes from.
        self.handed_on: dict[str, dict[str, str]] = {
            _module(file): {
                one.name: f"{one.base}.{one.name}" if one.base == _module(file) else one.base
                for one in _imports(file, text)
            }
            for file, text in texts.items()
            if file.endswith(".pyi")
        }
        #: introml.grader hands on what a student's notebook calls, and is no room but a house.
        self.rooms = [
            room
            for room in self.handed_on
            if not any(other.startswith(f"{room}.") for other in self.handed_on)
        ]
        self.imports = [one for file, text in texts.items() for one in _imports(file, text)]
        #: The same between the package's modules: importing module, imported module, the import.
        self.arrows = [
            (_module(one.file), self.target(one), one)
            for one in self.imports
            if one.file.startswith("introml/") and self.target(one) in self.modules
        ]

    def target(self, one: Import) -> str:
        """The module that an import takes from: what a room only hands on is another module's."""
        base = one.base
        while one.name in self.handed_on.get(base, {}):
            base = self.handed_on[base][one.name]
        inside = f"{base}.{one.name}"
        return inside if inside in self.modules and base == one.base else base

    def cycle(self) -> list[str]:
        """The modules of one cycle of imports, if there is any."""
        graph = defaultdict(set)
        for source, target, one in self.arrows:
            # A room loads what it hands on when it is asked for; `target` has looked through it.
            if source != target and not one.file.endswith(".pyi"):
                graph[source].add(target)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            return error.args[1]
        return []

    def not_down(self) -> list[str]:
        """Imports that run up to a higher floor, or across to a neighbour."""
        found = []
        for folder, floors in FLOORS.items():
            for source, target, one in self.arrows:
                if not source.startswith(f"{folder}.") and source != folder:
                    continue
                if not target.startswith(f"{folder}."):
                    continue
                here, there = _floor(source, folder), _floor(target, folder)
                across = here == there and floors[here] != ["*"]
                if here < there or (across and _room(source, folder) != _room(target, folder)):
                    found.append(str(one))
        return found

    def around(self) -> list[str]:
        """Imports that take from inside a room, from outside it, not what the room hands on."""
        return [
            str(one)
            for one in self.imports
            for room in self.rooms
            if one.name and _inside(one.base, room) and not _inside(_module(one.file), room)
            if one.base != room or one.name not in self.handed_on[room]
            # A function that is called like its module: in the room the name is the module's.
            if one.name != one.base.rpartition(".")[2]
        ]

    def idle(self) -> list[str]:
        """What a room hands on though nothing outside takes it."""
        taken = {
            (one.base, one.name)
            for one in self.imports
            if not _inside(_module(one.file), one.base)
        }  # fmt: skip
        return [
            f"{room} hands on {name}"
            for room in self.rooms
            for name in self.handed_on[room]
            if (room, name) not in taken
        ]

    def same_names(self) -> list[str]:
        """Modules of one name in two rooms of one house; `lab/lab.py` is the room's own."""
        where = defaultdict(list)
        for module in self.modules:
            room, _, name = module.rpartition(".")
            house, _, called = room.rpartition(".")
            if room in self.rooms and name != called:
                where[house, name].append(room)
        return [f"{name}: {', '.join(rooms)}" for (_, name), rooms in where.items() if rooms[1:]]


def _room(module: str, folder: str) -> str:
    return module[len(folder) + 1 :].split(".")[0] or "__init__"


def _floor(module: str, folder: str) -> int:
    floors = [room for rooms in FLOORS[folder] for room in rooms]
    room = _room(module, folder)
    assert room in floors or "*" in floors, f"give {folder}.{room} a floor in FLOORS"
    named = room if room in floors else "*"
    return next(number for number, rooms in enumerate(FLOORS[folder]) if named in rooms)


TEXTS = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for folder in ("introml", *OUTSIDE)
    for file in sorted((ROOT / folder).rglob("*"))
    if file.suffix in (".py", ".pyi") or (file.suffix == ".md" and folder != "introml")
}


def test_modules_import_each_other_without_a_cycle():
    assert Package(TEXTS).cycle() == []


def test_no_import_runs_up_between_rooms():
    assert Package(TEXTS).not_down() == []


def test_what_is_outside_a_room_takes_what_the_room_hands_on():
    assert Package(TEXTS).around() == []


def test_what_a_room_hands_on_is_taken():
    assert Package(TEXTS).idle() == []


def test_no_two_rooms_of_a_house_have_modules_of_one_name():
    assert Package(TEXTS).same_names() == []


@pytest.mark.parametrize(
    ("file", "text", "rule"),
    [
        ("grader/lab/extra.py", "def f():\n    from introml.grader.box import Box\n", "not_down"),
        ("grader/wire/extra.py", "from introml.grader.lab import Lab\n", "not_down"),
        ("grader/run/extra.py", "from ..cli import main\n", "not_down"),
        ("hub/course/extra.py", "COMMAND = ['-m', 'introml.hub.queue.worker']\n", "not_down"),
        ("pooling_again.py", "import introml.grader.lab.lab\n", "not_down"),
        ("models/extra.py", "from introml.widgets import LineFit\n", "not_down"),
        ("grader/extra.py", "from introml.grader.lab.lab import Lab\n", "around"),
        ("../labs/extra/checks.py", "from introml.grader.wire.values import encode\n", "around"),
        ("hub/web/extra.py", "from introml.grader.box import kernel\n", "around"),
        ("grader/lab/__init__.pyi", "from .lab import Nothing as Nothing\n", "idle"),
        ("grader/lab/frames.py", "", "same_names"),
        ("regression.py", "from introml.gradient_descent import descend\n", "cycle"),
        ("grader/lab/forbidden.py", "from introml.grader.lab import Lab\n", "cycle"),
    ],
)
def test_a_slip_is_found(file, text, rule):
    file = f"introml/{file}".replace("introml/../", "")
    found = getattr(Package(TEXTS | {file: TEXTS.get(file, "") + text}), rule)()
    assert found
    assert rule == "cycle" or len(found) == 1
