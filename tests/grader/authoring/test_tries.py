"""What a lab's text has students try: found, held to an entry, and run."""

import copy

import pytest
from tiny import copy_of_tiny, tiny

from introml.data import mnist
from introml.grader.authoring import lab_test_file, tries
from introml.grader.authoring.lab_test_file import Try
from introml.grader.lab.lab import load_lab

SAYS = "Try it on data of your own"


def changed(checker, folder, old, new):
    """The checker, for a lab that is the small one but for a few words."""
    other = copy.copy(checker)
    other.lab = load_lab(copy_of_tiny(folder, lab_md=lambda source: source.replace(old, new)))
    return other


def with_text(tmp_path, text):
    return load_lab(copy_of_tiny(
        tmp_path, lab_md=lambda source: source.replace("Try it on data of your own.", text)
    ))  # fmt: skip


@pytest.mark.parametrize(("text", "found"), [
    ("It fell. Try `rate=1.5`: does it climb? Then stop.", ["Try `rate=1.5`"]),
    ("Why? Try 100 in place\nof 4,000. Try again!", ["Try 100 in place of 4,000", "Try again"]),
    ("You can try it. Trying helps; a Tryst does not.", []),
    ("It is 3.5.\n\nTry 2.5 in its place.", ["Try 2.5 in its place"]),
])  # fmt: skip
def test_sentences_that_begin_with_try_are_found(tmp_path, text, found):
    assert [one for one, _ in tries.sentences(with_text(tmp_path, text))] == found


def test_each_sentence_needs_an_entry_and_each_entry_a_sentence(tmp_path):
    lab = with_text(tmp_path, "Try more points. Try fewer.")
    line = (lab.folder / "lab.md").read_text().split("\n").index("Try more points. Try fewer.") + 1
    problems = list(tries.unheld(lab, [Try("Try more points", "training"), Try(SAYS, "training")]))
    assert len(problems) == 2
    assert problems[0].startswith(f"lab.md:{line}: 'Try fewer' is run by no [[try]]")
    assert repr(SAYS) in problems[1]


def test_the_small_lab_holds_all_that_it_has_students_try():
    to_try, _ = lab_test_file.read(tiny())
    assert list(tries.unheld(tiny(), to_try)) == []
    assert [one.says for one in to_try] == [SAYS]


def test_experiments_and_tries_run_and_hold_what_is_said(checker):
    def problems(**options):
        return list(tries.run_all(checker, [Try(SAYS, **options)]))

    ones = [("torch.randn(50, 2), torch.randn(50)", "torch.ones(50, 2), torch.ones(50)")]
    assert problems(cell="training") == []
    assert problems(cell="training", replace=tuple(ones), holds="result[-1] < 0.01") == []
    (wrong,) = problems(cell="training", holds="result[-1] > result[0]")
    assert "result[-1] > result[0] does not hold: result = [" in wrong
    (misspelt,) = problems(cell="training", holds="reslt[-1] < 1")
    assert misspelt.endswith("does not hold: NameError: name 'reslt' is not defined")
    (counted,) = problems(cell="training", holds="len([one for one in result]) == 2")
    assert counted.count(" = ") == 1
    (raised,) = problems(cell="training", replace=(("range(20)", "range(2, nothing)"),))
    assert "nothing" in raised
    (absent,) = problems(cell="training", replace=(("range(21)", "range(20)"),))
    assert "'range(21)' stands 0 times in training" in absent
    (unknown,) = problems(cell="trainings")
    assert unknown.endswith("there are: training")
    (no_code,) = problems(cell="training", holds="result <")
    assert "holds is no expression" in no_code


def test_an_experiment_that_fails_with_the_solution_is_found(checker, tmp_path):
    other = changed(checker, tmp_path, "descent = Descent(2)", "descent = Descent()")
    (problem,) = tries.run_all(other, [])
    assert problem.startswith("experiment training fails with the solution: ")


def test_nothing_is_withheld_in_an_experiment(checker, tmp_path):
    """A student runs it where the library is whole."""
    with_loss = "descent = Descent(2); torch.nn.functional.mse_loss(y, y)"
    other = changed(checker, tmp_path, "descent = Descent(2)", with_loss)
    assert list(tries.run_all(other, [])) == []


def test_an_experiment_has_the_pictures_of_the_book(checker, tmp_path):
    """In the box of the test, where introml is not; a student has it."""
    X, y = mnist.load("test")
    loads = f"""from introml.data import mnist
X_new, y_new = mnist.load("test")
assert (X_new.shape, y_new.sum()) == ((2000, 28, 28), {y.sum()}), y_new.sum()
assert abs(X_new.double().sum() - {X.double().sum()}) < 1e-3, X_new.sum()
assert len(mnist.load()[0]) == 8000
descent = Descent(2)"""
    other = changed(checker, tmp_path, "descent = Descent(2)", loads)
    assert list(tries.run_all(other, [])) == []
