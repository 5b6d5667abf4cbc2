"""One checker process, seen from the orchestrator. It may die, hang or answer nonsense."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO, Any

from introml.grader.results import SubmissionResult, from_json

#: -I: nothing that lies in the folder where grading is started can take a module's place.
CHECKER = (sys.executable, "-I", "-m", "introml.grader.run.checker")
_START_S = 180.0
_END_S = 10.0
_LONGEST_LINE = 64 << 20
_EVIDENCE = 4000
#: Names of environment variables that a service or a cluster gives its own processes. A checker
#: needs none of them, and the less it holds, the less can be taken from it.
_KEPT_BACK = re.compile(
    "^(INTROML_(?!DATA$)|JUPYTERHUB_|CONFIGPROXY_|SLURM_|PG(PASS|USER|HOST|SERVICE))"
    "|TOKEN|SECRET|PASSWORD|_KEY$"
)


class CheckerBroken(Exception):
    """The checker died, was silent too long, or said something that is no answer.

    `over` names the check that had got something of the student's by then; empty if none had.
    """

    def __init__(self, words: str, over: str = "") -> None:
        super().__init__(words)
        self.over = over


class LabUnusable(Exception):
    """The checker cannot work at all: no sandbox here, or broken checks. It says what to do."""


def _pipes(process: subprocess.Popen[bytes] | None) -> tuple[IO[bytes], IO[bytes]]:
    """What the checker reads, and what it writes."""
    assert process is not None, "the checker was not started"
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


class CheckerProcess:
    """Starts a checker, hands it one submission at a time, and never waits without a limit.

    `setup` is the first message (see `checker.Setup`); `command` starts the process.
    """

    def __init__(self, setup: dict[str, Any], command: Sequence[str] = CHECKER) -> None:
        self._setup = setup
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: Any = None
        self._heard = bytearray()
        self._at = "at its start"
        self._over = ""
        self._killed = False
        self.ready: dict[str, Any] = {}

    def start(self, limit_s: float = _START_S) -> None:
        """Start the checker and wait until it is ready.

        Raises `LabUnusable` when it says that it cannot work, `CheckerBroken` when it says nothing.
        """
        self._errors = tempfile.TemporaryFile("a+b")  # noqa: SIM115 (closed in `close`)
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
            start_new_session=True,
        )
        if self._killed:
            self._process.kill()
        for pipe in _pipes(self._process):
            os.set_blocking(pipe.fileno(), False)
        deadline = time.monotonic() + limit_s
        self._say(self._setup, deadline)
        answer = self._hear(deadline)
        if isinstance(answer.get("unusable"), str):
            raise LabUnusable(answer["unusable"])
        if not isinstance(answer.get("ready"), dict):
            raise self._broken("said something else than that it is ready")
        self.ready = answer["ready"]

    def grade(
        self,
        name: str,
        sha256: str,
        data: bytes,
        refused: str,
        limit_s: float,
        without: Sequence[str] = (),
    ) -> SubmissionResult:
        """The result of one submission, within `limit_s` seconds. Raises `CheckerBroken`.

        Checks in `without` are not run: what the student's code gave them cannot be used.
        """
        deadline = time.monotonic() + limit_s
        self._at, self._over = "while it read the notebook", ""
        os.ftruncate(self._errors.fileno(), 0)
        self._say(
            {
                "submission": name,
                "sha256": sha256,
                "data": base64.b64encode(data).decode("ascii"),
                "refused": refused,
                "without": list(without),
            },
            deadline,
        )
        while True:
            answer = self._hear(deadline)
            if isinstance(answer.get("at"), str):
                self._at = answer["at"]
                self._over = str(answer.get("over", ""))
                continue
            try:
                result = from_json(answer["result"])
            except (KeyError, ValueError) as problem:
                raise self._broken(f"sent no result: {problem}") from problem
            if (result.submission, result.sha256) != (name, sha256):
                raise self._broken("sent the result of another submission")
            return result

    def kill(self) -> None:
        """End the checker, from any thread: whoever waits for it finds it ended."""
        self._killed = True
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the checker; with it, its template and boxes end.

        It is given time to clear away what it made; one that was killed leaves that to the next.
        """
        process, self._process = self._process, None
        if process is not None:
            for pipe in _pipes(process):
                pipe.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
            process.kill()
            process.wait()
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _say(self, message: dict[str, Any], deadline: float) -> None:
        left = memoryview(json.dumps(message).encode("ascii") + b"\n")
        descriptor = _pipes(self._process)[0].fileno()
        while left:
            self._wait(descriptor, select.POLLOUT, deadline)
            try:
                left = left[os.write(descriptor, left[: 1 << 16]) :]
            except BrokenPipeError:
                raise self._broken("ended") from None

    def _hear(self, deadline: float) -> dict[str, Any]:
        descriptor = _pipes(self._process)[1].fileno()
        end = self._heard.find(b"\n")
        while end < 0:
            if len(self._heard) > _LONGEST_LINE:
                raise self._broken("said too much")
            self._wait(descriptor, select.POLLIN, deadline)
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                raise self._broken("ended")
            at = piece.find(b"\n")
            end = len(self._heard) + at if at >= 0 else -1
            self._heard += piece
        line = bytes(self._heard[:end])
        del self._heard[: end + 1]
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise self._broken("said something that is no JSON") from None
        if not isinstance(answer, dict):
            raise self._broken("said something that is no message")
        return answer

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise self._broken("did not answer in time")

    def _broken(self, what: str) -> CheckerBroken:
        words = f"The checker {what}, {self._at}."
        if what == "ended":
            code = self._process.wait(5) if self._process else None
            words += f" Its exit status was {code}."
        size = os.fstat(self._errors.fileno()).st_size
        said = os.pread(self._errors.fileno(), _EVIDENCE, max(0, size - _EVIDENCE))
        if said.strip():
            words += f" Its last words:\n{said.decode(errors='replace').strip()}"
        return CheckerBroken(words, self._over)


def _environment() -> dict[str, str]:
    """This process's environment without what may let someone in anywhere.

    With one thread for each checker: threads move the last digits.
    """
    one = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        **{name: value for name, value in os.environ.items() if not _KEPT_BACK.search(name)},
        **dict.fromkeys(one, "1"),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
