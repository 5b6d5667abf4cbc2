"""The lab on the autograd engine: its solution, other right ones, the wrong ones, its numbers."""

import pytest
import torch
from in_process import names_of, not_passed, outcomes

from introml.grader.authoring.release import solution_notebook
from introml.grader.lab.lab import load_lab
from introml.grader.run.checker import Checker, Setup

LAB = load_lab("autograd-engine")
RIGHT = {right.name: right for right in LAB.right_solutions()}
WRONG = {wrong.name: wrong for wrong in LAB.wrong_solutions()}


@pytest.mark.parametrize("style", ["solution", *RIGHT])
def test_right_answers_pass_at_twenty_seeds(style):
    names = names_of(LAB, {} if style == "solution" else RIGHT[style].cells)
    for seed in range(20):
        assert not_passed(outcomes(LAB, names, seed)) == {}, f"seed {seed}"


def test_the_starter_fails_every_check():
    found = outcomes(LAB, names_of(LAB, starter=True), seed=0)
    assert len(found) == len(LAB.check_list())
    assert set(not_passed(found)) == set(found)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution_fails_the_checks_that_it_names(name):
    names = names_of(LAB, WRONG[name].cells)
    for seed in range(3):
        found = outcomes(LAB, names, seed, only=WRONG[name].caught_by)
        assert set(WRONG[name].caught_by) <= set(not_passed(found)), f"seed {seed}"
        # A wrong answer is told in the check's own words, it never breaks the check.
        assert not any(one.flags for one in found.values())


def test_the_engine_is_the_students_own():
    """With PyTorch's autograd in place of the walk, no check on arrays passes in the box."""
    answer = """
def backward_arrays(result):
    leaves = [box for box in topological_order(result) if not box.inputs]
    result.data.requires_grad_()
    result.data.backward()
    for leaf in leaves:
        leaf.grad = torch.zeros(leaf.shape)
"""
    with Checker(Setup(lab=str(LAB.folder), seed=5)) as checker:
        right = checker.grade("right", "0" * 64, solution_notebook(LAB))
        wrong = checker.grade(
            "wrong", "0" * 64, solution_notebook(LAB, {"backward_arrays": answer})
        )
    assert {one.outcome for one in right.checks} == {"passed"}
    failed = {one.name for one in wrong.checks if one.outcome != "passed"}
    on_arrays = {"gradients_of_arrays", "random_graphs_of_arrays", "training_equals_torch"}
    assert failed == on_arrays


def test_the_numbers_in_the_text_are_right():
    names = names_of(LAB)
    assert names["slopes_of"]("*", [3.0, 4.0]) == [12, 4, 3]
    assert names["slopes_of"]("/", [3.0, 4.0]) == [0.75, 0.25, -0.1875]
    assert names["slopes_of"]("relu", [0.0]) == [0, 0]
    assert names["order_of"]([["+", 0, 1], ["*", 2, 2]], [1.0, 2.0])[-2:] == [2, 3]
    assert names["run_numbers"]([["+", 0, 1], ["*", 2, 2]], [1.0, 2.0])[:3] == [9, 6, 6]
    steps = [["+", 0, 1], ["*", 3, 2]]
    assert names["run_numbers"](steps, [-2.0, 5.0, -4.0])[:4] == [-12, -4, -4, 3]
    u = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    assert names["sum_to"](u, (3,)).tolist() == [5, 7, 9]
    assert names["sum_to"](u, (2, 1)).tolist() == [[6], [15]]
    assert names["sum_to"](u, ()) == 21
    A, B = torch.tensor([[2.0, 1, -1]]), torch.tensor([[1.0, -1], [2, 1], [0, 3]])
    found = names["pulled"]("@", [A, B], torch.tensor([[3.0, -1]]))
    assert [one.tolist() for one in found] == [
        [[4, -4]], [[4, 5, -3]], [[6, -2], [3, -1], [-3, 1]]
    ]  # fmt: skip
    steps = [["*", 1, 0], ["+", 2, 0], ["sum", 3]]
    _, grads, _ = names["run_arrays"](steps, [torch.tensor([1.0, 2]), torch.tensor(3.0)])
    assert [one.tolist() for one in grads] == [[4, 4], 3]
    layer = [torch.ones(4, 3), torch.ones(3, 2), torch.ones(2)]
    assert names["kept_by"]([["@", 0, 1], ["+", 3, 2], ["relu", 4]], layer) == 48 + 24 + 32 == 104
    assert names["kept_by"]([["*", 0, 0]], layer[:1]) == 48
    text = (LAB.folder / "lab.md").read_text()
    for words in (
        "12, the `inputs` are the two factors, and the `slopes` are 4 and 3", "0.25 and −0.1875",
        "so both leaves get 6", "−4, −4 and 3", "(5, 7, 9)", "the column (6, 15)", "the number 21",
        "is (4, −4)", "is (4, 5, −3)", "(6, −2), (3, −1) and (−3, 1)",
        "is (4, 4) and that of $c$ is 3", "48 and 24 bytes", "32: together 104", "keeps 48",
    ):  # fmt: skip
        assert words in text, words
