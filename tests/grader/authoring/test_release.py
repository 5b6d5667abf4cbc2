"""Release: what is in the notebooks and what must not be, and that no work is overwritten."""

import json
import os

import nbformat
import pytest
from nbclient import NotebookClient
from tiny import SECRETS, cell_of, copy_of_tiny, grade_id, notebook, tiny

from introml.grader.authoring.release import (
    WouldOverwrite,
    nbgrader_source,
    release,
    released_files,
    solution_notebook,
    starter_notebook,
)
from introml.grader.lab.lab import load_lab


def test_a_release_is_the_notebook_and_the_public_checks(tmp_path):
    paths = release(tiny(), tmp_path / "out")
    assert [path.name for path in paths] == ["tiny.ipynb", "tiny_checks.py"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        path.name for path in paths
    )
    assert paths[1].read_bytes() == tiny().public_checks.read_bytes()


def test_no_released_byte_is_of_a_solution_or_a_hidden_check():
    lab = tiny()
    solution, hidden = (lab.folder / "lab.md").read_text(), lab.hidden_checks.read_text()
    for name, content in released_files(lab).items():
        for secret in SECRETS:
            assert secret in solution + hidden  # or the test would prove nothing
            assert secret.encode() not in content, name
        assert b"SOLUTION" not in content
    assert "target" in lab.right_solutions()[0].cells["loss"]
    assert not [name for name, content in released_files(lab).items() if b"target" in content]
    # No line that only a solution has, either.
    starter = starter_notebook(lab).decode()
    for cell in lab.answers.values():
        own = set(cell.solution.splitlines()) - set(cell.starter.splitlines())
        assert own
        for line in own:
            assert json.dumps(line.strip())[1:-1] not in starter


def test_the_same_lab_gives_the_same_bytes(tmp_path):
    folder = copy_of_tiny(tmp_path)
    assert starter_notebook(load_lab(folder)) == starter_notebook(tiny())


@pytest.mark.parametrize("make", [starter_notebook, solution_notebook, nbgrader_source])
def test_the_notebooks_are_notebooks(make):
    book = nbformat.reads(make(tiny()).decode(), as_version=4)
    nbformat.validate(book)
    assert book.nbformat_minor == 5
    assert all(not cell.outputs for cell in book.cells if cell.cell_type == "code")
    assert book.metadata.introml.lab == "tiny"
    assert book.metadata.introml.version == tiny().version
    assert book.metadata.introml.checks == tiny().public_checks.read_text()


def test_cells_carry_nbgraders_metadata():
    book = notebook(answered=False)
    marks = {grade_id(x): x["metadata"]["nbgrader"] for x in book["cells"] if grade_id(x)}
    assert marks["loss"] == {
        "schema_version": 3, "grade_id": "loss", "cell_type": "code",
        "grade": False, "solution": True, "locked": False, "task": False,
    }  # fmt: skip
    assert marks["imports"]["locked"]
    assert not marks["imports"]["solution"]
    assert marks["check-all"]["locked"]
    assert not marks["training"]["locked"]
    assert not marks["training"]["solution"]
    assert cell_of(book, "training")["metadata"]["tags"] == ["experiment", "raises-exception"]
    assert [x["id"] for x in book["cells"] if grade_id(x)] == list(marks)


def test_links_to_pages_of_the_book_are_words_in_the_notebook():
    text = "".join(notebook(answered=False)["cells"][0]["source"])
    assert "The page on *gradient descent* has the mathematics." in text


def test_remarks_on_solutions_are_in_the_solution_alone():
    assert b"tiny_solution_remark" in solution_notebook(tiny())
    assert b"tiny_solution_remark" not in starter_notebook(tiny())
    assert b"tiny_solution_remark" not in nbgrader_source(tiny())


def test_other_answers_can_be_put_in():
    book = json.loads(solution_notebook(tiny(), {"loss": "def loss(w, x, y):\n    return 0"}))
    assert "".join(cell_of(book, "loss")["source"]) == "def loss(w, x, y):\n    return 0"
    assert "x.T" in "".join(cell_of(book, "gradient")["source"])
    with pytest.raises(ValueError, match="'lose' is no answer cell of tiny; there are: loss"):
        solution_notebook(tiny(), {"lose": ""})


def test_the_source_for_nbgrader_has_its_marks_and_test_cells():
    book = json.loads(nbgrader_source(tiny()))
    loss = "".join(cell_of(book, "loss")["source"])
    assert (
        "    # The residuals are x @ w - y; average their squares.\n    ### BEGIN SOLUTION\n"
        in loss
    )
    tests = [x["metadata"]["nbgrader"] for x in book["cells"] if "points" in str(x["metadata"])]
    assert {one["grade_id"]: one["points"] for one in tests} == {
        "test-loss_is_a_mean": 2, "test-gradient_is_right": 2, "test-step_goes_downhill": 1,
    }  # fmt: skip
    assert all(one["grade"] and one["locked"] and not one["solution"] for one in tests)


def test_work_is_not_overwritten(tmp_path):
    mine = release(tiny(), tmp_path)[0]
    before = mine.read_bytes()
    mine.write_text("my answers")
    (tmp_path / "tiny_checks.py").unlink()
    with pytest.raises(WouldOverwrite, match=r"tiny\.ipynb is there already") as caught:
        release(tiny(), tmp_path)
    assert caught.value.paths == [mine]
    assert mine.read_text() == "my answers"
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.ipynb"]  # nothing else either
    release(tiny(), tmp_path, force=True)
    assert mine.read_bytes() == before


def test_an_unchanged_release_is_released_again_without_a_word(tmp_path):
    first = [path.read_bytes() for path in release(tiny(), tmp_path)]
    assert [path.read_bytes() for path in release(tiny(), tmp_path)] == first


def test_a_link_in_the_way_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not yours")
    out = tmp_path / "out"
    out.mkdir()
    os.symlink(elsewhere, out / "tiny.ipynb")
    with pytest.raises(WouldOverwrite):
        release(tiny(), out)
    release(tiny(), out, force=True)
    assert elsewhere.read_text() == "not yours"
    assert not (out / "tiny.ipynb").is_symlink()


def test_a_folder_in_the_way_is_said(tmp_path):
    (tmp_path / "tiny.ipynb").mkdir()
    with pytest.raises(WouldOverwrite):
        release(tiny(), tmp_path)
    with pytest.raises(IsADirectoryError, match=r"tiny\.ipynb is a folder"):
        release(tiny(), tmp_path, force=True)


def test_run_all_gets_to_the_last_check_with_nothing_done(tmp_path):
    """As Jupyter runs a notebook: it ends at the first failure, unless the cell's tag allows it."""
    release(tiny(), tmp_path)
    book = nbformat.read(tmp_path / "tiny.ipynb", as_version=4)
    experiment = next(x for x in book.cells if "experiment" in x.metadata.get("tags", []))
    NotebookClient(book, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [x.ename for x in experiment.outputs] == ["NotImplementedError"]
    (table,) = book.cells[-1].outputs
    assert "not done yet" in table.data["text/html"]


def test_a_failure_is_not_hidden_in_the_solution():
    assert b"raises-exception" not in solution_notebook(tiny())
    assert b"raises-exception" in starter_notebook(tiny())
