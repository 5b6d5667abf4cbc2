"""Workers beside the service: restarted when they die, gone when it is gone, however it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from introml.hub.queue.local_workers import local_workers, worker_command

#: A worker that notes its start, and ends with its standard input as the true one does.
STAND_IN = """
import os, sys
with open(sys.argv[1], "a") as log:
    log.write(f"{os.getpid()}\\n")
if len(sys.argv) > 2:
    sys.exit(int(sys.argv[2]))
sys.stdin.buffer.read()
"""


def stand_in(log: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", STAND_IN, str(log), *more]


def started(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def run(command, count, scene, pauses_s=(0.05, 0.2)):
    """Play the scene while workers run."""

    async def whole():
        generator = local_workers(command, count, pauses_s)(None)
        await anext(generator)
        try:
            await scene()
        finally:
            await anext(generator, None)

    asyncio.run(whole())


async def until(true, limit_s=180):
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        await asyncio.sleep(0.02)


def test_as_many_as_asked_for_run_and_end_with_the_service(tmp_path):
    log = tmp_path / "log"

    async def scene():
        await until(lambda: len(started(log)) == 3)
        assert all(map(psutil.pid_exists, started(log)))

    run(stand_in(log), 3, scene)
    assert len(started(log)) == 3
    assert not any(map(psutil.pid_exists, started(log)))


def test_one_that_is_killed_is_followed_by_another(tmp_path):
    log = tmp_path / "log"

    async def scene():
        await until(lambda: len(started(log)) == 2)
        killed, other = started(log)
        os.kill(killed, signal.SIGKILL)
        await until(lambda: len(started(log)) == 3)
        assert psutil.pid_exists(other)
        assert psutil.pid_exists(started(log)[2])

    run(stand_in(log), 2, scene)


def test_one_that_dies_at_once_is_started_again_after_pauses_that_grow(tmp_path, caplog):
    log = tmp_path / "log"

    async def scene():
        await until(lambda: len(started(log)) >= 6)

    begun = time.monotonic()
    run(stand_in(log, "1"), 1, scene, pauses_s=(0.05, 0.3))
    said = [record.getMessage() for record in caplog.records if "another one" in record.message]
    pauses = [float(one.rpartition(" in ")[2].removesuffix(" s")) for one in said]
    assert pauses[:5] == [0.05, 0.1, 0.2, 0.3, 0.3]
    # It did wait for them; how much longer it took is the machine's business.
    assert time.monotonic() - begun >= sum(pauses[:5])


def test_it_is_given_no_token_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "CANARY")
    monkeypatch.setenv("INTROML_THING", "kept")
    seen = tmp_path / "environment"
    code = (
        "import json, os, sys; "
        f"open({str(seen)!r} + '.new', 'w').write(json.dumps(dict(os.environ))); "
        f"os.rename({str(seen)!r} + '.new', {str(seen)!r}); sys.stdin.read()"
    )

    async def scene():
        await until(seen.exists)

    run([sys.executable, "-c", code], 1, scene)
    environment = json.loads(seen.read_text())
    assert "CANARY" not in environment.values()
    assert environment["INTROML_THING"] == "kept"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda one: one.name)
def test_when_the_service_is_ended_from_outside_they_end_too(tmp_path, number):
    log = tmp_path / "log"
    program = f"""
import asyncio
from introml.hub.queue.local_workers import local_workers
async def main():
    async for _ in local_workers({stand_in(log)!r}, 2)(None):
        await asyncio.sleep(60)
asyncio.run(main())
"""
    service = subprocess.Popen([sys.executable, "-c", program])
    try:
        asyncio.run(until(lambda: len(started(log)) == 2))
        service.send_signal(number)
        service.wait(120)
        asyncio.run(until(lambda: not any(map(psutil.pid_exists, started(log)))))
        assert service.returncode != 0
    finally:
        service.kill()


def test_the_command_of_a_true_worker(sqlite_course, monkeypatch, tmp_path):
    command = worker_command(sqlite_course, "http://127.0.0.1:1/x/")
    assert command.count("--end-with-stdin") == 1
    options = dict(zip(command[3::2], command[4::2], strict=False))
    assert options["--labs"] == sqlite_course.settings.labs_folder
    assert options["--tiers"] == "cpu"
    assert Path(options["--token-file"]).read_text() == sqlite_course.secret("worker")
    helped = subprocess.run(
        [*command[:3], "--help"], capture_output=True, text=True, check=True
    ).stdout
    for option in command[3:]:
        assert not option.startswith("--") or option in helped
