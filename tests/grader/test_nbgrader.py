"""nbgrader itself, in an environment of its own, takes the source of a lab and grades with it."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest
from tiny import SECRETS, cell_of, grade_id, notebook, tiny

from introml.grader.authoring.release import nbgrader_source
from introml.grader.notebook.notebook import Submitted, read_submission

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def nbgrader():
    """`nbgrader(folder, *arguments)` runs it. Its environment is made when it is not there."""
    made = subprocess.run(
        ["bash", str(HERE / "nbgrader_env.sh")], capture_output=True, text=True, timeout=900
    )
    assert made.returncode == 0, f"nbgrader's environment cannot be made:\n{made.stderr[-3000:]}"
    python = Path(made.stdout.split()[-1])
    environment = os.environ | {"PATH": f"{python.parent}:{os.environ['PATH']}"}

    def run(folder, *arguments):
        command = [str(python), "-m", "nbgrader", *arguments, f"--course-dir={folder}"]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def course(tmp_path_factory, nbgrader):
    """A course whose one assignment nbgrader has released."""
    folder = tmp_path_factory.mktemp("course")
    source = folder / "source" / "tiny"
    source.mkdir(parents=True)
    (source / "tiny.ipynb").write_bytes(nbgrader_source(tiny()))
    (source / tiny().checks_file).write_bytes(tiny().public_checks.read_bytes())
    said = nbgrader(folder, "generate_assignment", "tiny", "--create")
    assert "ERROR" not in said
    return folder


def test_nbgrader_makes_the_assignment(course):
    data = (course / "release" / "tiny" / "tiny.ipynb").read_bytes()
    book = json.loads(data)
    loss = "".join(cell_of(book, "loss")["source"])
    assert (
        "    # The residuals are x @ w - y; average their squares.\n    # YOUR CODE HERE\n" in loss
    )
    assert "raise NotImplementedError()" in loss
    for secret in SECRETS:
        assert secret.encode() not in data
    ours = {grade_id(x) for x in notebook()["cells"]} - {None}
    assert ours < {grade_id(x) for x in book["cells"]}


def test_the_assignment_can_be_graded_here_too(course):
    data = (course / "release" / "tiny" / "tiny.ipynb").read_bytes()
    result = read_submission(data, tiny())
    assert isinstance(result, Submitted)
    assert [one.id for one in result.cells] == ["imports", "loss", "gradient", "descent"]
    assert result.notes == ()


def test_nbgrader_grades_with_the_public_checks(course, nbgrader):
    answers = {
        "right": {},
        "wrong": {"loss": "def loss(w, x, y):\n    return ((x @ w - y)**2).sum()"},
    }
    for student, changed in answers.items():
        book = json.loads((course / "release" / "tiny" / "tiny.ipynb").read_bytes())
        for name, cell in tiny().answers.items():
            cell_of(book, name)["source"] = changed.get(name, cell.solution)
        folder = course / "submitted" / student / "tiny"
        folder.mkdir(parents=True)
        (folder / "tiny.ipynb").write_text(json.dumps(book))
    nbgrader(course, "autograde", "tiny", "--create")
    rows = sqlite3.connect(course / "gradebook.db").execute(
        "select s.student_id, sum(g.auto_score) from grade g"
        " join submitted_notebook n on g.notebook_id = n.id"
        " join submitted_assignment s on n.assignment_id = s.id group by s.student_id"
    )
    assert dict(rows.fetchall()) == {"right": 5, "wrong": 3}
