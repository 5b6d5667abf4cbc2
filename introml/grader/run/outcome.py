"""Running one check, and what its end means: for the student, for their points, for a person."""

from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from introml.grader.box import GraderFault
from introml.grader.checks import Check, CheckFailed, NotMeasured, rng_for
from introml.grader.results import COULD_NOT_USE, NOT_DONE, Flag, clamped
from introml.grader.wire import StudentError


class CheckFault(Exception):
    """A check failed before it had seen anything of the student's: it is broken, not they."""


class Overtime(BaseException):
    """What ran under `alarm` took too long. No `except Exception` in a check can stop it."""


@dataclass(frozen=True)
class Outcome:
    """One check's end: `outcome` as in `results.OUTCOMES`, and the fraction of its points.

    `detail` may be shown for public checks, `evidence` to teachers only. With `counts` false the
    check is left out of score and maximum.
    """

    outcome: str
    fraction: float
    hint: str = ""
    detail: str = ""
    flags: tuple[Flag, ...] = ()
    evidence: str = ""
    counts: bool = True


#: What is said when neither the check nor its author has other words.
_WORDS = {
    "raised": "Your code raised an error when it was called.",
    "not_done": NOT_DONE,
    "missing": "A function or class that this check calls is not there.",
    "refused": "Your code returned something else than a plain value of the right kind.",
    "library_answer": "Your code uses the library's own answer, which this lab is about writing.",
    "timed_out": "Look for a loop that does not end, or does too much.",
    "died": "Your code ended the process that ran it.",
    "memory": "Your code needed more memory than the limit.",
}
_NOT_MEASURED = "It could not be measured this time, so it counts neither for nor against you."
UNUSABLE = "What your code returned could not be used."


def run_check(check: Check, submission: Any, seed: int, overtime_s: float | None = None) -> Outcome:
    """Run one check on a submission that is ready for it (`Submission._begin`).

    `overtime_s` stops the check's own computing after so many seconds (main thread only). Raises
    `CheckFault` when the check broke before any value of the student's had arrived, `GraderFault`
    when the box failed for a reason that is not the student's.
    """
    rng = rng_for(seed, check.name)
    try:
        with alarm(overtime_s):
            returned = check.run(submission, rng)
        return _returned(check, returned)
    except CheckFailed as failed:
        return Outcome("failed", 0.0, failed.hint or check.hint, failed.detail)
    except NotMeasured as reason:
        flag = Flag("not measured", f"{check.name}: {reason}")
        return Outcome("not run", 0.0, _NOT_MEASURED, flags=(flag,), counts=False)
    except StudentError as error:
        return _student_error(check, error)
    except GraderFault:
        raise
    except AssertionError as error:
        return _assertion(check, error)
    except Overtime:
        if not submission._received:
            raise CheckFault(f"check {check.name} itself takes too long") from None
        return Outcome("timed out", 0.0, check.hint or _WORDS["timed_out"])
    except Exception as error:
        trace = _trace(error)
        if not submission._received:
            raise CheckFault(f"check {check.name} is broken:\n{trace}") from error
        flag = Flag(COULD_NOT_USE, f"{check.name}{_place(check, error)}: {error!r:.500}")
        return Outcome("failed", 0.0, check.hint or UNUSABLE, "", (flag,), trace)


def _returned(check: Check, returned: object) -> Outcome:
    """None and True are a pass; a number is the part of the points that was reached."""
    if isinstance(returned, torch.Tensor) and returned.numel() == 1:
        returned = returned.item()
    if hasattr(returned, "item") and hasattr(returned, "dtype"):
        returned = returned.item() if getattr(returned, "size", 0) == 1 else str(returned)[:100]
    if returned is None or isinstance(returned, bool):
        passed = returned is not False
        return Outcome("passed", 1.0) if passed else Outcome("failed", 0.0, check.hint)
    fraction = clamped(returned)
    flags: tuple[Flag, ...] = ()
    if not isinstance(returned, int | float) or returned != fraction:
        words = f"{check.name} returned {returned!r:.100}; a number from 0 to 1 is allowed"
        flags = (Flag("a check returned what is no part of 1", words),)
    if fraction >= 1:
        return Outcome("passed", 1.0, flags=flags)
    outcome = "partial" if fraction > 0 else "failed"
    return Outcome(outcome, fraction, check.hint, flags=flags)


def _student_error(check: Check, error: StudentError) -> Outcome:
    outcome = {"timed_out": "timed out", "died": "crashed", "memory": "crashed"}.get(
        error.kind, "failed"
    )
    words = _WORDS.get(error.kind, _WORDS["raised"])
    own = "" if error.kind == "not_done" else check.hint
    hint = " ".join(part for part in (words, error.because, own) if part)
    return Outcome(outcome, 0.0, hint, error.public_message, evidence=error.private_message)


def _assertion(check: Check, error: AssertionError) -> Outcome:
    """A plain `assert …, "hint"` speaks to the student; what a library asserts may tell secrets."""
    frames = traceback.extract_tb(error.__traceback__)
    own = frames and frames[-1].filename == check.run.__code__.co_filename
    if own and error.args and isinstance(error.args[0], str):
        return Outcome("failed", 0.0, error.args[0])
    return Outcome("failed", 0.0, check.hint, str(error)[:2000], evidence=_trace(error))


def _place(check: Check, error: BaseException) -> str:
    """The line of the check's own file at which it stopped, in words: it may be at fault."""
    file = check.run.__code__.co_filename
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if one.filename == file]
    return f" ({Path(file).name}, line {lines[-1]})" if lines else ""


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-8000:]


#: One for each block in which an alarm is held back, and for each one that rang there.
_held: list[bool] = []
_rung: list[bool] = []


@contextlib.contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise `Overtime` in the block once it has taken so long (main thread only)."""
    if seconds is None:
        yield
        return

    def ring(*_: object) -> None:
        if _held:
            _rung.append(True)
            return
        raise Overtime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        _rung.clear()


@contextlib.contextmanager
def alarm_held_back() -> Iterator[None]:
    """Let an alarm ring after the block: a box that is half made or half ended is lost for good.

    The signal cannot be blocked for that: torch's other threads would take it.
    """
    _held.append(True)
    try:
        yield
    finally:
        _held.pop()
        if _rung and not _held:
            _rung.clear()
            raise Overtime
