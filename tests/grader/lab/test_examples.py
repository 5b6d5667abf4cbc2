"""Answers that a lab's checks are tried on: mistakes as replacements, whole cells, right ones."""

import ast

import pytest
from tiny import copy_of_tiny, tiny

from introml.book.paths import LABS, ROOT
from introml.grader.authoring.release import solution_notebook
from introml.grader.lab.lab import labs, load_lab
from introml.grader.lab.source import LabError
from introml.grader.notebook.library_answers import find
from introml.grader.notebook.notebook import read_submission

ALL = [*(LABS / name for name in labs())]
ALL += [path.parent for path in sorted((ROOT / "tests").rglob("labs/*/lab.md"))]
WHOLE = '''"""Adds the squares up.

Caught by: loss_is_a_mean, loss_at_any_size
"""
# ruff: noqa: F821


# %% loss
def loss(w, x, y):
    return ((x @ w - y) ** 2).sum()
'''


def test_a_mistake_is_the_solution_with_a_replacement():
    wrong = {one.name: one for one in tiny().wrong_solutions()}
    one = wrong["sum_for_mean"]
    assert one.caught_by == ("loss_is_a_mean", "loss_at_any_size")
    assert one.why.startswith("Adds the squares up")
    solution = tiny().answers["loss"].solution
    assert one.cells == {"loss": solution.replace(".mean()", ".sum()")}
    assert one.cells["loss"].splitlines()[-1] == "    return (tiny_solution_residuals**2).sum()"


def written(tmp_path, text, name="mine.toml"):
    """The wrong solution of that text, in a copy of the small lab."""
    folder = copy_of_tiny(tmp_path)
    (folder / "wrong" / name).write_text(text)
    return next(x for x in load_lab(folder).wrong_solutions() if x.name == name.partition(".")[0])


def test_a_mistake_may_need_several_replacements_in_several_cells(tmp_path):
    one = written(tmp_path, """
        why = \"\"\"
        Two mistakes
        at a time.\"\"\"
        caught_by = ["steps_go_on"]
        replace = [
            {cell = "descent", old = "self.w - self.rate", new = "self.w + self.rate"},
            {cell = "descent", old = "return self.w", new = "return -self.w"},
            {cell = "loss", old = ".mean()", new = ""},
        ]
        """)  # fmt: skip
    assert one.why == "Two mistakes at a time."
    assert one.cells.keys() == {"descent", "loss"}
    assert "self.w = self.w + self.rate * gradient(self.w, x, y)" in one.cells["descent"]
    assert "return -self.w" in one.cells["descent"]
    assert one.cells["loss"].endswith("return (tiny_solution_residuals**2)")


def test_a_mistake_that_is_no_replacement_is_written_as_whole_cells(tmp_path):
    one = written(tmp_path, WHOLE, "whole.py")
    assert (one.why, one.caught_by) == (
        "Adds the squares up.",
        ("loss_is_a_mean", "loss_at_any_size"),
    )
    assert one.cells == {"loss": "def loss(w, x, y):\n    return ((x @ w - y) ** 2).sum()"}


GOOD = """
why = "Adds the squares up."
caught_by = ["loss_is_a_mean"]

[[replace]]
cell = "loss"
old = ".mean()"
new = ".sum()"
"""
BAD = {
    "text that is not there": ('old = ".mean()"', 'old = ".median()"', "stands 0 times"),
    "text that is there twice": (
        'old = ".mean()"', 'old = "tiny_solution_residuals"',
        "stands 2 times in the solution of 'loss'; it must stand there once; take in more",
    ),
    "no text": ('old = ".mean()"', 'old = ""', "stands 0 times"),
    "an unknown cell": (
        'cell = "loss"', 'cell = "lost"', "lost: no such answer cell; there are: loss,",
    ),
    "an unknown check": ('["loss_is_a_mean"]', '["loss_is_mean"]', "'loss_is_mean' is no check"),
    "no check": ('["loss_is_a_mean"]', "[]", "needs caught_by"),
    "a check that is no text": ('["loss_is_a_mean"]', "[1]", "needs caught_by"),
    "no reason": ('why = "Adds the squares up."', "", "needs why"),
    "no mistake": (GOOD[GOOD.index("[[replace") :], "", "has no mistake; write [[replace]]"),
    "nothing new": ('new = ".sum()"', "", "replacement 1 needs the texts cell, old and new"),
    "an odd entry": ('new = ".sum()"', 'new = ""\nall = "yes"', "replacement 1 needs the texts"),
    "an odd setting": ("why =", 'caught = "x"\nwhy =', "'caught' is no setting; allowed are why"),
    "no change": ('new = ".sum()"', 'new = ".mean()"', "changes nothing in 'loss'"),
    "what is not Python": ('new = ".sum()"', 'new = ".sum("', "line 4 of 'loss' is not Python"),
    "what is not TOML": ('cell = "loss"', "cell: loss", "is not TOML"),
    "an overlap": (
        '[[replace]]',
        '[[replace]]\ncell = "loss"\nold = "2).mean"\nnew = "2).sum"\n\n[[replace]]',
        "replacement 2: '.mean()' overlaps with a replacement before it",
    ),
}  # fmt: skip
BAD_WHOLE = {
    "no docstring": ('"""Adds', '1\n"""Adds', "needs a docstring"),
    "an unknown check": ("Caught by: loss_is_a_mean", "Caught by: loss_is_mean", "is no check"),
    "an unknown cell": ("# %% loss", "# %% loose", "no such answer cell; there are: loss,"),
    "no cell": ("# %% loss\n", "", "write `# %% grade_id`"),
    "what is not Python": ("def loss", "def def loss", "is not Python"),
}


@pytest.mark.parametrize(
    ("name", "good", "change"),
    [("mine.toml", GOOD, one) for one in BAD.values()]
    + [("whole.py", WHOLE, one) for one in BAD_WHOLE.values()],
    ids=[*BAD, *(f"{one}, in a whole answer" for one in BAD_WHOLE)],
)
def test_what_is_wrong_with_a_wrong_solution_is_said(tmp_path, name, good, change):
    old, new, said = change
    assert good.count(old) == 1
    assert written(tmp_path, good, name)
    with pytest.raises(LabError) as caught:
        written(tmp_path / "bad", good.replace(old, new), name)
    assert said in str(caught.value)
    assert name in str(caught.value)


def test_a_name_is_there_once(tmp_path):
    with pytest.raises(LabError, match=r"is there as \.py and as \.toml; keep one"):
        written(tmp_path, WHOLE, "sum_for_mean.py")


def test_right_answers_say_what_is_other_about_them(tmp_path):
    (one,) = tiny().right_solutions()
    assert one.name == "loops"
    assert one.cells.keys() == tiny().answers.keys()
    folder = copy_of_tiny(tmp_path)
    (folder / "right" / "silent.py").write_text("# %% loss\ndef loss(w, x, y): ...\n")
    with pytest.raises(LabError, match=r"silent\.py:1: needs a docstring"):
        load_lab(folder).right_solutions()


@pytest.mark.parametrize("place", ALL, ids=lambda path: path.name)
def test_a_wrong_solution_keeps_what_is_not_its_mistake(place):
    """The mistake alone: of the solution's lines, most stay in each one that is a replacement."""
    lab = load_lab(place)
    for wrong in lab.wrong_solutions():
        if (lab.folder / "wrong" / f"{wrong.name}.py").exists():
            continue
        for name, source in wrong.cells.items():
            before = lab.answers[name].solution
            assert ast.dump(ast.parse(source)) != ast.dump(ast.parse(before))
            kept = [line for line in before.splitlines() if line in source.splitlines()]
            assert len(kept) >= len(before.splitlines()) - 4, wrong.name


@pytest.mark.parametrize("place", ALL, ids=lambda path: path.name)
def test_no_answer_that_is_tried_is_refused_for_a_library_answer(place):
    lab = load_lab(place)
    for one in [*lab.right_solutions(), *lab.wrong_solutions()]:
        read = read_submission(solution_notebook(lab, one.cells), lab)
        cells = [*read.cells, *read.experiments.values()]
        assert find(cells, lab.settings.forbidden) == ([], []), one.name
