"""`notebook.filing`: each submission of a class has a name of its own for its results."""

import random
from pathlib import Path

from introml.grader.notebook.collection import Handed
from introml.grader.notebook.filing import file_away


def names_of(*paths, taken=lambda name, one: False):
    handed = [Handed.named(Path(path)) for path in paths]
    return {one.source: one.folder for one in file_away(handed, taken)}


def test_equal_stems_get_their_folders_name_in_front():
    assert names_of("/c/ada/hw.ipynb", "/c/bob/hw.ipynb", "/c/eve.ipynb") == {
        "/c/ada/hw.ipynb": "ada-hw",
        "/c/bob/hw.ipynb": "bob-hw",
        "/c/eve.ipynb": "eve",
    }
    assert names_of("/x/a/hw.ipynb", "/y/a/hw.ipynb") == {
        "/x/a/hw.ipynb": "x-a-hw",
        "/y/a/hw.ipynb": "y-a-hw",
    }
    assert names_of("/c/hw.ipynb", "/c/../c/hw.ipynb") == {"/c/hw.ipynb": "hw"}


def test_names_are_distinct_whatever_the_stems_and_their_order():
    paths = [
        "/c/a/hw.ipynb", "/c/b/hw.ipynb", "/c/a-hw.ipynb", "/c/HW.ipynb", "/hw.ipynb",
        "/c/a/x.ipynb", "/c/a/x.txt", "/c/a/x", "/-.ipynb", "/_.ipynb",
    ]  # fmt: skip
    expected = names_of(*paths)
    assert len({name.casefold() for name in expected.values()}) == len(paths)
    for seed in range(10):
        random.Random(seed).shuffle(paths)
        assert names_of(*paths) == expected


def test_a_name_that_an_earlier_run_gave_away_is_left_alone():
    assert names_of("/c/b/hw.ipynb", taken=lambda name, one: name == "hw") == {
        "/c/b/hw.ipynb": "b-hw"
    }
    everything = names_of("/c/b/hw.ipynb", taken=lambda name, one: True)
    assert everything["/c/b/hw.ipynb"].startswith("c-b-hw-")
