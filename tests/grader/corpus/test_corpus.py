"""Honest notebooks of all kinds get what they should, and what passes at home passes when graded.

`make soak` tries each on every lab that it fits, with every check.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.compare import differences, problems
from corpus.entries import TURNS, entries

GRADER = Path(__file__).parents[1]
ENTRIES = {one.name: one for one in entries()}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Entry -> what became of it; the labs' notebooks are graded side by side."""
    place = tmp_path_factory.mktemp("corpus")
    path = os.pathsep.join([str(GRADER), os.environ.get("PYTHONPATH", "")])
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "corpus.run", lab, str(place / lab)],
            env=os.environ | {"PYTHONPATH": path},
        )
        for lab in sorted(set(TURNS))
    ]
    assert [one.wait() for one in running] == [0] * len(running)
    lines = [x for file in place.iterdir() for x in file.read_text().splitlines()]
    return {one["name"]: one for one in map(json.loads, lines)}


def test_the_corpus_is_large_and_of_both_labs():
    every = entries(every_lab=True)
    assert len(ENTRIES) >= 150
    for lab in ("gradient-descent", "attention"):
        assert len([one for one in every if one.lab == lab]) >= 150


@pytest.mark.parametrize("name", ENTRIES)
def test_an_honest_notebook_gets_what_it_should(graded, name):
    assert problems(ENTRIES[name], graded[name]) == []


@pytest.mark.parametrize("name", [name for name, one in ENTRIES.items() if one.at_home])
def test_the_verdicts_at_home_are_those_when_graded(graded, name):
    assert "home" in graded[name]
    assert differences(graded[name]) == []
