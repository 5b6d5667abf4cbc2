"""The lab on gradient descent: its solution, another right one, the wrong ones, and its numbers."""

import pytest
import torch
from in_process import names_of, not_passed, outcomes

from introml.grader.lab.lab import load_lab

LAB = load_lab("gradient-descent")
RIGHT = {right.name: right for right in LAB.right_solutions()}
WRONG = {wrong.name: wrong for wrong in LAB.wrong_solutions()}


@pytest.mark.parametrize("style", ["solution", *RIGHT])
def test_right_answers_pass_at_twenty_seeds(style):
    answers = {} if style == "solution" else RIGHT[style].cells
    assert style == "solution" or set(answers) == set(LAB.answers)
    names = names_of(LAB, answers)
    for seed in range(20):
        assert not_passed(outcomes(LAB, names, seed)) == {}, f"seed {seed}"


def test_the_starter_fails_every_check():
    found = outcomes(LAB, names_of(LAB, starter=True), seed=0)
    assert len(found) == len(LAB.check_list()) == 13
    assert set(not_passed(found)) == set(found)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution_fails_the_checks_that_it_names(name):
    names = names_of(LAB, WRONG[name].cells)
    for seed in range(3):
        found = outcomes(LAB, names, seed, only=WRONG[name].caught_by if seed else None)
        assert set(WRONG[name].caught_by) <= set(not_passed(found)), f"seed {seed}"
        # A wrong answer is told in the check's own words, it never breaks the check.
        assert not any(one.flags for one in found.values())


def test_no_check_stands_and_falls_with_the_training_alone():
    """Every check but those on training passes, though train is missing."""
    missing = {"train": "def train(*arguments):\n    raise NotImplementedError\n"}
    failed = not_passed(outcomes(LAB, names_of(LAB, missing), seed=0))
    assert set(failed) == {"training_finds_the_line", "right_updates", "holds_on_fresh_data"}


@pytest.mark.parametrize(
    "odd", ["None", "'a text'", "(1, 2)", "[]", "[[]]", "torch.tensor(1.0)", "X", "float('nan')"]
)
def test_odd_values_fail_and_break_no_check(odd):
    answers = {}
    for ident, cell in LAB.answers.items():
        lines = [line for line in cell.solution.split("\n") if line.startswith("def ")]
        functions = [line.removeprefix("def ").split("(")[0] for line in lines]
        value = "torch.zeros(3)" if odd == "X" else odd
        answers[ident] = "".join(f"def {f}(*_):\n    return {value}\n" for f in functions)
    found = outcomes(LAB, names_of(LAB, answers), seed=0)
    assert set(not_passed(found)) == set(found)
    assert not any(one.flags for one in found.values())


def test_the_numbers_in_the_text_are_right():
    names = names_of(LAB)
    X, y = torch.tensor([[1.0], [3.0]]), torch.tensor([2.0, 1.0])
    w, b = torch.tensor([1.0]), torch.tensor(0.0)
    assert names["predict"](X, w, b).tolist() == [1, 3]
    assert names["mean_loss"](X, y, w, b) == 1.25
    dw, db = names["gradient"](X, y, w, b)
    assert (dw.item(), db.item()) == (2.5, 0.5)
    new = names["update"](X, y, w, b, 0.1)
    assert [part.item() for part in new] == pytest.approx([0.75, -0.05])
    assert names["mean_loss"](X, y, *new).item() == pytest.approx(0.7825)
    rates = [names["learning_rate"](t, 0.9, 2, 6) for t in range(7)]
    assert rates == pytest.approx([0.3, 0.6, 0.9, 0.675, 0.45, 0.225, 0])
    assert [len(batch) for batch in names["shuffled_batches"](7, 3, 1)[0]] == [3, 3, 1]
    text = (LAB.folder / "lab.md").read_text()
    for words in ("their mean, 1.25", "= 2.5$", "= 0.5$", "= 0.75$", "= -0.05$", "is 0.7825"):
        assert words in text
    assert "| rate | 0.3 | 0.6 | 0.9 | 0.675 | 0.45 | 0.225 | 0 |" in text
