"""A grading worker: leases gradings from the submission service, grades, and reports.

    python -m introml.hub.queue.worker --url http://127.0.0.1:8000/services/course/ \\
        --token-file worker.secret --tiers cpu

It may be ended at any moment. Told to end (SIGTERM, SIGINT), it hands back what it has in hand, and
is gone within seconds; killed, its lease lapses, and another worker takes the grading up.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from introml.book.paths import LABS
from introml.grader.lab import TIERS, LabError
from introml.grader.notebook import Content
from introml.grader.results import SubmissionResult, to_json
from introml.grader.run import LabUnusable, Session, Stopped
from introml.hub.queue.pool import Pool
from introml.hub.queue.worker_client import Away, LeaseLost, Refused, ServiceClient, Work

log = logging.getLogger("introml.worker")

#: Well below a lease's length, so that some renewals may fail.
RENEW_S = 15.0
_POLL_S = 0.7
_AWAY_S = (0.5, 8.0)
#: How long a worker keeps off a lab that it cannot grade, so that it does not use up the tries of
#: one submission after the other where another worker would do.
_TROUBLE_S = (10.0, 600.0)
_GOODBYE_S = 4.0


@dataclass(frozen=True)
class Until:
    """When a worker ends by itself: None is never.

    `idle_s`: so long without work; `jobs`: after so many gradings; `lease_s`: leases nothing
    later than that after its start.
    """

    idle_s: float | None = None
    jobs: int | None = None
    lease_s: float | None = None


class Worker:
    """Grades what the service has for it, one at a time. `run` returns when it has ended."""

    def __init__(
        self,
        service: ServiceClient,
        pool: Pool,
        name: str,
        tiers: Sequence[str],
        until: Until = Until(),
        *,
        warm: bool = False,
    ) -> None:
        self._service = service
        self._pool = pool
        self._name = name
        self._tiers = list(tiers)
        self._until = until
        self._warm = warm
        self._stopping = threading.Event()
        self._trouble = _Trouble()
        self._away = _Backoff(*_AWAY_S)
        #: Whether the service was asked, and has never answered.
        self.unheard = False
        self._heard = False

    def run(self) -> int:
        """Work until there is a reason to end; how many gradings were reported."""
        began = last = time.monotonic()
        done = leased = 0
        try:
            if self._warm:
                self._warm_up()
            while not self._stopping.is_set():
                if leased and self._until.jobs is not None and leased >= self._until.jobs:
                    break
                if _over(self._until.lease_s, began):
                    break
                work = self._lease()
                if work is not None:
                    leased += 1
                    done += self._do(work)
                    last = time.monotonic()
                elif _over(self._until.idle_s, last):
                    break
        finally:
            self._pool.close()
        return done

    def stop(self) -> None:
        """End soon, from any thread: what is in hand is handed back."""
        self._stopping.set()
        self._pool.stop()

    def _warm_up(self) -> None:
        """Start checkers before there is work; the service may not be there yet."""
        while not self._stopping.is_set():
            try:
                self._pool.warm(self._service.seeds())
            except Stopped:
                return
            except (Away, Refused, LeaseLost) as problem:
                self._wait_for_the_service(problem)
            else:
                self._away.over()
                log.info("checkers are warm")
                return

    def _lease(self) -> Work | None:
        """The next work, or None after a short wait."""
        labs = None
        if kept_off := self._trouble.labs():
            labs = [name for name in self._pool.names() if name not in kept_off]
        try:
            work = None
            if labs != []:
                work = self._service.lease(self._name, self._tiers, labs)
        except (Away, Refused, LeaseLost) as problem:
            self.unheard = self.unheard or not self._heard
            self._wait_for_the_service(problem)
            return None
        self._away.over()
        self._heard, self.unheard = True, False
        if work is None:
            self._stopping.wait(_POLL_S * random.uniform(0.7, 1.3))
        return work

    def _do(self, work: Work) -> bool:
        """Grade and report. Whether the service has the result."""
        log.info("grading %s, submission %s of %s", work.grading, work.submission, work.lab)
        try:
            with _Heart(self._service, work, RENEW_S) as heart:
                session = self._pool.at(work.lab, work.seed)
                heart.on_loss(session.stop)
                result = self._grade(work, session)
        except Stopped:
            self._pool.drop(work.lab)
            if heart.lost:
                log.warning("the lease of grading %s was lost; its work is dropped", work.grading)
                return False
            self._hand_back(work, f"worker {self._name} was told to end", tried=False)
            return False
        except Exception as problem:
            # Whatever it is: the grading must not wait for a lease to lapse.
            log.exception("grading %s failed here", work.grading)
            self._pool.drop(work.lab)
            self._trouble.add(work.lab)
            self._hand_back(work, f"worker {self._name}: {type(problem).__name__}: {problem}")
            return False
        self._trouble.over(work.lab)
        return self._report(work, result)

    def _grade(self, work: Work, session: Session) -> SubmissionResult:
        result = session.grade(work.submission, Content(work.data, work.sha256))
        if work.tier == "cuda" and any(x.tier == "cuda" and not x.counts for x in result.checks):
            raise LabUnusable("this machine has no GPU that PyTorch can use")
        return result

    def _report(self, work: Work, result: SubmissionResult) -> bool:
        """Tell the service, for as long as it takes: what is done is not thrown away."""
        while True:
            try:
                self._service.report(work, to_json(result))
            except LeaseLost:
                log.warning("grading %s is another worker's now, or known already", work.grading)
                return False
            except Refused as problem:
                self._hand_back(work, f"worker {self._name}: {problem}")
                return False
            except Away as problem:
                if self._stopping.is_set():
                    return False
                self._wait_for_the_service(problem)
            else:
                self._away.over()
                log.info("grading %s reported: %s", work.grading, result.verdict)
                return True

    def _hand_back(self, work: Work, why: str, *, tried: bool = True) -> None:
        """Try for a short while; the lease lapses anyway."""
        deadline = time.monotonic() + _GOODBYE_S
        while True:
            try:
                self._service.hand_back(work, why[:4000], tried=tried)
            except Away as problem:
                if time.monotonic() > deadline:
                    log.warning("grading %s could not be handed back: %s", work.grading, problem)
                    return
                time.sleep(0.3)
            except (LeaseLost, Refused) as problem:
                log.warning("grading %s could not be handed back: %s", work.grading, problem)
                return
            else:
                log.info("grading %s handed back: %s", work.grading, why)
                return

    def _wait_for_the_service(self, problem: Exception) -> None:
        if not self._away.tries:
            log.warning("waiting for the service: %s", problem)
        self._stopping.wait(self._away.next())


class _Heart:
    """A thread that renews a lease, and calls `on_loss`'s function when it is lost."""

    def __init__(self, service: ServiceClient, work: Work, every_s: float) -> None:
        self._service, self._work, self._every_s = service, work, every_s
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._tell: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.lost = False

    def __enter__(self) -> _Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ended.set()

    def on_loss(self, tell: Callable[[], None]) -> None:
        with self._lock:
            self._tell = tell
            if self.lost:
                tell()

    def _beat(self) -> None:
        wait_s = self._every_s
        while not self._ended.wait(wait_s):
            wait_s = self._every_s
            try:
                self._service.renew(self._work)
            except LeaseLost:
                with self._lock:
                    self.lost = True
                    if self._tell is not None and not self._ended.is_set():
                        self._tell()
                return
            except (Away, Refused) as problem:
                # The work goes on: if nobody else took it by then, its result will be welcome.
                log.warning("grading %s: the lease is not renewed: %s", self._work.grading, problem)
                wait_s = min(2.0, self._every_s)


class _Backoff:
    """Waits that grow, each drawn at random so that not all workers come at once."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s, self._most_s = first_s, most_s
        self.tries = 0

    def next(self) -> float:
        wait_s = min(self._most_s, self._first_s * 2 ** min(self.tries, 20))
        self.tries += 1
        return wait_s * random.uniform(0.5, 1.0)

    def over(self) -> None:
        self.tries = 0


class _Trouble:
    """Labs that this worker keeps off for a while, because it could not grade them."""

    def __init__(self) -> None:
        self._waits: dict[str, _Backoff] = {}
        self._until: dict[str, float] = {}

    def add(self, lab: str) -> None:
        wait = self._waits.setdefault(lab, _Backoff(*_TROUBLE_S))
        self._until[lab] = time.monotonic() + wait.next()

    def over(self, lab: str) -> None:
        self._waits.pop(lab, None)
        self._until.pop(lab, None)

    def labs(self) -> set[str]:
        at = time.monotonic()
        return {lab for lab, until in self._until.items() if at < until}


def _over(limit_s: float | None, since: float) -> bool:
    return limit_s is not None and time.monotonic() - since >= limit_s


def worker_name() -> str:
    """Where a worker runs: the machine and the process, or the machine and Slurm's job."""
    job = os.environ.get("SLURM_ARRAY_JOB_ID") or os.environ.get("SLURM_JOB_ID")
    task = os.environ.get("SLURM_ARRAY_TASK_ID")
    host = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    if job:
        return f"{host}, Slurm job {job}" + (f"_{task}" if task else "")
    return f"{host}, process {os.getpid()}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker; the exit status is 1 if it never heard of the service, 2 for bad use."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        service = ServiceClient(options.url, options.token_file)
    except ValueError as problem:
        print(f"introml.hub.queue.worker: {problem}", file=sys.stderr)
        return 2
    pool = Pool(options.labs, options.hidden, options.pool)
    until = Until(options.until_idle, options.max_jobs, options.lease_for)
    if options.once:
        until = Until(0.0, 1)
    worker = Worker(service, pool, options.name, options.tiers, until, warm=options.warm)
    _end_on_signal(worker.stop)
    if options.end_with_stdin:
        _end_with_stdin(worker.stop)
    log.info("worker %s for %s, %s", options.name, "+".join(options.tiers), options.url)
    done = worker.run()
    log.info("worker %s ends after %d gradings", options.name, done)
    return 1 if worker.unheard else 0


def _end_on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` in a thread of its own: a handler must not take locks."""
    heard, tell = os.pipe()
    os.set_blocking(tell, False)

    def note(*_: object) -> None:
        os.write(tell, b"x")

    def wait() -> None:
        os.read(heard, 1)
        stop()

    threading.Thread(target=wait, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)


def _end_with_stdin(stop: Callable[[], None]) -> None:
    """Call `stop` when whoever started this process is gone, however it ended."""

    def wait() -> None:
        while os.read(0, 1 << 16):
            pass
        stop()

    threading.Thread(target=wait, daemon=True).start()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m introml.hub.queue.worker", description=__doc__)
    add = parser.add_argument
    add(
        "--url", required="INTROML_SERVICE_URL" not in os.environ,
        default=os.environ.get("INTROML_SERVICE_URL"), help="of the service ($INTROML_SERVICE_URL)",
    )  # fmt: skip
    add(
        "--token-file", type=Path, required="INTROML_WORKER_TOKEN_FILE" not in os.environ,
        default=os.environ.get("INTROML_WORKER_TOKEN_FILE"),
        help="a file with the workers' token ($INTROML_WORKER_TOKEN_FILE)",
    )  # fmt: skip
    add("--tiers", type=_tiers, required=True, metavar="TIER,…", help=" or ".join(TIERS))
    add("--name", default=worker_name(), help="for the log and the teacher")
    add("--labs", type=Path, default=LABS, metavar="DIR", help="the folder of labs")
    add("--hidden", type=Path, metavar="DIR", help="private hidden checks")
    add("--pool", type=_whole(1, 64), default=2, metavar="N", help="labs kept warm (2)")
    add("--warm", action="store_true", help="start checkers before there is work")
    add("--once", action="store_true", help="grade one submission, if one waits, and end")
    add("--until-idle", type=float, metavar="S", help="end after so many seconds without work")
    add("--max-jobs", type=_whole(1, 10**6), metavar="N", help="end after so many gradings")
    add("--lease-for", type=float, metavar="S", help="begin nothing after so many seconds")
    add("--end-with-stdin", action="store_true", help="end when standard input is closed")
    return parser


def _tiers(text: str) -> list[str]:
    tiers = text.split(",")
    if not set(tiers) <= set(TIERS):
        raise argparse.ArgumentTypeError(f"{text!r}: tiers are {', '.join(TIERS)}")
    return tiers


def _whole(low: int, high: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        number = int(text) if text.isdecimal() else low - 1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return number

    return whole


__all__ = ["LabError", "Until", "Worker", "main", "worker_name"]

if __name__ == "__main__":
    sys.exit(main())
