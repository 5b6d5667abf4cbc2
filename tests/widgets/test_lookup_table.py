"""The table that LookupTable ships, against Python's own logic."""

import itertools
import random

import pytest

from introml.lookup_table import LookUpTable, table_of
from introml.widgets.lookup_table import LookupTable

NAMED = {
    "all three": lambda a, b, c: a and b and c,
    "at least one": lambda a, b, c: a or b or c,
    "an odd number": lambda a, b, c: a ^ b ^ c,
    "at least two": lambda a, b, c: sorted((a, b, c))[1],
    "b if a, else c": lambda a, b, c: b if a else c,
}


def test_every_table_answers_what_is_stored(run_model):
    """All 256 tables, with all eight inputs each."""
    cases = [
        (list(answers), *bits)
        for answers in itertools.product((0, 1), repeat=8)
        for bits in itertools.product((0, 1), repeat=3)
    ]
    random.Random(0).shuffle(cases)
    for (answers, *bits), found in zip(
        cases, run_model("LookupTable", "output", cases), strict=True
    ):
        assert found == LookUpTable(tuple(answers))(*bits)


def test_named_functions_are_pythons(run_model):
    for name, function in NAMED.items():
        [answers] = run_model("LookupTable", "answersOf", [(name,)])
        assert tuple(answers) == table_of(function, 3).answers
        assert run_model("LookupTable", "nameOf", [(answers,)]) == [name]
    assert run_model("LookupTable", "nameOf", [([0, 1, 1, 0, 1, 1, 0, 1],)]) == [""]


def test_how_many_functions_there_are(run_model):
    counted = [len(set(itertools.product((0, 1), repeat=2**n))) for n in (1, 2, 3)]
    assert run_model("LookupTable", "functions", [(1,), (2,), (3,)]) == counted


@pytest.mark.parametrize("answers", [[0] * 7, [0] * 7 + [2], [0.5] * 8])
def test_what_is_no_table_of_eight_bits_is_refused(answers):
    with pytest.raises(ValueError, match=r"LookupTable\.answers"):
        LookupTable(answers=answers)
