"""Honest notebooks of all kinds get what they should, and what passes at home passes when graded.

`make soak` tries each on every lab that it fits, with every check.
"""

import pytest

from corpus.compare import differences, problems
from corpus.entries import entries
from corpus.run import graded

ENTRIES = {one.name: one for one in entries()}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Entry -> what became of it."""
    every = graded(tmp_path_factory.mktemp("corpus"))
    return {name: one for (_, name), one in every.items()}


def test_the_corpus_is_large_and_of_both_labs():
    every = entries(every_lab=True)
    assert len(ENTRIES) >= 150
    for lab in ("gradient-descent", "attention"):
        assert len([one for one in every if one.lab == lab]) >= 150


@pytest.mark.parametrize("name", ENTRIES)
def test_an_honest_notebook_gets_what_it_should(found, name):
    assert problems(ENTRIES[name], found[name]) == []


@pytest.mark.parametrize("name", [name for name, one in ENTRIES.items() if one.at_home])
def test_the_verdicts_at_home_are_those_when_graded(found, name):
    assert "home" in found[name]
    assert differences(found[name]) == []
