"""Checking on the student's own machine: in a kernel, in a saved notebook, in nbgrader's cells."""

import json
import random
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from tiny import SECRETS, cell_of, code_cell, notebook, tiny, written

from introml.grader import check, require_check
from introml.grader.authoring.release import release, solution_notebook, starter_notebook
from introml.grader.student.check_table import CheckTable, Row
from introml.grader.student.notebook_check import _check_namespace, _table_of_file, check_file

RIGHT = {name: cell.solution for name, cell in tiny().answers.items()}
NAMES = ["loss_is_a_mean", "gradient_is_right", "gradient_on_a_gpu", "step_goes_downhill"]
NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="says what is said without a GPU")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A student's folder, with the released lab in it."""
    release(tiny(), tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def namespace_of(**answers):
    namespace = {"__name__": "__main__", "torch": torch}
    for source in (RIGHT | answers).values():
        exec(source, namespace)
    return namespace


def table_of(*names, **answers) -> CheckTable:
    return _check_namespace("tiny", names, None, namespace_of(**answers))


def outcomes(table: CheckTable) -> dict[str, str]:
    assert not table.problem
    return {row.name: row.outcome for row in table.rows}


@NO_GPU
def test_the_solution_passes_and_a_gpu_check_is_not_run(folder):
    table = table_of()
    assert outcomes(table) == dict(
        zip(NAMES, ["passed", "passed", "not run", "passed"], strict=True)
    )
    assert (table.score, table.max_score, table.passed) == (5, 5, True)
    assert table.rows[2].hint == "There is no GPU here."
    assert "5 of 5 points; 1 check not run" in table.text()


@NO_GPU
def test_the_starter_fails_all(folder):
    table = table_of(**{name: cell.starter for name, cell in tiny().answers.items()})
    assert set(outcomes(table).values()) == {"not done yet", "not run"}
    assert "0/1, not done yet" in table.text()
    assert "NotImplementedError" not in table.text() + table._repr_html_()
    assert (table.score, table.max_score, table.passed) == (0, 5, False)


@pytest.mark.parametrize("wrong", tiny().wrong_solutions(), ids=lambda one: one.name)
def test_wrong_solutions_fail_their_public_checks(folder, wrong):
    found = outcomes(table_of(**wrong.cells))
    for name in set(wrong.caught_by) & set(NAMES):
        assert found[name] == "failed"


def test_some_checks_can_be_chosen(folder):
    table = table_of("gradient_is_right")
    assert [row.name for row in table.rows] == ["gradient_is_right"]
    table = table_of("gradient_is_wrong")
    assert "'gradient_is_wrong' is no public check of this lab; there are: loss_is" in table.problem


def test_a_folder_without_the_notebook_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.ipynb").write_text("{}")
    assert "There is no notebook of the lab 'tiny' in" in table_of().problem


def test_values_and_not_objects_reach_the_checks(folder):
    """What would fail in grading fails here: a function that returns what cannot be sent."""
    lazy = "class Lazy(torch.Tensor):\n    pass\ndef loss(w, x, y):\n    return y.as_subclass(Lazy)"
    table = table_of(loss=lazy)
    assert table.rows[0].outcome == "failed"
    assert "Lazy" in table.rows[0].hint
    changed = RIGHT["loss"].replace(
        "    tiny_solution_residuals", "    w += 1\n    tiny_solution_residuals", 1
    )
    assert table_of(loss=changed).rows[0].outcome == "failed"


def test_library_answers_are_refused_and_given_back(folder):
    used = "def loss(w, x, y):\n    return torch.nn.functional.mse_loss(x @ w, y)"
    before = torch.nn.functional.mse_loss
    row = table_of(loss=used).rows[0]
    assert row.outcome == "failed"
    assert "torch.nn.functional.mse_loss" in row.hint + row.trace
    assert torch.nn.functional.mse_loss is before


def test_random_numbers_go_on_as_if_nothing_had_been_checked(folder):
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(3)
    numbers = [random.random(), np.random.rand(), torch.rand(1).item()]
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(3)
    assert table_of().score == 5
    assert [random.random(), np.random.rand(), torch.rand(1).item()] == numbers


def test_outside_of_a_notebook_the_table_is_printed(folder, capsys):
    globals().update(namespace_of())  # `check` looks at the names of the one who calls it
    check("tiny", seed=1)
    printed = capsys.readouterr().out
    assert "✓ The gradient is that of the loss" in printed
    assert "\x1b" not in printed


def test_a_test_cell_of_nbgraders_raises_what_the_student_reads(folder):
    globals().update(namespace_of())
    assert require_check("tiny", "gradient_is_right") is None
    globals().update(namespace_of(gradient="def gradient(w, x, y):\n    return 2 * w"))
    with pytest.raises(AssertionError, match="Differentiate the mean, not the sum"):
        require_check("tiny", "gradient_is_right")
    with pytest.raises(AssertionError, match="no public check"):
        require_check("tiny", "no_such")


HOSTILE = "</pre></table><script>alert(1)</script>\x1b[31m"


def test_the_table_escapes_what_it_shows():
    row = Row("a", HOSTILE, "failed", 0, 1, HOSTILE, HOSTILE)
    table = CheckTable(HOSTILE, (row,), (HOSTILE,), ((HOSTILE, HOSTILE),))
    for html in (table._repr_html_(), CheckTable(HOSTILE, problem=HOSTILE)._repr_html_()):
        assert "<script" not in html
        assert "\x1b" not in html
    assert "\x1b" not in table.text()


def test_the_table_can_be_read_by_all():
    rows = (
        Row("a", "First", "passed", 2, 2), Row("b", "Second", "failed", 0, 1, "Look again."),
        Row("c", "Third", "not run", 0, 1, "There is no GPU here."),
        Row("d", "Fourth", "partial", 0.5, 1, "Half."),
    )  # fmt: skip
    table = CheckTable("A lab", rows)
    page = BeautifulSoup(table._repr_html_(), "html.parser")
    assert page.caption.get_text() == (
        "A lab: 2.5 of 4 points; 1 check not run. More checks run when the lab is graded."
    )
    assert [x.get_text() for x in page.select("thead th")] == ["Result", "Check", "Points"]
    assert [row.td.get_text() for row in page.select("tbody tr")] == [
        "✓ passed", "✗ failed", "– not run", "◐ partial",
    ]  # fmt: skip
    assert all(mark["aria-hidden"] == "true" for mark in page.select("tbody span"))
    assert [row.find_all("td")[1].get_text() for row in page.select("tbody tr")] == [
        "2 / 2", "0 / 1", "–", "0.5 / 1",
    ]  # fmt: skip


def save(folder, book, name="tiny.ipynb"):
    path = folder / name
    path.write_bytes(written(book))
    return path


def test_a_saved_notebook(folder):
    book = notebook()
    cell_of(book, "gradient")["source"] = (
        "import math\n%matplotlib inline\n\ndef gradient(w, x, y):\n    return helper(x)\n\n"
        "def helper(x):\n    return math.sqrt(x)"
    )
    book["cells"].append(code_cell("print('printed by the notebook')\n1 / 0"))
    table = check_file(save(folder, book))
    assert outcomes(table)["loss_is_a_mean"] == "passed"
    assert table.rows[1].trace.splitlines() == [
        "Cell 'gradient', line 5, in gradient", "    return helper(x)",
        "Cell 'gradient', line 8, in helper", "    return math.sqrt(x)",
        "ValueError: only one element tensors can be converted to Python scalars",
    ]  # fmt: skip
    assert table.errors == (
        (f"Cell {len(book['cells'])} stopped at line 2",
         "    1 / 0\nZeroDivisionError: division by zero\n"
         "Correct this line, or delete it if your answer does not need it."),
    )  # fmt: skip
    assert "line 2: '%matplotlib inline' is for notebooks" in table.notes[0]


UNREADABLE = {
    "another": (lambda book: book.update(metadata={}), "This is not the notebook of a lab"),
    "damaged": (
        lambda book: book["metadata"]["introml"].update(cells=3), "The notebook's metadata is dam"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_saved_notebook_that_cannot_be_read(folder, name):
    change, said = UNREADABLE[name]
    book = notebook()
    change(book)
    table = _table_of_file(save(folder, book), lambda *_: None)
    assert said in table.problem
    assert said in table.text()


def test_a_saved_notebook_that_ends_its_process(folder):
    book = notebook()
    book["cells"].insert(2, code_cell("import os\nos._exit(0)"))
    table = check_file(save(folder, book))
    assert table.problem == ("The notebook ended its process (exit status 0) while it ran Cell 3.")


def test_a_saved_notebook_that_never_ends(folder):
    book = notebook()
    cell_of(book, "descent")["source"] = "while True:\n    pass"
    table = check_file(save(folder, book), timeout_s=2)
    assert table.problem == ("The notebook did not finish within 2 s while it ran Cell 'descent'.")


def test_a_saved_notebook_with_a_library_answer(folder):
    book = notebook()
    cell_of(book, "loss")["source"] = "loss = torch.nn.MSELoss()"
    table = _table_of_file(save(folder, book), lambda *_: None)
    assert outcomes(table)["loss_is_a_mean"] == "failed"
    assert table.notes == (
        "Cell 'loss', line 1: torch.nn.MSELoss is withheld in this lab. "
        "What calls it fails when the lab is graded, the rest runs.",
    )


def test_a_missing_file_is_said(tmp_path):
    assert "There is no file" in check_file(tmp_path / "none.ipynb").problem


def test_modules_beside_the_notebook_do_not_take_pythons_place(folder):
    (folder / "torch.py").write_text("raise RuntimeError('shadowed')")
    save(folder, notebook())
    assert outcomes(check_file(folder / "tiny.ipynb"))["loss_is_a_mean"] == "passed"


def run_in_a_kernel(folder, book: dict) -> list:
    from nbclient import NotebookClient

    whole = nbformat.reads(json.dumps(book), as_version=4)
    NotebookClient(whole, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return whole.cells


def shown(cell) -> dict:
    """The table of a cell, as the kernel sent it."""
    return next(output.data for output in cell.outputs if output.output_type == "display_data")


@NO_GPU
def test_in_a_kernel(folder):
    """The released notebook as a student runs it, answered half, then wrong, then by a library."""
    book = json.loads(starter_notebook(tiny()))
    cell_of(book, "loss")["source"] = RIGHT["loss"]
    cells = book["cells"]
    ask = code_cell('from introml.grader import check\n\ncheck("tiny")')
    cells.insert(-2, dict(ask))
    cells[:] = [x for x in cells if "experiment" not in x["metadata"].get("tags", [])]
    cells.append(code_cell("def gradient(w, x, y):\n    z = x @ w\n    return z @ y_hat"))
    cells.append(code_cell('import torch.nn.functional as F\n\ncheck("tiny", "gradient_is_right")'))
    cells.append(code_cell("def loss(w, x, y):\n    return F.mse_loss(x @ w, y)"))
    cells.append(code_cell('check("tiny", "loss_is_a_mean")'))
    cells.append(code_cell(RIGHT["loss"]))
    cells.append(code_cell('check("tiny", "loss_is_a_mean")\n1'))
    for number, cell in enumerate(cells):
        cell["id"] = f"c{number}"
    done = run_in_a_kernel(folder, book)

    first = shown(next(x for x in done if x.source == ask["source"]))
    assert "2 of 5 points; 1 check not run" in first["text/html"]
    assert "✓ The loss is the mean of squared residuals" in first["text/plain"]
    assert "not done yet" in first["text/html"]
    for secret in SECRETS:
        if not secret.startswith("tiny_solution"):  # the student's own answer here
            assert secret not in json.dumps([dict(x) for x in done], default=str)

    second = shown(done[-5])["text/plain"]
    assert (
        "line 3, in gradient\n          return z @ y_hat\n      NameError: name 'y_hat' is"
        in second
    )
    assert "Cell In[" in second

    third = shown(done[-3])["text/plain"]
    assert "line 2: torch.nn.functional.mse_loss is withheld in this lab" in third
    assert "✗ The loss" in third
    assert "✓ The loss" in shown(done[-1])["text/plain"]


def test_the_released_check_cell_works_in_a_kernel(folder):
    book = json.loads(solution_notebook(tiny()))
    save(folder, book)
    done = run_in_a_kernel(folder, book)
    asked = next(cell for cell in done if cell.id == "check-all")
    assert "5 of 5 points" in shown(asked)["text/plain"]


def test_importing_the_grader_costs_nothing():
    code = (
        "import sys, introml.grader.authoring.release, introml.grader.notebook.notebook; "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
