"""One submission's run: its cells in a box, its checks against it, a fresh box where one is lost.

with Attempt(template, cells, limits=limits, seed=seed) as attempt:
    results = attempt.start()
    attempt.begin(check_seed, time_s=10, public=True)
    …check(attempt.submission, rng)…
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from introml.grader.box import Box, Ended, Limits, Template
from introml.grader.run.cell_plan import CellPlan
from introml.grader.run.outcome import alarm_held_back
from introml.grader.run.stopped import LEFT_PYTHON
from introml.grader.text import cell_label
from introml.grader.wire import StudentError, Submission, begin, frames

_END_S = 2.0
_MOST_LEFT_OUT = 20
_GONE = {
    "time": ("timed_out", "The time for it was over."),
    "cpu": ("timed_out", "The computing time of the submission was over."),
    "memory": ("memory", "It needed more memory than there is."),
}
#: What a cell that costs the box is told, where that is more than above. It costs itself alone.
_COST = {
    "timed_out": (
        "It did not end within its share of the time limit, and was stopped. Look for a loop that "
        "never ends."
    ),
    "died": f"It {LEFT_PYTHON}",
}
_GRADED_STILL = "Of this cell only what it defines is graded; the other cells are graded as usual."
#: The part of the time left that a cell may take, and how many boxes one run may cost.
_SHARE, _MOST_BOXES = 0.5, 40


@dataclass(frozen=True)
class CellResult:
    """How a cell ended: "ok", "not run", or the kind of a StudentError; and what to say of it.

    `error` is what the student's process told of its error, `left_out` of the statements that were
    left out: each has the form that `stopped` expects, and may say anything.
    """

    cell: str
    outcome: str
    message: str = ""
    error: Mapping[str, Any] | None = None
    left_out: tuple[Mapping[str, Any], ...] = ()


class Attempt:
    """A submission in its box. `submission` is what checks get."""

    own_process = True

    def __init__(
        self,
        template: Template,
        cells: Sequence[tuple[str, str]],
        *,
        experiments: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        families: Sequence[str] = (),
        lab: str = "",
        seed: int = 0,
        device: str = "cpu",
        plan: CellPlan | None = None,
        given: Mapping[str, str] | None = None,
        shift: int = 0,
    ) -> None:
        """`plan` is what an earlier attempt at the same cells has learnt of them.

        `given` are the functions and classes that the lab gives, with the cells that define them.
        """
        self.template = template
        self.cells = list(cells)
        self.experiments = dict(experiments or {})
        self.limits = limits or Limits()
        #: What is withheld from the submission, and the title of the lab that does.
        self.families = list(families)
        self.lab = lab
        self.given = dict(given or {})
        self.seed = seed
        self.device = device
        #: Where objects lie in its boxes (see `Template.box`).
        self.shift = shift
        self.epoch = 0
        self.submission = Submission(self, seed=seed)
        self.public_output = ""
        self._printed = ""
        self.results = [CellResult(cell, "not run") for cell, _ in self.cells]
        #: Sentences for a person: what looked like tampering.
        self.flags: list[str] = []
        self.last_end: Ended | None = None
        #: Called once in each check, when the first thing has come back.
        self.heard: Callable[[], None] = lambda: None
        self._told = False
        self._box: Box | None = None
        self._deadline = 0.0
        self._started = False
        self._gave_up = False
        self._plan = plan or CellPlan([source for _, source in self.cells])
        #: Places of the cells that have ended without costing the box.
        self._ended: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> list[CellResult]:
        """Start the box, run the cells, keep what they print; say how each cell ended."""
        self._deadline = time.monotonic() + self.limits.wall_s
        self._started = True
        self._run(capture=True)
        self._gave_up = self._box is None
        self.look_for_replaced()
        return self.results

    def look_for_replaced(self) -> None:
        """Flag given code in whose place the notebook has put other: a check may rest on it.

        It may do that late, in an answer that a check has called or in a thread.
        """
        if self._box is None or not self.given or self.time_left <= 0:
            return
        try:
            reply = self._send({"op": "replaced", "given": self.given}, self.time_left, None)
        except StudentError:
            return
        names = reply.get("value")
        for name in self.given:
            words = f"what the lab gives as {name} (cell {self.given[name]!r}) is other code"
            if type(names) is list and name in names and words not in self.flags:
                self.flags.append(words)

    def begin(self, seed: int, time_s: float, public: bool) -> None:
        """Prepare the next check; if the last one cost the box, get a fresh one first."""
        if not self._started:
            self.start()
        if self._box is None and self.time_left > 0 and not self._gave_up:
            self.epoch += 1
            self._run(capture=False)
        self._told = False
        begin(self.submission, seed, min(time_s, self._deadline - time.monotonic()), public)

    @property
    def time_left(self) -> float:
        """Seconds that the submission has left in all."""
        return self._deadline - time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether there is a box that the next check can use."""
        return self._box is not None

    @contextmanager
    def beside(self, source: str, time_s: float) -> Iterator[Submission]:
        """Other code, such as a reference to compare with, in a box of its own."""
        cells = [("reference", source)]
        with Attempt(self.template, cells, limits=self.limits, device=self.device) as other:
            failed = [one.message for one in other.start() if one.outcome != "ok"]
            if failed:
                raise ValueError(f"the reference cannot be run: {failed[0]}")
            other.begin(0, time_s, public=True)
            yield other.submission

    def cpu_s(self) -> float | None:
        """Seconds of computing of the box so far; None where not counted, or a GPU computes."""
        if self._box is None or self.device != "cpu":
            return None
        return self._box.cpu_s()

    def close(self) -> None:
        """End the box."""
        with alarm_held_back():
            if self._box is not None:
                self._box.close()
                self._box = None

    def request(self, request: dict, timeout_s: float, submission: Submission) -> dict:
        """Carry a check's request to the box. Raises StudentError when the box is lost."""
        if self._box is None:
            raise self._lost()
        if request["op"] == "experiment":
            if request["cell"] not in self.experiments:
                # Deleted by the student.
                raise StudentError("missing", f"There is no experiment {request['cell']}.")
            request = {**request, "source": self.experiments[request["cell"]]}
        reply = self._send(request, timeout_s, submission)
        if not self._told:
            self._told = True
            self.heard()
        return reply

    def _send(self, request: dict, timeout_s: float, submission: Submission | None) -> dict:
        box = self._box
        if box is None:
            raise self._lost()
        keep, wrap = (submission._lower, submission._raise) if submission else (None, None)
        try:
            if timeout_s <= 0:
                raise frames.FrameTimeout
            return box.send(request, timeout_s, keep, wrap)
        except frames.FrameTimeout:
            box.kill("time")
        except frames.FrameError as error:
            self.flags.append(f"its process sent what is no reply ({error})")
            box.kill("no reply")
        except frames.FrameClosed:
            pass
        # A process that only closed its socket lives on: it gets little time to end by itself.
        self.last_end = box.ended(_END_S)
        self.close()
        raise self._lost()

    def _lost(self) -> StudentError:
        end = self.last_end
        if end is None:
            return StudentError("died", "The submission's process was not running.")
        kind, message = _GONE.get(end.kind, ("died", "The submission's process ended."))
        return StudentError(kind, message, f"{message} ({end.kind}: {end.detail})")

    def _run(self, capture: bool) -> None:
        """Run the cells in a box; where one costs the box, the others again in a fresh one."""
        for _ in range(_MOST_BOXES):
            lost = self._run_once(capture)
            if lost is None or self.time_left <= 0:
                return
            self._plan.give_up(lost)
            self.epoch += 1

    def _run_once(self, capture: bool) -> int | None:
        """Run the cells in a fresh box; the place of the one that has cost it, if one has."""
        limits = Limits(**{**vars(self.limits), "wall_s": max(0.001, self.time_left)})
        with alarm_held_back():
            self._box = self.template.box(
                limits,
                self.families,
                lab=self.lab,
                device=self.device,
                capture=capture,
                shift=self.shift,
            )
        box, lost, earlier = self._box, None, self._printed
        for place, (cell, _) in enumerate(self.cells):
            if (source := self._plan.source(place)) is None:
                continue
            # What has not ended well yet gets half of the time, so that the rest has some too.
            share = self.time_left * (1.0 if place in self._ended else _SHARE)
            mark = box.output.mark
            result = self._run_cell(cell, source, share)
            if self._plan.is_whole(place):
                self.results[place] = result
            if self._box is None:
                lost = None if place in self._ended else place
                # The other cells run again, and print again; this one does not.
                if capture and (printed := box.output.since(mark)):
                    self._printed += f"{cell_label(cell)} printed, before it ended:\n{printed}\n"
                break
            self._ended.add(place)
        if self._box is not None:
            try:
                box.hush()
            except (frames.FrameTimeout, frames.FrameError, frames.FrameClosed):
                box.kill()
                self.last_end = box.ended()
                self.close()
        if capture:
            self.public_output = earlier + box.output.text
        return lost

    def _run_cell(self, cell: str, source: str, share: float) -> CellResult:
        request = {"op": "run", "cell": cell, "source": source, "seed": self.seed}
        try:
            reply = self._send(request, share, None)
        except StudentError as lost:
            words = _COST.get(lost.kind, lost.public_message)
            return CellResult(cell, lost.kind, f"{words} {_GRADED_STILL}")
        error = reply.get("error")
        if error is None:
            return CellResult(cell, "ok", left_out=_left_out(reply["value"]))
        told = self.submission._student_error(f"cell {cell}", error)
        left_out = _left_out(error.get("left_out"))
        return CellResult(cell, told.kind, told.public_message, error, left_out)


def _left_out(value: Any) -> tuple[Mapping[str, Any], ...]:
    """What a reply says of the statements that were left out, as far as it says it properly."""
    if type(value) is not list:
        return ()
    return tuple(
        one
        for one in value[:_MOST_LEFT_OUT]
        if type(one) is dict and type(one.get("line")) is int and type(one.get("kind")) is str
    )
