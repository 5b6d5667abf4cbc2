"""Grading workers on the service's own machine: started with it, restarted when one dies.

They end with the service, however that ends. When it is told to end, so are they; when it is
killed, the pipe that is their standard input closes, and a worker ends when it sees that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from fastapi import FastAPI

from introml.hub.course import Course
from introml.hub.queue.background import beside
from introml.hub.queue.heard import Heard

_log = logging.getLogger(__name__)
#: A worker that lived longer than this was well: the next one is started after the shortest pause.
_WELL_S = 30.0
_PAUSES_S = (1.0, 60.0)
_GPU = Path("/dev/nvidiactl")
#: How long workers have to hand back what they hold.
_GOODBYE_S = 10.0


def worker_command(course: Course, url: str) -> list[str]:
    """The command of a worker for this course's labs, and for a GPU where there is one."""
    course.secret("worker")
    has_gpu = bool(course.settings.gpu_labs) and _GPU.exists()
    command = [
        sys.executable, "-m", "introml.hub.queue.worker",
        "--url", url,
        "--token-file", str(course.folder / "worker.secret"),
        "--tiers", "cpu,cuda" if has_gpu else "cpu",
        "--warm", "--end-with-stdin",
    ]  # fmt: skip
    for option, folder in (
        ("--labs", course.settings.labs_folder),
        ("--hidden", course.settings.hidden),
    ):
        if folder:
            command += [option, folder]
    return command


def local_workers(
    command: Sequence[str],
    count: int,
    pauses_s: tuple[float, float] = _PAUSES_S,
    heard: Heard | None = None,
) -> Callable[[FastAPI], AsyncIterator[None]]:
    """What keeps `count` workers running as long as the service does, for `create_app`.

    `heard` is told of each that ends unasked.
    """

    async def run(app: FastAPI) -> AsyncIterator[None]:
        async with beside(*(_keep_one(command, n, pauses_s, heard) for n in range(count))):
            yield

    return run


async def _keep_one(
    command: Sequence[str], number: int, pauses_s: tuple[float, float], heard: Heard | None
) -> None:
    """Run a worker; whenever it ends, run another after a pause that grows while they die young."""
    environment = _environment()
    pause = pauses_s[0]
    while True:
        begun = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, env=environment
        )
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        if time.monotonic() - begun > _WELL_S:
            pause = pauses_s[0]
        if heard is not None:
            heard.died(process.pid, status)
        _log.warning(
            "grading worker %d ended with status %d; another one starts in %g s",
            number, status, pause,
        )  # fmt: skip
        await asyncio.sleep(pause)
        pause = min(2 * pause, pauses_s[1])


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GOODBYE_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _environment() -> dict[str, str]:
    """This process's environment without what JupyterHub gave the service: tokens, addresses."""
    return {key: value for key, value in os.environ.items() if not key.startswith("JUPYTERHUB_")}
