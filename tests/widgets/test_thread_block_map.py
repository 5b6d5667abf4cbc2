"""The map that ThreadBlockMap ships, against memory that plain loops write into."""

import random

import pytest

from introml.kernels.simulated import blocks
from introml.widgets.thread_block_map import ThreadBlockMap


def simulated(size, block, mask, done):
    """Cells that hold the number of the program that wrote them, with room behind the array."""
    memory = ["nobody"] * 500
    masked = 0
    for program in done:
        for lane in range(block):
            cell = program * block + lane
            if mask and not cell < size:
                masked += 1
            else:
                memory[cell] = program
    cells = range(len(memory))
    return {
        "written": [cell for cell in cells if cell < size and memory[cell] != "nobody"],
        "strays": [cell for cell in cells if cell >= size and memory[cell] != "nobody"],
        "masked": masked,
        "left": [cell for cell in cells if cell < size and memory[cell] == "nobody"],
    }


def test_the_map_is_that_of_a_memory_that_is_really_written(run_model):
    chance = random.Random(0)
    cases = []
    for _ in range(1500):
        count = chance.randint(1, 24)
        done = chance.sample(range(count), chance.randint(0, count))
        cases.append((chance.randint(1, 24), chance.randint(1, 8), chance.random() < 0.5, done))
    found = run_model("ThreadBlockMap", "after", cases)
    assert found == [simulated(*case) for case in cases]


def test_ten_numbers_in_blocks_of_four(run_model):
    [masked, stray, short] = run_model(
        "ThreadBlockMap",
        "after",
        [(10, 4, True, [0, 1, 2]), (10, 4, False, [2]), (10, 4, True, [0, 1])],
    )
    assert (masked["masked"], masked["left"], masked["strays"]) == (2, [], [])
    assert stray["strays"] == [10, 11]
    assert short["left"] == [8, 9]


def test_as_many_programs_as_cover_the_array_unless_a_number_is_given(run_model):
    cases = [(n, block, grid) for n in range(1, 25) for block in range(1, 9) for grid in (0, 3)]
    found = run_model("ThreadBlockMap", "programs", cases)
    assert found == [grid or blocks(n, block) for n, block, grid in cases]


def test_another_order_has_every_program_once(run_model):
    for count, order in enumerate(
        run_model("ThreadBlockMap", "order", [(count, True) for count in range(25)])
    ):
        assert sorted(order) == list(range(count))
        assert count < 3 or order != list(range(count))


@pytest.mark.parametrize("bad", [{"size": 0}, {"block": 9}, {"grid": -1}, {"run": 25}])
def test_what_cannot_be_drawn_is_refused(bad):
    with pytest.raises(ValueError, match="ThreadBlockMap"):
        ThreadBlockMap(**bad)
