"""`introml lab test`: a good lab is proved, and each fault of a bad one is found."""

from types import SimpleNamespace

import pytest
from tiny import code_cell, copy_of_tiny, notebook, tiny, written

from introml import command
from introml.grader.authoring import lab_test, mutants
from introml.grader.authoring.canaries import SPY, found_in, own_canaries, planted, readable
from introml.grader.authoring.lab_test import prove_lab
from introml.grader.checks.checks import load_checks
from introml.grader.lab.lab import load_lab
from introml.grader.lab.source import LabError
from introml.grader.run.checker import Checker, Setup


def test_the_small_lab_is_good():
    told = []
    report = prove_lab(tiny(), seeds=3, say=told.append, mutants_s=0)
    assert report.good, report.problems
    assert told == report.lines
    text = "\n".join(report.lines)
    for words in ("at 3 seeds", "the starter fails every", "right/loops passes all",
                  "sum_for_mean is caught", "500 MB",
                  "of 5 secrets", "one of them a spy"):  # fmt: skip
        assert words in text
    rows = [line.split() for line in report.table().split("\n")]
    assert [row[:-3] for row in rows[1:-1]] == [
        ["the", "solution"], ["the", "starter"], ["right", "answers"], ["wrong", "answers"],
        ["experiments"], ["memory"], ["secrets"],
    ]  # fmt: skip
    assert [row[-3] for row in rows[1:-1]] == ["3", "3", "1", "3", "2", "1", "6"]
    assert float(rows[-1][-1]) == pytest.approx(sum(float(row[-1]) for row in rows[1:-1]), abs=0.5)


def test_mutants_are_part_of_it_and_the_table_says_how_many(tmp_path, capsys, monkeypatch):
    """One mutant that no check sees and one that is caught; a name that nothing needs."""
    folder = copy_of_tiny(tmp_path)
    file = folder / "lab_test.toml"
    file.write_text(file.read_text().replace("self.w.sub_", "self.w.add_"))
    kept = ("self.w = self.w.sub_(self.rate", "self.w = (self.w + (self.rate")

    def few(lab, devices):
        made = [one for one in mutants.mutants(lab) if one.answer == "solution"]
        return [one for one in made if one.new.startswith(kept)]

    monkeypatch.setattr(lab_test, "mutants", SimpleNamespace(**vars(mutants) | {"mutants": few}))
    assert command.main(["lab", "test", str(folder), "--seeds", "1", "--mutants", "300"]) == 1
    out = capsys.readouterr().out
    assert "      + self.w = self.w.sub_(self.rate" in out
    assert "take the entry away: 'self.w = self.w - self.rate" in out
    (row,) = (line.split() for line in out.split("\n") if line.startswith("mutants"))
    assert row[1:3] == ["2", "4"]  # tried; the survivor, and three names that nothing needs


def test_each_fault_of_a_bad_lab_is_found(tmp_path, capsys):
    """A check that sees nothing; one that fails by chance; a hint that tells; a memory not kept."""
    folder = copy_of_tiny(
        tmp_path,
        checks_py=lambda text: text.replace(
            "    x, y = randn(rng, 20, 2), randn(rng, 20)\n", "    return\n"
        ),
        hidden_checks_py=lambda text: text.replace(
            'hint="Check a factor of 2 and of n."', "hint=CANARY"
        ).replace(
            "def steps_go_on(submission, rng):\n",
            "def steps_go_on(submission, rng):\n    assert rng.random() < 0.6, 'by chance'\n",
        ),
        lab_toml=lambda text: text.replace("memory_mb = 500", "memory_mb = 1"),
    )
    status = command.main(["lab", "test", str(folder), "--seeds", "8", "--mutants", "0"])
    out = capsys.readouterr().out
    assert status == 1
    for words in (
        "✗ the solution fails steps_go_on at seed",
        "✗ the starter gets points for step_goes_downhill at seed 0",
        "✗ wrong/half_gradient passes step_goes_downhill at seed 0",
        "shows the student introml-canary-3f9c51d07a2be864",
        "does not get by with the 1 MB",
    ):
        assert words in out
    assert "the lab is good" not in out


REFUSED = """
why = "Takes the library's loss."
caught_by = ["loss_is_a_mean"]

[[replace]]
cell = "loss"
old = "return (tiny_solution_residuals**2).mean()"
new = "return torch.nn.functional.mse_loss(x @ w, y)"
"""


def test_answers_to_try_that_are_no_use_are_found(tmp_path, capsys):
    """A right answer that is wrong, and answers that use what the lab withholds."""
    folder = copy_of_tiny(tmp_path)
    right = folder / "right" / "loops.py"
    text = right.read_text()
    right.write_text(text.replace("slopes = [2 * (", "slopes = [(").replace(
        "return sum((row @ w - target) ** 2 for row, target in zip(x, y, strict=True)) / len(y)",
        "return torch.nn.functional.mse_loss(x @ w, y)",
    ))  # fmt: skip
    (folder / "wrong" / "of_the_library.toml").write_text(REFUSED)
    assert command.main(["lab", "test", str(folder), "--seeds", "1", "--mutants", "0"]) == 1
    out = capsys.readouterr().out
    for words in (
        "✗ right/loops: Cell 'loss', line 2: torch.nn.functional.mse_loss is withheld",
        "✗ right/loops fails gradient_is_right at seed 0",
        "✗ wrong/of_the_library is refused: ",
        "✓ wrong/sum_for_mean is caught by",
    ):
        assert words in out


def test_an_author_is_told_what_a_hidden_check_keeps_from_students(tmp_path):
    """The numbers that it compared, and the name that it did not find."""
    folder = copy_of_tiny(
        tmp_path,
        lab_md=lambda text: text.replace("(tiny_solution_residuals**2).mean()", "0 * y.sum()"),
        hidden_checks_py=lambda text: text.replace("submission.Descent(", "submission.Decsent("),
    )
    with Checker(Setup(str(folder), 0)) as checker:
        problems, _ = lab_test._solution_passes(checker, 1)
    (value,) = (one for one in problems if "fails loss_at_any_size" in one)
    assert "differ" in value
    (missing,) = (one for one in problems if "fails steps_go_on" in one)
    assert "Decsent is not defined" in missing


def test_what_would_stop_a_student_who_runs_all_cells_is_found(tmp_path):
    """A given cell that needs an answer, and a check that another cell must have been run for."""
    folder = copy_of_tiny(
        tmp_path,
        lab_md=lambda text: text.replace("from introml.grader import check\n", "").replace(
            "## Check", "```{code-cell} ipython3\n:grade_id: demo\n:tags: [locked]\n\n"
            "import torch\nloss(torch.ones(2), torch.ones(3, 2), torch.ones(3))\n```\n\n## Check",
        ),
    )  # fmt: skip
    with Checker(Setup(str(folder), 0)) as checker:
        problems, _ = lab_test._starter_fails(checker)
    locked, unimported = problems
    assert "'demo' fails while nothing is done yet, so `Run all` ends there" in locked
    assert "uses check, which it does not import" in unimported


def test_a_file_that_is_no_answer_is_told_before_anything_is_graded(tmp_path):
    folder = copy_of_tiny(tmp_path)
    (folder / "wrong" / "of_the_library.toml").write_text(REFUSED.replace("old =", "odd ="))
    told = []
    with pytest.raises(LabError, match=r"of_the_library\.toml"):
        prove_lab(load_lab(folder), seeds=1, say=told.append)
    assert told == []


def test_secrets_are_planted_in_a_copy_that_still_works(tmp_path):
    folder, marks = planted(tiny(), tmp_path / "tiny")
    assert len(set(marks)) == 4
    text = (folder / "hidden_checks.py").read_text()
    assert found_in(text.encode(), marks) == marks
    lab = load_lab(tiny().folder, folder)
    checks = load_checks(lab.hidden_checks, hidden=True, beside=[lab.folder])
    assert [one.name for one in checks][-1] == "planted_check"
    assert len(checks) == 4
    assert "planted" not in tiny().hidden_checks.read_text()


def test_the_labs_own_canary_is_known():
    assert own_canaries(tiny()) == ["introml-canary-3f9c51d07a2be864"]


def test_the_spy_finds_what_is_to_be_found(tmp_path):
    """Outside a box it reads the planted checks: that it finds nothing in one means something."""
    folder, marks = planted(tiny(), tmp_path / "tiny")
    book = notebook()
    book["cells"].append(
        code_cell(SPY.replace("'.', '/tmp', '/home', '/root', '/work'", repr(str(tmp_path))))
    )
    setup = Setup(str(tiny().folder), 1, str(folder), sandbox=False)
    with Checker(setup) as checker:
        result = checker.grade("spy", "", written(book))
    assert not result.cell_errors
    assert found_in(readable(result), marks)
