"""A session: grades a lab's submissions one by one, by a checker that may break at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introml.grader.lab import Lab, cells_to_json
from introml.grader.notebook import Content
from introml.grader.results import (
    COULD_NOT_USE,
    FAULT_MESSAGE,
    CheckResult,
    Flag,
    SubmissionResult,
    Verdict,
)
from introml.grader.run.checker_process import CHECKER, CheckerBroken, CheckerProcess, LabUnusable
from introml.grader.run.fingerprint import Fingerprint

#: What a checker may need beyond the submission's own time: reading, starting boxes, overtime.
_SLACK_S = 60.0
_TRIES = 2


@dataclass(frozen=True)
class Options:
    """How to grade. The limits replace the lab's where they are given."""

    jobs: int = 1
    time_limit: float | None = None
    memory_limit: int | None = None
    sandbox: bool = True
    hidden: Path | None = None
    command: Sequence[str] = CHECKER

    def that_decide(self) -> dict[str, Any]:
        """The options that a grade depends on; `hidden` is in the lab's version already."""
        return {
            "time_limit": self.time_limit,
            "memory_limit": self.memory_limit,
            "sandbox": self.sandbox,
        }


class Stopped(Exception):
    """The session was stopped: what it has in hand is worth nothing."""


class Session:
    """A checker at a time: a fresh one whenever the last broke, and a fault after the second try.

    `others_were_ready` tells whether another session of the same lab had a checker that came up.
    """

    def __init__(
        self,
        lab: Lab,
        seed: int,
        options: Options,
        others_were_ready: Callable[[], bool] = lambda: False,
    ) -> None:
        self.lab = lab
        self.seed = seed
        self.options = options
        #: Of the grader and its packages: no other ones ever grade in this session.
        self.fingerprint = Fingerprint.of(lab)
        self._others_were_ready = others_were_ready
        self._lock = threading.Lock()
        self._stopped = False
        self._checker: CheckerProcess | None = None
        #: What the last checker that came up said of itself; None before the first.
        self.ready: dict[str, Any] | None = None

    def grade(self, name: str, content: Content) -> SubmissionResult:
        """The result of one submission; a fault is one too.

        Raises `LabUnusable` where no checker ever came up or the grader was changed, and `Stopped`.
        """
        said: list[str] = []
        over: list[str] = []
        result = None
        while len(said) < _TRIES or (len(said) == _TRIES and _one_check(over)):
            # What breaks the checker twice over what one check was given is left out at last.
            without = [_one_check(over)] if len(said) == _TRIES else []
            try:
                checker = self._ready_checker()
                result = checker.grade(
                    name, content.sha256, content.data, content.refused, self._limit_s(), without
                )
            except CheckerBroken as broken:
                result = None
                said.append(str(broken))
                over.append(broken.over)
                if self._checker is not None:
                    self._checker.kill()
                self.close()
            else:
                if result.verdict != Verdict.FAULT:
                    if without:
                        words = f"{without[0]}: the checker broke over it twice. {said[-1]}"
                        result.flags.append(Flag(COULD_NOT_USE, words[:4000]))
                    return result
                result.message = FAULT_MESSAGE
                said += [" ".join(flag.evidence for flag in result.flags)]
                over.append("")
                self.close()
            if self._stopped:
                raise Stopped
        if self.ready is None and not self._others_were_ready():
            # Where no checker ever came up, none will: that is no submission's doing.
            raise LabUnusable(f"the checker does not start. {said[-1]}")
        return result or self._fault(name, content, said)

    def warm(self) -> None:
        """Start the checker now, so that the first submission need not wait for it.

        Raises `CheckerBroken`, `LabUnusable`, `Stopped`.
        """
        self._ready_checker()

    def stop(self) -> None:
        """End the checker at once, from any thread: `grade` raises `Stopped`, now and later."""
        with self._lock:
            self._stopped = True
            if self._checker is not None:
                self._checker.kill()

    def close(self) -> None:
        """End the checker in good order; the next submission gets a fresh one."""
        with self._lock:
            checker, self._checker = self._checker, None
        if checker is not None:
            checker.close()

    def _ready_checker(self) -> CheckerProcess:
        if self._checker is None:
            options = self.options
            setup = {
                "lab": str(self.lab.folder),
                "seed": self.seed,
                "hidden": str(options.hidden) if options.hidden else None,
                "time_limit": options.time_limit,
                "memory_limit": options.memory_limit,
                "sandbox": options.sandbox,
                "version": self.lab.version,
                "cells": cells_to_json(self.lab.cells),
                "grader": self.fingerprint.grader,
            }
            checker = CheckerProcess(setup, options.command)
            with self._lock:
                if self._stopped:
                    raise Stopped
                self._checker = checker
            checker.start()
            if Fingerprint.of(self.lab) != self.fingerprint:
                self.close()
                words = "was changed while submissions were graded; start the same command again"
                raise LabUnusable(f"the grader, or a package that it uses, {words}")
            self.ready = checker.ready
        return self._checker

    @property
    def _cuda(self) -> bool:
        return bool((self.ready or {}).get("cuda"))

    def _limit_s(self) -> float:
        wall_s = self.options.time_limit or self.lab.settings.limits.wall_s
        # What shows a sign of chance is run again.
        return 2 * wall_s * (self.ready or {}).get("boxes", 1) + _SLACK_S

    def _fault(self, name: str, content: Content, said: list[str]) -> SubmissionResult:
        checks = [
            CheckResult(
                one.name, one.title, 0.0, one.points, "not run", "", one.hidden, one.tier, "",
                one.tier == "cpu" or self._cuda,
            )
            for one in self.lab.check_list()
        ]  # fmt: skip
        return SubmissionResult(
            name, content.sha256, self.lab.name, self.lab.version, self.seed, Verdict.FAULT,
            FAULT_MESSAGE, checks, flags=[Flag("grader fault", one) for one in said],
        )  # fmt: skip


def _one_check(over: Sequence[str]) -> str:
    """The check that the checker broke over at each try; empty if it was not always the same."""
    return over[0] if over and len({*over}) == 1 else ""
