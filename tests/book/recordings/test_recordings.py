"""Every recording: its script is there, its reader reads it, and the README says what it holds."""

import json
import re
from importlib import import_module

import pytest

from introml.book.paths import PACKAGE, ROOT

FOLDER = ROOT / "assets" / "recordings"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
#: Can be recorded on a GPU alone, and no page needs it.
UNTIL_A_GPU = {"gpu"}
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_each_recording_has_its_section_its_script_and_its_reader():
    assert sorted(re.findall(r"^## (\w+)\.json$", README, re.MULTILINE)) == NAMES
    scripts = (ROOT / "tools" / "recordings").glob("record_*.py")
    made = {path.stem.removeprefix("record_") for path in scripts}
    assert set(NAMES) <= made <= set(NAMES) | UNTIL_A_GPU
    readers = (PACKAGE / "book" / "recordings").glob("[!_]*.py")
    assert sorted(path.stem for path in readers) == NAMES


def test_what_is_not_recorded_yet_is_described_and_no_page_needs_it():
    for name in UNTIL_A_GPU - set(NAMES):
        assert f"tools/recordings/record_{name}.py" in README
        pages = (ROOT / "chapters").rglob("*.md")
        assert not [page for page in pages if f"recordings.{name}" in page.read_text("utf-8")]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_which_script_made_it_and_under_which_torch(name):
    provenance = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["provenance"]
    assert provenance["script"] == f"tools/recordings/record_{name}.py"
    assert re.match(r"\d+\.\d+", provenance["torch"])
    assert provenance["script"] in README


@pytest.mark.parametrize("name", NAMES)
def test_its_reader_gives_what_the_file_holds(name):
    reader = import_module(f"introml.book.recordings.{name}")
    assert reader.load() == json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert re.search(r"Taught in \{ref\}`sec-[\w-]+`", reader.load.__doc__)
