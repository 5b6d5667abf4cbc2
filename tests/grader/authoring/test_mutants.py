"""A lab's mutants: made, graded, told, and named where no check can see them."""

import multiprocessing
from dataclasses import replace

import pytest
from tiny import copy_of_tiny, tiny

from introml.grader.authoring import lab_test_file
from introml.grader.authoring.mutants import (
    SEEDS,
    Fate,
    Fates,
    Mutant,
    grade,
    in_words,
    mutants,
    told,
)
from introml.grader.authoring.release import solution_notebook
from introml.grader.authoring.watching import Watching
from introml.grader.lab.lab import load_lab
from introml.grader.lab.source import LabError
from introml.grader.run.checker import Checker, Setup

SQUARES_ONCE = "return (tiny_solution_residuals**2).mean()"
SUMMED = "return (tiny_solution_residuals**2).sum()"


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
    assert sum(fates.caught["loss"].values()) == fates.total
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
    assert [(one.mutant.new, one.not_at) for one in fates.survivors] == [(SUMMED, None)]
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
    return Fates(9, tried, [Fate(one, survives=True) for one in alive])


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
    fates = fates_of(tried=8)
    fates.add(Fate(mutants(tiny())[0], fault="it broke"))
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
    assert [one.mutant.new for one in fates.survivors] == [slow]
    assert sum(fates.caught["loss"].values()) == 1


def counting(checker, monkeypatch):
    """The check and the seed of each grading from now on."""
    begun = []
    grade_one = checker.grade

    def counted(*what):
        begun.append((checker.checks[0].name, checker.seed))
        return grade_one(*what)

    monkeypatch.setattr(checker, "grade", counted)
    return begun


def test_a_mutant_costs_one_grading_where_the_first_check_sees_it(checker, monkeypatch):
    """Beside the one of each check with the solution: no other check, and no other seed."""
    begun = counting(checker, monkeypatch)
    fates = graded(checker, lambda one: (one.answer, one.new) == ("solution", SUMMED))
    assert not fates.survivors
    times = [seed for _, seed in begun[sum(one.tier == "cpu" for one in checker.checks) :]]
    assert set(times) == {0}
    assert len(times) < len(checker.checks) / 2


def test_a_survivor_is_tried_at_further_seeds_and_by_the_checks_of_its_cell_alone(
    checker, monkeypatch
):
    same = Mutant("solution", "loss", "made", 1, "", "", {})
    begun = counting(checker, monkeypatch)
    (survivor,) = grade(checker, [same], 600).survivors
    assert survivor.not_at is None
    measured = sum(one.tier == "cpu" for one in checker.checks)
    watching = Watching(checker.lab).checks_of("loss", {})
    known = {name for name, _ in begun[:measured]}
    expected = {(name, seed) for name in watching & known for seed in range(SEEDS)}
    assert sorted(begun[measured:]) == sorted(expected)


def test_what_is_caught_at_a_later_seed_alone_is_told_as_seen_by_chance(checker, monkeypatch):
    """It was not caught at the first, so that students may get all points for it."""
    by_chance = tiny().answers["loss"].solution.replace(SQUARES_ONCE, SUMMED)
    made = Mutant("solution", "loss", "made", 1, "a", "b", {"loss": by_chance})
    grade_one = checker.grade
    right = solution_notebook(checker.lab)

    def lucky(name, sha256, notebook):
        return grade_one(name, sha256, right if checker.seed < 2 else notebook)

    monkeypatch.setattr(checker, "grade", lucky)
    (survivor,) = grade(checker, [made], 600).survivors
    assert survivor.not_at == 2
    assert "gets all points at seed 0, by chance: it is caught at 2: made" in in_words(survivor)


def test_as_many_processes_as_there_are_cores_come_to_the_same(checker):
    made = [one for one in mutants(checker.lab) if one.cell == "loss"][:6]
    made.append(Mutant("solution", "loss", "made", 1, "", "", {}))
    heard = []
    setup = Setup(str(checker.lab.folder), 0)
    fates = grade(checker, made, 600, lambda fates: heard.append(fates.tried), setup)
    assert heard == list(range(1, 8))
    assert [one.mutant for one in fates.survivors] == [made[-1]]
    assert not multiprocessing.active_children()
    over = grade(checker, made, 0, setup=setup)
    assert over.tried < len(made)


def test_a_process_that_is_killed_is_told_and_what_was_found_before_counts(checker):
    made = [one for one in mutants(checker.lab) if one.cell == "loss"][:30]

    def kill(fates):
        if fates.tried == 1:
            multiprocessing.active_children()[0].kill()

    fates = grade(checker, made, 600, kill, Setup(str(checker.lab.folder), 0))
    assert 1 <= fates.tried < len(made)
    assert not multiprocessing.active_children()
    (problem,) = told(fates, [])
    assert (
        f"{len(made) - fates.tried} of 30 mutants were not tried: one of the processes" in problem
    )
    assert problem.endswith("and run introml lab test again")
