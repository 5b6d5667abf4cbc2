"""One box from the outside: a request socket, a pidfd to end it, and reports of how it ended."""

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

from introml.grader.box.cgroups import Cgroup
from introml.grader.box.computing import computing_s
from introml.grader.box.limits import Limits
from introml.grader.box.output import Output
from introml.grader.wire import Caps, Channel, HandleRef, frames

_START_S = 60.0
_END_S = 10.0
_MOST_STATUS = 4096


class GraderFault(Exception):
    """The box failed for a reason that is not the student's."""


@dataclass(frozen=True)
class Ended:
    """How a box ended: "exit", "signal", "memory", "time", "cpu" or "killed" (by the checker)."""

    kind: str
    detail: str = ""
    cpu_s: float | None = None


class Boxes(Protocol):
    """What starts boxes: gives each its user and control group, and takes them back.

    With `tells_ends`, it reports the end of each box, unless it has ended itself.
    """

    @property
    def tells_ends(self) -> bool: ...

    def take(self, limits: Limits) -> tuple[int, Cgroup | None]: ...

    def ask(self, request: dict, fds: Sequence[int]) -> int: ...

    def give_back(self, uid: int, group: Cgroup | None, clean: bool) -> None: ...


class Box:
    """One attempt's process tree. `send` puts a request to the student's process.

    Everything that comes back is hostile. After FrameError, FrameTimeout or FrameClosed the box
    is of no use any more: `kill` it.
    """

    def __init__(
        self,
        template: Boxes,
        limits: Limits,
        families: Sequence[str] = (),
        lab: str = "",
        device: str = "cpu",
        capture: bool = True,
        shift: int = 0,
    ) -> None:
        self.template = template
        self.limits = limits
        self.caps = Caps(bytes=(limits.reply_mb << 20) + Caps.json)
        self._ended: Ended | None = None
        self._killed = ""
        self._uid, self._group = template.take(limits)
        self._kills = self._group.kills() if self._group else 0
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours, self.caps)
        self._status, status = os.pipe()
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(self._status, False)
        self.output = Output(read)
        entrances = self._group.entrances() if self._group else []
        given = [theirs.fileno(), status, write, *entrances]
        self._pidfd = -1
        try:
            request = {"limits": asdict(limits), "uid": self._uid, "families": list(families)}
            self._pidfd = template.ask(request, given)
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()
            for fd in (status, write, *entrances):
                os.close(fd)
        if not capture:
            self.output.keep_no_more()
        # The first request is sent at once; its answer is read with the next one's.
        self._setup = {
            "families": list(families),
            "lab": lab,
            "reply_bytes": self.caps.bytes,
            "device": device,
            "shift": shift,
        }
        self._ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(
        self,
        request: dict,
        timeout_s: float,
        keep: Callable[[Any], HandleRef | None] | None = None,
        wrap: Callable[[HandleRef], Any] | None = None,
    ) -> dict:
        """Put a request and return the reply: {"value": …} or {"error": …}, "forbidden_calls".

        `keep` and `wrap` turn objects into handles and back (see `values`).
        Raises FrameError (what came is no reply), FrameTimeout or FrameClosed.
        """
        deadline = time.monotonic() + timeout_s
        if not self._ready:
            self._ready = True
            self._begin()
        return self._exchange(request, deadline, keep, wrap)

    def _begin(self) -> None:
        """Wait until the box is there; nothing of the student's has run, so a failure is ours."""
        request = {"op": "setup", **self._setup}
        try:
            self._exchange(request, time.monotonic() + _START_S)
        except (frames.FrameError, frames.FrameTimeout, frames.FrameClosed) as error:
            end = self.ended()
            if end.kind == "time":
                raise frames.FrameTimeout from None
            raise GraderFault(
                f"the box did not start ({type(error).__name__}; {end.kind}: {end.detail})"
            ) from None

    def _exchange(
        self,
        request: dict,
        deadline: float,
        keep: Callable[[Any], HandleRef | None] | None = None,
        wrap: Callable[[HandleRef], Any] | None = None,
    ) -> dict:
        beside = self.output if self.output.open else None
        return self._channel.ask(request, deadline, keep, wrap, beside)

    def hush(self, timeout_s: float = 5.0) -> None:
        """End the public phase: what is printed from now on is dropped."""
        self.send({"op": "hush"}, timeout_s)
        if self.output.open:
            self.output.drain()
        self.output.keep_no_more()

    def kill(self, reason: str = "") -> None:
        """End everything in the box; `reason` "time" makes it end as timed out."""
        if self._pidfd >= 0 and self._ended is None:
            self._killed = self._killed or reason or "killed"
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def cpu_s(self) -> float | None:
        """Seconds of computing so far of all that is in the box; None once it has ended."""
        counted = self._group.cpu_s() if self._group else None
        return computing_s(self._pidfd) if counted is None else counted

    @property
    def alive(self) -> bool:
        """Whether the box's first process still runs."""
        return self._pidfd >= 0 and not select.select([self._pidfd], [], [], 0)[0]

    def ended(self, patience_s: float = _END_S) -> Ended:
        """Wait for the end of the box, which is killed after a while, and say how it ended."""
        if self._ended is None:
            if not select.select([self._pidfd], [], [], patience_s)[0]:
                self.kill()
                select.select([self._pidfd], [], [], _END_S)
            self._ended = self._verdict(_read_all(self._status))
        return self._ended

    def _verdict(self, words: list[dict]) -> Ended:
        said: dict[str, Any] = {}
        for word in words:
            said = {**word, **said}
        cpu_s = said.get("cpu_s")
        full = self._group is not None and self._group.kills() > self._kills
        if "setup" in said:
            raise GraderFault(f"the box could not be set up: {said['setup']}")
        if "memory" in said or (full and said.get("signal", 9) == 9):
            return Ended("memory", f"more than {self.limits.memory_mb} MB", cpu_s)
        # What kills the template kills the boxes with it: what they had said by then is cut short.
        known = "exit" in said or "time" in said or said.get("signal", 9) != 9
        if "over" not in said and not known and self.template.tells_ends:
            raise GraderFault("the template ended, and the box with it")
        if self._killed == "time":
            return Ended("time", "the checker's clock", cpu_s)
        if "time" in said:
            return Ended("time", f"{self.limits.wall_s:g} s are over", cpu_s)
        if said.get("signal") == signal.SIGXCPU:
            return Ended("cpu", f"{self.limits.cpu_s:g} s of computing are over", cpu_s)
        if "signal" in said:
            return Ended("signal", _signal_name(said["signal"]), cpu_s)
        if "exit" in said:
            return Ended("exit", f"exit code {said['exit']}", cpu_s)
        if self._killed:
            return Ended("killed", self._killed, cpu_s)
        if "over" not in said:
            raise GraderFault("the box ended, and nothing said how")
        return Ended("signal", f"its first process ended with {said['over']}", cpu_s)

    def close(self) -> None:
        """End the box, if it has not ended, and let go of all that it held."""
        if not self._channel.open:
            return
        clean = True
        if self._pidfd >= 0:
            self.kill()
            with contextlib.suppress(GraderFault):
                self.ended()
            clean = not self.alive
            os.close(self._pidfd)
            self._pidfd = -1
        self._channel.close()
        os.close(self._status)
        self.output.close()
        self.template.give_back(self._uid, self._group, clean)


def _read_all(fd: int) -> list[dict]:
    """Read the reports about a box: a few short lines, until all who may write have gone."""
    data = b""
    deadline = time.monotonic() + _END_S
    while len(data) < _MOST_STATUS:
        if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
            break
        piece = os.read(fd, _MOST_STATUS - len(data))
        if not piece:
            break
        data += piece
    words = []
    for line in data.splitlines():
        with contextlib.suppress(ValueError):
            word = json.loads(line)
            if type(word) is dict:
                words.append(word)
    return words


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
