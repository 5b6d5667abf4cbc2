"""Checks on the student's own machine: by value, with the library's answers refused meanwhile."""

import pytest
import torch
from tiny import tiny

from introml.grader.student.home import (
    HomeLink,
    HomeWorker,
    LocalLink,
    cell_of_file,
    checks_from,
    run_checks,
    source_of_file,
    student_trace,
)
from introml.grader.wire.student_process import Worker
from introml.grader.wire.submission import StudentError, Submission, begin, beside, end_process


def local(**names):
    submission = Submission(LocalLink(Worker({"__name__": "__main__", "torch": torch, **names})))
    begin(submission, 1, 10, True)
    return submission


def home(experiments=(), families=("softmax",), **names):
    worker = HomeWorker({"__name__": "__main__", "torch": torch, **names})
    submission = Submission(HomeLink(worker, families, dict(experiments)), public=True)
    begin(submission, 1, 10, True)
    return worker, submission


def test_values_are_copied_on_both_ways():
    kept = []

    def change(x):
        kept.append(x)
        x += 1
        return x

    x = torch.zeros(3)
    returned = local(change=change).change(x)
    assert x.tolist() == [0, 0, 0]
    assert returned.tolist() == [1, 1, 1]
    returned += 5
    assert kept[0].tolist() == [1, 1, 1]


def test_code_beside_has_names_of_its_own():
    submission = local(answer=lambda: 1, only_here=lambda: 2)
    with beside(submission, "def answer():\n    return 3\n") as other:
        assert other.answer() == 3
        with pytest.raises(StudentError) as missing:
            other.only_here()
        assert missing.value.kind == "missing"
    assert submission.answer() == 1


def test_code_beside_that_cannot_run_is_said():
    with (
        pytest.raises(StudentError, match="ZeroDivisionError"),
        beside(local(), "1 / 0\n"),
    ):
        pass


def test_the_process_is_shared_and_so_is_not_ended():
    submission = local(answer=lambda: 1)
    assert end_process(submission) is False
    assert submission.answer() == 1


def uses_softmax(x):
    return torch.nn.functional.softmax(x, -1)


def test_what_a_lab_withholds_is_refused_in_requests_only():
    worker, submission = home(uses=uses_softmax, keeps=lambda x: x)
    x = torch.zeros(2)
    with pytest.raises(StudentError) as refused:
        submission.uses(x)
    assert refused.value.kind == "library_answer"
    assert uses_softmax(x).tolist() == [0.5, 0.5]
    assert type(worker.error).__name__ == "LibraryAnswer"
    assert submission.keeps(x).tolist() == [0, 0]


def test_experiments_are_those_of_the_saved_notebook():
    _, submission = home(experiments={"plot": "result = 7"})
    assert submission.experiment("plot") == 7
    with pytest.raises(StudentError, match="'other' is not in the saved notebook: save it first"):
        submission.experiment("other")


def test_checks_come_out_of_a_text_and_run_row_by_row():
    checks = checks_from(tiny().public_checks.read_text(), "tiny")
    names = {"__name__": "__main__", "torch": torch}
    exec(tiny().answers["loss"].solution, names)
    exec("def gradient(w, x, y):\n    raise NotImplementedError", names)
    rows = run_checks(
        checks, names, families=[], lab="", experiments={}, check_s=5, seed=1, label=cell_of_file
    )
    found = {row.name: row.outcome for row in rows}
    assert found["loss_is_a_mean"] == "passed"
    assert found["gradient_is_right"] == "not done yet"
    assert found["step_goes_downhill"] == "failed"
    assert torch.cuda.is_available() or found["gradient_on_a_gpu"] == "not run"


def error_of(source, filename):
    try:
        exec(compile(source, filename, "exec"), {})
    except Exception as error:
        return error


def test_a_trace_is_of_the_students_cells_alone():
    error = error_of("def f():\n    return 1 / 0\nf()", "<cell loss>")
    assert student_trace(error, cell_of_file).splitlines() == [
        "Cell 'loss', line 3",
        "Cell 'loss', line 2, in f",
        "ZeroDivisionError: division by zero",
    ]
    assert student_trace(error, lambda name: None) == ""


def test_a_trace_of_an_exception_that_will_not_be_told():
    source = "class Sly(Exception):\n    def __str__(self):\n        return 1 / 0\nraise Sly"
    assert student_trace(error_of(source, "<cell loss>"), cell_of_file).endswith("\nSly")


def test_files_are_cells_only_if_a_worker_ran_them():
    assert cell_of_file("<cell loss>") == "Cell 'loss'"
    assert cell_of_file("/usr/lib/python3/loss.py") is None
    assert source_of_file("<no such cell>") == ""
    assert source_of_file(__file__).startswith('"""Checks on the student')
