"""The student's own machine: checks meet the notebook's functions by value, as in grading.

The same worker and the same encoding are used as in a box; only, both sides are one process. The
families of operators that the lab withholds are withdrawn while the student's code runs, and given
back in between, since the checks themselves may compare with them.
"""

from __future__ import annotations

import linecache
import random
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from introml.grader.checks import Check, load_checks
from introml.grader.run import CheckFault, run_check
from introml.grader.student.check_table import NOT_DONE, Row
from introml.grader.text import cell_label
from introml.grader.wire import (
    REQUEST_CAPS,
    StudentError,
    Submission,
    Worker,
    begin,
    decode,
    encode,
    explain_missing,
    is_not_done,
    run_beside_answers,
)

_FRAMES = 4


class HomeWorker(Worker):
    """A worker that remembers the last exception of the student's code, for its traceback."""

    error: BaseException | None = None

    def _do(self, request: dict) -> Any:
        try:
            return super()._do(request)
        except BaseException as error:
            self.error = error
            raise


class LocalLink:
    """Requests to a worker in this very process: the student's own machine."""

    epoch = 0
    own_process = False

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._number = 0

    def request(self, request: dict, timeout_s: float, submission: Submission) -> dict:
        """Answer by value, as a box would; there is no time limit here."""
        self._number += 1
        node, blobs = encode({**request, "id": self._number}, submission._lower, REQUEST_CAPS)
        return decode(*self.worker.answer(node, blobs), handle=submission._raise)

    @contextmanager
    def beside(self, source: str, time_s: float) -> Iterator[Submission]:
        """Other code, such as a reference to compare with, with names of its own."""
        other = Submission(LocalLink(Worker({"__name__": "reference"})))
        begin(other, 0, time_s, True)
        run_beside_answers(other, "reference", source)
        yield other

    def cpu_s(self) -> None:
        """Nobody counts: the check computes in the same process."""

    def close(self) -> None:
        """Nothing: this process goes on."""


class HomeLink(LocalLink):
    """Requests to a worker in this process, with families of operators withheld meanwhile."""

    def __init__(
        self, worker: HomeWorker, families: Sequence[str], experiments: Mapping[str, str]
    ) -> None:
        super().__init__(worker)
        self._experiments = experiments
        #: What is withheld from the student's code while it answers a request.
        self.families = list(families)

    def request(self, request: dict, timeout_s: float, submission: Submission) -> dict:
        if request["op"] == "experiment":
            name = request["cell"]
            if name not in self._experiments:
                message = f"The experiment {name!r} is not in the saved notebook: save it first."
                raise StudentError("missing", message)
            request = {**request, "source": self._experiments[name]}
        with self.worker.withdrawal.withheld(self.families):
            return super().request(request, timeout_s, submission)


def checks_from(text: str, name: str) -> list[Check]:
    """The checks of a file that a notebook carries. Raises `ChecksError`."""
    with tempfile.TemporaryDirectory(prefix="introml-") as folder:
        path = Path(folder) / f"{name.replace('-', '_')}_checks.py"
        path.write_text(text, encoding="utf-8")
        return load_checks(path)


def run_checks(
    checks: Sequence[Check],
    namespace: dict[str, Any],
    *,
    families: Sequence[str],
    lab: str,
    experiments: Mapping[str, str],
    check_s: float,
    seed: int,
    label: Callable[[str], str | None],
    missing: Mapping[str, str] | None = None,
) -> Iterator[Row]:
    """A row a check. `label` gives the name of a cell by the file name of its code.

    `families` are withheld from the student's code, but for those that a check allows; `lab` is the
    lab's title, for the words in which they are refused. `missing` says of names that are not there
    why that is.
    """
    submissions: dict[str, tuple[HomeWorker, HomeLink, Submission]] = {}
    with _own_random_numbers():
        for check in checks:
            if check.tier == "cuda" and not torch.cuda.is_available():
                yield _row(check, "not run", 0.0, "There is no GPU here.")
                continue
            if check.tier not in submissions:
                worker = HomeWorker(namespace)
                worker.device = check.tier
                worker.withdrawal.lab = lab
                link = HomeLink(worker, families, experiments)
                submission = Submission(link, public=True)
                explain_missing(submission, missing or {})
                submissions[check.tier] = worker, link, submission
            worker, link, submission = submissions[check.tier]
            link.families = [one for one in families if one not in check.allows]
            yield _checked(check, worker, submission, check_s, seed, label)


def _checked(
    check: Check,
    worker: HomeWorker,
    submission: Submission,
    check_s: float,
    seed: int,
    label: Callable[[str], str | None],
) -> Row:
    worker.error = None
    begin(submission, seed, check.time_s or check_s, True)
    try:
        outcome = run_check(check, submission, seed)
    except CheckFault as fault:
        words = f"The check itself is broken; tell your teacher. ({str(fault).splitlines()[0]})"
        return _row(check, "not run", 0.0, words)
    if is_not_done(worker.error):
        return _row(check, NOT_DONE, 0.0, "")
    trace = student_trace(worker.error, label) if worker.error is not None else ""
    failed = outcome.outcome != "passed"
    hint = " ".join(x for x in (outcome.hint, "" if trace else outcome.detail) if x)
    return _row(
        check, outcome.outcome, outcome.fraction, hint if failed else "", trace if failed else ""
    )


def _row(check: Check, outcome: str, fraction: float, hint: str, trace: str = "") -> Row:
    return Row(check.name, check.title, outcome, fraction * check.points, check.points, hint, trace)


def student_trace(error: BaseException, label: Callable[[str], str | None]) -> str:
    """Where in the student's cells an exception came from, and what it says: a few lines."""
    lines = []
    frames = [
        (name, frame.lineno, frame.name, frame.line)
        for frame in traceback.extract_tb(error.__traceback__)
        if (name := label(frame.filename))
    ]
    if isinstance(error, SyntaxError) and error.filename and (name := label(error.filename)):
        frames = [(name, error.lineno, "", (error.text or "").strip())]
    for name, number, function, line in frames[-_FRAMES:]:
        inside = f", in {function}" if function and not function.startswith("<module") else ""
        lines.append(f"{name}, line {number}{inside}")
        lines += [f"    {line[:200]}"] if line else []
    if not frames and not lines:
        return ""
    try:
        message = str(error)[:500]
    except Exception:  # the student's own exception class may do anything
        message = ""
    words = error.msg if isinstance(error, SyntaxError) else message
    lines.append(f"{type(error).__name__}: {words}" if words else type(error).__name__)
    return "\n".join(lines)


def cell_of_file(filename: str) -> str | None:
    """The words for a cell that `Worker.run` ran."""
    if filename.startswith("<cell ") and filename.endswith(">"):
        return cell_label(filename[6:-1])
    return None


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """Checks seed all generators; the student's notebook goes on with its own numbers."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)


def source_of_file(filename: str) -> str:
    """The text of a cell that is known to Python by a file name; empty if it is not known."""
    return "".join(linecache.getlines(filename))
