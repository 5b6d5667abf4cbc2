"""The submission service and grading workers as processes of their own, to be ended in any way.

    python service_process.py COURSE PORT LEASE

serves a course on loopback with leases of so many seconds; a token `of-ann` stands for ann, so that
no JupyterHub is needed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import uvicorn
from served import PREFIX, app_of

from introml.hub.course.course import Course
from introml.hub.queue import jobs

_FAKE_CHECKER = Path(__file__).parents[1] / "grader" / "fake_checker.py"
#: A worker with the fake checker of the grader's tests in the place of the true one.
FAKE_WORKER = f"""
import functools, sys
from introml.grader.run.session import Options
from introml.hub.queue import pool, worker
from introml.hub.queue.pool import Pool
load = pool.load_lab
pool.load_lab = lambda folder, hidden, cells=(): load(folder, hidden, ())  # to read them is slow
fake = (sys.executable, "-I", {str(_FAKE_CHECKER)!r})
worker.Pool = functools.partial(Pool, options=Options(command=fake))
worker.RENEW_S = 1.0
sys.exit(worker.main())
"""


class ServiceProcess:
    """The service of a course. `start` returns when it answers."""

    def __init__(
        self,
        course: Course,
        port: int,
        lease_s: float = 60.0,
        token: Callable[[str], str] = lambda name: f"of-{name}",
    ) -> None:
        self.port = port
        self._token = token
        self._lease_s = lease_s
        self._folder = course.folder
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    def start(self) -> None:
        with (self._folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, __file__, str(self._folder), str(self.port),
                    str(self._lease_s),
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 180
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = (self._folder / "service.log").read_text(errors="replace")
                raise RuntimeError(f"the service does not start:\n{words[-3000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return self._ask("GET", "health")[0] == 200
        except OSError:
            return False

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def submit(self, name: str, data: bytes, lab: str = "tiny", timeout_s: float = 30) -> dict:
        """What the service answers to a submission. Raises `OSError` where it doesn't accept it."""
        status, said = self._ask(
            "POST", f"api/labs/{lab}/submissions?file_name={lab}.ipynb", data,
            {"Authorization": f"token {self._token(name)}"}, timeout_s,
        )  # fmt: skip
        if status not in (200, 201):
            raise OSError(f"{status}: {said!r}")
        return json.loads(said)

    def _ask(
        self, method: str, path: str, body: bytes | None = None,
        headers: dict[str, str] | None = None, timeout_s: float = 5,
    ) -> tuple[int, bytes]:  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, PREFIX + path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as problem:
            raise OSError(str(problem)) from problem
        finally:
            connection.close()


class WorkerProcess:
    """A grading worker; with `fake`, one that grades as the submission's text says."""

    def __init__(
        self, course: Course, url: str, *options: str, fake: bool = True, tiers: str = "cpu"
    ) -> None:
        course.secret("worker")
        program = ["-c", FAKE_WORKER] if fake else ["-m", "introml.hub.queue.worker"]
        self.log = course.folder / "worker.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, *program, "--url", url,
                    "--token-file", str(course.folder / "worker.secret"), "--tiers", tiers,
                    "--labs", str(course.settings.labs_folder), *options,
                ],
                stdin=subprocess.PIPE, stdout=log, stderr=log,
                env=os.environ | {"JUPYTERHUB_API_TOKEN": "the-hubs-token"},
            )  # fmt: skip

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def terminate(self, limit_s: float = 10) -> float:
        """Ask it to end; how many seconds that took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(limit_s)
        return time.monotonic() - began

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.kill()
        self.process.stdin.close()


def main(folder: str, port: str, lease_s: str) -> None:
    jobs.LEASE = timedelta(seconds=float(lease_s))
    app = app_of(Course.at(Path(folder)))
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
