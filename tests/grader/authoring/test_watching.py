"""Which checks can watch a cell, told from names alone."""

import pytest
from tiny import copy_of_tiny, tiny

from introml.grader.authoring.watching import Watching
from introml.grader.lab import labs, load_lab

UNASKED = """
import torch

from introml.grader.checks import check

@check(points=1, title="Another")
def another(submission, rng):
    loss = torch.loss(1)
    asked(submission, loss)

def asked(submission, loss):
    submission.vjp("Descent", loss)
"""


def test_a_check_watches_the_cells_that_it_and_its_helpers_name():
    lab = load_lab("gradient-descent")
    watching = Watching(lab)
    assert watching.checks_of("descend", {}) == {"converges_up_to_the_bound", "path_of_the_descent"}
    assert "predictions_and_loss" not in watching.checks_of("train", {})


def test_a_cell_is_watched_through_the_functions_that_call_it():
    lab = load_lab("attention")
    watching = Watching(lab)
    assert "learns_to_look_up" in watching.checks_of("softmax", {})  # by way of a given function
    assert "learns_to_look_up" not in watching.checks_of("positions", {})


def test_an_answer_has_ways_of_its_own():
    """One that computes positions with its softmax has that watched by what watches positions."""
    lab = load_lab("attention")
    own = {"positions": "def positions(T, d):\n    return table(T, d)",
           "softmax": "def table(T, d): ...\ndef softmax(x): ..."}  # fmt: skip
    watching = Watching(lab)
    assert "positions_interleave" not in watching.checks_of("softmax", {})
    assert "positions_interleave" in watching.checks_of("softmax", own)


def test_names_of_a_library_and_of_a_function_itself_lead_nowhere_and_texts_do(tmp_path):
    folder = copy_of_tiny(tmp_path, checks_py=lambda text: text + UNASKED)
    watching = Watching(load_lab(folder))
    watched = [cell for cell in tiny().answers if "another" in watching.checks_of(cell, {})]
    assert watched == ["gradient", "descent"]  # a step of the descent takes a gradient


@pytest.mark.parametrize("name", sorted(labs()))
def test_every_cell_of_our_labs_is_watched(name):
    lab = load_lab(name)
    assert all(Watching(lab).checks_of(cell, {}) for cell in lab.answers)
