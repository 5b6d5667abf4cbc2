"""Runs a lab's checks on answers in this very process, by value as a student's notebook does."""

import linecache

from torch_threads import one_thread

from introml.grader.lab.lab import Lab
from introml.grader.lab.source import Kind
from introml.grader.run.checker import load_all_checks
from introml.grader.run.outcome import Outcome, run_check
from introml.grader.student.home import LocalLink
from introml.grader.wire.student_process import Worker
from introml.grader.wire.submission import Submission

RUN = (Kind.LOCKED, Kind.ANSWER, Kind.FREE)


def names_of(lab: Lab, answers: dict[str, str] | None = None, starter: bool = False) -> dict:
    """What the lab's cells define: solutions, or `answers` by grade_id where those are given."""
    assert set(answers or {}) <= set(lab.answers)
    names = {"__name__": "__main__"}
    for cell in lab.cells:
        if cell.kind in RUN:
            source = cell.starter if starter else (answers or {}).get(cell.id, cell.solution)
            name = f"<cell {cell.id}>"
            # TorchScript reads a function's source, as in a box.
            linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
            exec(compile(source, name, "exec"), names)
    return names


def outcomes(
    lab: Lab, names: dict, seed: int, only=None, without=(), tier="cpu"
) -> dict[str, Outcome]:
    """What becomes of the lab's checks, of one tier; the process has one thread, as a box has."""
    found = {}
    with one_thread():
        for check in load_all_checks(lab):
            chosen = only is None or check.name in only
            if check.tier == tier and chosen and check.name not in without:
                submission = Submission(LocalLink(Worker(namespace=names)), seed=seed)
                found[check.name] = run_check(check, submission, seed)
    return found


def not_passed(found: dict[str, Outcome]) -> dict[str, str]:
    """The checks that did not pass, and what is said of them."""
    return {
        name: f"{one.hint} {one.detail} {one.evidence}"
        for name, one in found.items()
        if one.outcome != "passed"
    }
