"""introml.lookup_table: every table, and an adder of tables against Python's own sum."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introml.lookup_table import CARRY, SUM, LookUpTable, add, table_of


def test_the_table_of_and_by_hand():
    table = table_of(lambda a, b: a & b, 2)
    assert table.answers == (0, 0, 0, 1)
    assert (table(1, 0), table(1, 1)) == (0, 1)


def test_every_function_of_two_bits_is_a_table_and_all_differ():
    seen = set()
    for answers in itertools.product((0, 1), repeat=4):
        table = LookUpTable(answers)
        again = table_of(table, 2)
        assert again == table
        seen.add(tuple(table(a, b) for a in (0, 1) for b in (0, 1)))
    assert len(seen) == 16


def test_sum_and_carry_write_the_number_of_ones():
    for bits in itertools.product((0, 1), repeat=3):
        assert 2 * CARRY(*bits) + SUM(*bits) == sum(bits)


@given(st.data(), st.integers(1, 12))
def test_the_adder_adds_and_cuts_off_what_does_not_fit(data, width):
    a, b = (data.draw(st.integers(0, 2**width - 1)) for _ in range(2))
    assert add(a, b, width) == (a + b) % 2**width


@pytest.mark.parametrize("answers", [(), (1,), (0, 1, 1), (0, 2)])
def test_what_is_no_table_is_refused(answers):
    with pytest.raises(ValueError, match="must"):
        LookUpTable(answers)


def test_another_number_of_bits_is_refused():
    with pytest.raises(ValueError, match="2 bits for a table of 3"):
        SUM(0, 1)
    with pytest.raises(ValueError, match="from 0 to 15"):
        add(16, 0, 4)
