"""README.md says what is so: its map leads to what is there, and to every module of the package."""

import re
import shutil
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<purpose>.+?) \| (?P<places>.+) \|$")
NAME = re.compile(r"`([^`\s]+)`")


def section(title: str, text: str = README) -> str:
    """The text below `## title`, to the next heading of that level."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no section {title!r}"
    return found[1]


def rows(text: str) -> list[tuple[str, str, list[str]]]:
    """(folder of the table, purpose, places) for each row of the map's tables."""
    found = []
    tables = [
        [ROW.match(line) for line in lines]
        for is_row, lines in groupby(text.splitlines(), key=lambda line: line.startswith("|"))
        if is_row
    ]
    for head, _, *body in tables:
        folder = (NAME.findall(head["purpose"]) or [""])[0]
        found += [(folder, row["purpose"], NAME.findall(row["places"])) for row in body]
    return found


def places(root: Path, folder: str, names: list[str]) -> list[tuple[str, list[Path]]]:
    """Each name with the files and folders that it stands for; `<…>` stands for any name.

    A name is read in the folders that the row has named, the last one first, in the table's folder,
    and from the root.
    """
    found, bases = [], [folder, ""]
    for name in names:
        pattern = re.sub(r"<[^>]+>", "*", name)
        tried = [(base, sorted(root.glob(base + pattern))) for base in bases]
        if name.endswith("/"):
            tried = [(base, [path for path in paths if path.is_dir()]) for base, paths in tried]
        base, paths = next((one for one in tried if one[1]), (folder, []))
        if paths:
            bases.insert(0, "".join((base + pattern).rpartition("/")[:2]))
        found.append((name, paths))
    return found


def dead_ends(root: Path, text: str) -> list[str]:
    """The rows that name something which is not there."""
    return [
        f"{purpose}: {name}"
        for folder, purpose, names in rows(text)
        for name, paths in places(root, folder, names)
        if not paths
    ]


def uncovered(root: Path, text: str) -> list[str]:
    """The package's modules to which no row leads: by name, or by the folder that they lie in."""
    named = {root / folder / "__init__.py" for folder, _, _ in rows(text)}
    for folder, _, names in rows(text):
        named |= {path for _, paths in places(root, folder, names) for path in paths}
    modules = [path for path in (root / "introml").rglob("*.py") if "dist" not in path.parts]
    return sorted(
        path.relative_to(root).as_posix() for path in modules if not {path, path.parent} & named
    )


MAP = section("To change X, go to Y")


def test_the_map_has_a_row_for_each_purpose():
    purposes = [purpose for _, purpose, _ in rows(MAP)]
    assert len(purposes) > 40
    assert len(set(purposes)) == len(purposes)
    assert all(names for _, _, names in rows(MAP))


def test_what_the_map_names_is_there():
    assert dead_ends(ROOT, MAP) == []


def test_every_module_of_the_package_is_on_the_map():
    assert uncovered(ROOT, MAP) == [], "name these, or the folder they lie in, in README.md's map"


@pytest.fixture
def small(tmp_path):
    """A small tree and its map."""
    for name in ("one.py", "room/__init__.py", "room/two.py", "room/deep/three.py"):
        path = tmp_path / "introml" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    text = (
        "| the package, in `introml/` | go to |\n|---|---|\n"
        "| one | `one.py` |\n| two | `room/`: `two.py` |\n| three | `room/deep/<name>.py` |\n"
    )
    return tmp_path, text


def test_a_right_map_passes(small):
    assert dead_ends(*small) == []
    assert uncovered(*small) == []


def test_a_module_that_moved_is_a_dead_end(small):
    root, text = small
    (root / "introml/room/two.py").rename(root / "introml/room/deep/two.py")
    assert dead_ends(root, text) == ["two: two.py"]


def test_a_folder_that_is_gone_is_a_dead_end(small):
    root, text = small
    shutil.rmtree(root / "introml/room")
    assert dead_ends(root, text) == ["two: room/", "two: two.py", "three: room/deep/<name>.py"]


def test_a_module_without_a_row_is_seen(small):
    root, text = small
    (root / "introml/other").mkdir()
    (root / "introml/other/four.py").touch()
    assert uncovered(root, text) == ["introml/other/four.py"]


def test_a_folders_row_does_not_speak_for_the_folders_in_it(small):
    root, text = small
    without = text.replace("| three | `room/deep/<name>.py` |\n", "")
    assert uncovered(root, without) == ["introml/room/deep/three.py"]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"make ([a-z]+)`", README))))
def test_the_targets_of_make_that_it_names_are_there(command):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{command}:.*## ", makefile, re.MULTILINE)
