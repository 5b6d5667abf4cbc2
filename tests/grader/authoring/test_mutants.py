"""A lab's mutants: made, graded, told, and named where no check can see them."""

from dataclasses import replace

import pytest
import torch
from tiny import copy_of_tiny, tiny

from introml.grader.authoring import lab_test_file
from introml.grader.authoring.mutants import SEEDS, Fates, Mutant, grade, mutants, told
from introml.grader.lab.lab import load_lab
from introml.grader.lab.source import LabError
from introml.grader.run.checker import Checker, Setup

SQUARES_ONCE = "return (tiny_solution_residuals**2).mean()"
SUMMED = "return (tiny_solution_residuals**2).sum()"


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def checker():
    with Checker(Setup(str(tiny().folder), 0)) as one:
        yield one


def graded(checker, keep, seconds=600.0):
    """The fates of those mutants that `keep` says."""
    made = [one for one in mutants(checker.lab) if keep(one)]
    assert made
    before = checker.checks
    fates = grade(checker, made, seconds)
    assert checker.checks is before
    return fates


def test_mutants_are_made_of_the_solution_and_of_each_right_answer():
    made = mutants(tiny())
    assert {one.answer for one in made} == {"solution", "right/loops"}
    assert {one.cell for one in made} == {"loss", "gradient", "descent"}
    summed = next(one for one in made if (one.answer, one.new) == ("solution", SUMMED))
    assert (summed.what, summed.old) == ("another function", SQUARES_ONCE)
    assert summed.cells["loss"].count("\n") == tiny().answers["loss"].solution.count("\n")


def test_what_is_given_is_not_mutated():
    """`Descent.__init__` stands in the student's notebook as it is."""
    given = "self.w = torch.zeros(dimensions)"
    assert given in tiny().answers["descent"].source
    assert not any(given in one.old for one in mutants(tiny()) if one.answer == "solution")


def test_mutants_that_the_checks_see_are_caught_and_counted(checker):
    kinds = ("another function", "sign flipped", "constant changed")
    fates = graded(
        checker,
        lambda one: (one.answer, one.cell) == ("solution", "loss") and one.what in kinds,
    )
    assert fates.tried == fates.total >= 4
    assert not fates.survivors
    assert not fates.faults
    assert sum(fates.caught["loss"].values()) == SEEDS * fates.total
    assert told(fates, []) == []


def test_a_survivor_is_told_with_its_change_and_with_the_checks_of_its_cell(tmp_path):
    folder = copy_of_tiny(
        tmp_path,
        checks_py=lambda text: text.replace("randn(rng, 7, 3), randn(rng, 7)\n    expected = ((",
                                            "randn(rng, 1, 3), randn(rng, 1)\n    expected = (("),
        hidden_checks_py=lambda text: text.replace("(1, int(randint(rng, 2, 40)))", "(1, 1)"),
    )  # fmt: skip
    kinds = ("another function", "sign flipped")
    with Checker(Setup(str(folder), 0)) as checker:
        fates = graded(
            checker,
            lambda one: (one.answer, one.cell) == ("solution", "loss") and one.what in kinds,
        )
    assert [(one.new, seed) for one, seed in fates.survivors] == [(SUMMED, 0)]
    (problem,) = told(fates, [])
    for words in ("a mutant of solution, cell loss, line 4,", "another function",
                  f"- {SQUARES_ONCE}\n", f"+ {SUMMED}\n", "A check should see it",
                  "are caught by loss_"):  # fmt: skip
        assert words in problem


def entry(new: str) -> lab_test_file.Survivor:
    return lab_test_file.Survivor("solution", "loss", SQUARES_ONCE, new, "It does the same.")


def fates_of(*survivors: str, tried: int = 9) -> Fates:
    made = [one for one in mutants(tiny()) if one.answer == "solution" and one.cell == "loss"]
    alive = [one for one in made if one.new in survivors]
    assert len(alive) == len(survivors)
    return Fates(9, tried, [(one, 0) for one in alive])


def test_a_named_survivor_is_no_problem():
    assert told(fates_of(SUMMED), [entry(SUMMED)]) == []


def test_a_name_without_need_is_a_problem():
    (caught,) = told(fates_of(), [entry(SUMMED)])
    assert "take the entry away" in caught
    (absent,) = told(fates_of(SUMMED), [entry(SUMMED), entry("return 0")])
    assert "'return 0'" in absent


def test_mutants_that_were_not_tried_are_a_problem_and_judge_no_name(checker):
    (problem,) = told(fates_of(tried=4), [entry(SUMMED)])
    assert "5 of 9 mutants were not tried" in problem
    fates = graded(checker, lambda one: one.cell == "loss", seconds=-1)
    assert (fates.tried, fates.total > 9) == (0, True)


def test_a_fault_of_the_grader_is_a_problem():
    fates = fates_of()
    fates.faults.append((mutants(tiny())[0], "it broke"))
    (problem,) = told(fates, [])
    assert problem.endswith("it broke")


def test_the_file_decides_no_grade(tmp_path):
    folder = copy_of_tiny(tmp_path)
    before = load_lab(folder).version
    (folder / "lab_test.toml").unlink()
    assert load_lab(folder).version == before
    assert lab_test_file.read(load_lab(folder)) == ([], [])


@pytest.mark.parametrize(("text", "words"), [
    ("x = 1", "'x' is not allowed"),
    ("[[survives]]\nanswer = 'solution'", "needs the texts answer, cell, old, new, why"),
    ("[[survives]]\nanswer = 'solution'\ncell = 'loss'\nold = 'a'\nnew = 'b'\nwhy = ' '",
     "number 1 needs the texts"),
    ("[[try]]\nsays = 'Try it'", "needs says and cell"),
    ("[[try]]\nsays = 'Try it'\ncell = 'a'\nreplace = ['b']", "number 1 needs"),
    ("[[try]]\nsays = 'Try it'\ncell = 'a'\nhold = 'b'", "number 1 needs"),
    ("[[try", "is not TOML"),
])  # fmt: skip
def test_an_entry_that_is_not_as_it_must_be_is_refused(tmp_path, text, words):
    folder = copy_of_tiny(tmp_path)
    (folder / "lab_test.toml").write_text(text)
    with pytest.raises(LabError, match=words.replace("[", r"\[")):
        lab_test_file.read(load_lab(folder))


def test_an_endless_mutant_is_caught_once_and_a_slow_one_is_no_mistake(checker, monkeypatch):
    """A check's quick limit is over for both; within the lab's own one of them ends."""
    right = tiny().answers["loss"].solution
    begins = "    tiny_solution_residuals = "
    slow, endless = (
        right.replace(begins, f"    {more}\n{begins}")
        for more in ("__import__('time').sleep(0.3)", "while True: pass")
    )
    made = [
        Mutant("solution", "loss", "made", 1, "", one, {"loss": one}) for one in (slow, endless)
    ]
    monkeypatch.setattr("introml.grader.authoring.mutants._LEAST_S", 0.05)
    monkeypatch.setattr("introml.grader.authoring.mutants._SLOWER", 0.0)
    monkeypatch.setattr(checker, "checks", [one for one in checker.checks if "loss" in one.name])
    monkeypatch.setattr(checker, "checks", [replace(one, time_s=4.0) for one in checker.checks])
    fates = grade(checker, made, 600)
    assert [(one.new == slow, seed) for one, seed in fates.survivors] == [(True, 0)]
    assert sum(fates.caught["loss"].values()) == 1
