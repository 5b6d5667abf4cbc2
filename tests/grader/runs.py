"""`introml grade` as a process of its own: run to the end, watched, or killed at some instant."""

import contextlib
import ctypes
import itertools
import os
import random
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tiny import FOLDER

from introml.grader.box import cgroups, owned
from introml.grader.results.results import SubmissionResult
from introml.grader.run.store import Store

HERE = Path(__file__).parent
SEED = 20_270_110
#: Runs the command line with the fake checker of these tests in the place of the true one.
_FAKE = f"""
import functools, sys
from introml import command
from introml.grader.run import grade
fake = (sys.executable, "-I", {str(HERE / "fake_checker.py")!r})
grade.Options = functools.partial(grade.Options, command=fake)
sys.exit(command.main())
"""
_SUBREAPER = 36
_GONE_S = 20.0


def command(notebooks: Path, out: Path, *options: str, jobs: int = 2, fake: bool = False):
    """What to run for grading `notebooks` into `out`."""
    program = ["-c", _FAKE] if fake else ["-m", "introml.command"]
    return [
        sys.executable, *program, "grade", str(FOLDER), str(notebooks), "--out", str(out),
        "--seed", str(SEED), "--jobs", str(jobs), *options,
    ]  # fmt: skip


def results(out: Path) -> dict[str, SubmissionResult]:
    """What is stored, by folder."""
    with Store.opened(out, "tiny", None) as store:
        return {one.folder: one.result for one in store.results()}


@dataclass
class Watched:
    """A run that went to its end: exit status, seconds, and memory after each submission."""

    status: int
    seconds: float
    output: str
    rss: list[int] = field(default_factory=list)


def watched(arguments: Sequence[str], cwd: Path) -> Watched:
    """Run to the end; note the orchestrator's memory at each line that it prints."""
    began, rss, lines = time.monotonic(), [], []
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd
    ) as process:
        seen = psutil.Process(process.pid)
        for line in process.stdout:
            lines.append(line)
            with contextlib.suppress(psutil.Error):
                rss.append(seen.memory_info().rss)
    return Watched(process.returncode, time.monotonic() - began, "".join(lines), rss)


@contextlib.contextmanager
def orphans_come_here() -> Iterator[None]:
    """Become the parent of all descendants whose parent ends: none can get away unseen."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_SUBREAPER, 0, 0, 0, 0)


def descendants(but: set[int]) -> list[psutil.Process]:
    """Living processes under this one, without `but`; the dead among them are reaped."""
    alive = []
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if one.pid in but:
                continue
            if one.status() == psutil.STATUS_ZOMBIE:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(one.pid, os.WNOHANG)
            else:
                alive.append(one)
    return alive


@dataclass
class Kills:
    """What a series of kills and new starts came to."""

    kills: int = 0
    whole: int = 0
    #: How many submissions had a verdict when the kill came.
    when: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def kill_and_resume(
    notebooks: Path,
    place: Path,
    kills: int,
    draw: random.Random,
    *,
    fake: bool = False,
    checkers: bool = False,
    jobs: int = 2,
) -> Kills:
    """Kill a run at random instants and start it again, until there were `kills` of them.

    A run that gets to its end is compared with one that nobody killed, and a new one is begun.
    With `checkers`, checkers and templates are killed at random instead, and the run goes on.
    """
    place.mkdir()
    done = Kills()
    environment = os.environ | {"TMPDIR": str(place / "tmp")}
    (place / "tmp").mkdir()
    others = {one.pid for one in psutil.Process().children(recursive=True)}

    def start(out: Path) -> subprocess.Popen:
        return subprocess.Popen(
            command(notebooks, out, jobs=jobs, fake=fake),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip

    with orphans_come_here():
        began = time.monotonic()
        process, moments, pids = start(place / "whole"), [], set()
        for line in process.stdout:
            if _tells_a_verdict(line):
                moments.append(time.monotonic() - began)
            pids |= {one.pid for one in descendants(others)}
        if process.wait():
            done.problems.append(f"the run that nobody killed ended with {process.returncode}")
            return done
        expected = (place / "whole" / "grades.csv").read_bytes()
        if expected.count(b"\n") != 1 + len(list(notebooks.iterdir())):
            done.problems.append("grades.csv has not one row for each submission")
        gaps = [b - a for a, b in itertools.pairwise(moments)]
        gap = statistics.fmean(gaps) if gaps else 0.1
        while done.kills < kills:
            out = place / f"run{done.whole}"
            told: set[bytes] = set()
            while True:
                process = start(out)
                goes_on = done.kills >= kills or (len(told) == len(moments) and draw.random() < 0.5)
                wanted = 10**6 if goes_on else len(told) + draw.randrange(4)
                first = draw.uniform(0, moments[0]) if wanted == len(told) else None
                output = bytearray()
                seen = _wait(process, output, wanted, first, draw.uniform(0, 2 * gap))
                pids |= {one.pid for one in descendants(others)}
                if process.poll() is None and checkers and not goes_on:
                    done.kills += _kill_one_of(process, draw)
                    done.when.append(seen)
                    _wait(process, output, 10**6, None, 0)
                elif process.poll() is None:
                    process.kill()
                    done.kills += 1
                    done.when.append(seen)
                output += process.stdout.read()
                process.stdout.close()
                status = process.wait()
                done.problems += _graded_again(bytes(output), told)
                done.problems += _left_running(others)
                if status == 0:
                    break
                if status not in (-signal.SIGKILL, 1) or (status == 1 and not checkers):
                    done.problems.append(f"a run that was started again ended with {status}")
                    return done
            done.whole += 1
            if (out / "grades.csv").read_bytes() != expected:
                done.problems.append(f"{out}: other grades than without a kill")
            strange = [x for x in out.rglob("*") if x.name.startswith(".") and x.name != ".lock"]
            done.problems += [f"{x}: left behind" for x in strange]
        done.problems += _left_lying(place / "tmp", pids)
    return done


def _wait(
    process: subprocess.Popen,
    output: bytearray,
    verdicts: int,
    first: float | None,
    then: float,
) -> int:
    """Until so many verdicts were printed and `then` seconds are over, or its end; count them.

    With `first`, not longer than so many seconds. What is printed is added to `output`.
    """
    deadline = None if first is None else time.monotonic() + first
    seen = 0
    descriptor = process.stdout.fileno()
    while seen < verdicts or deadline is not None:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([descriptor], [], [], left)[0]:
            return seen
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            break
        output += piece
        seen = sum(_tells_a_verdict(line) for line in output.splitlines())
    time.sleep(then)
    return seen


def _graded_again(output: bytes, told: set[bytes]) -> list[str]:
    """Submissions whose verdict was told by an earlier run, and that this one graded once more."""
    problems = []
    for line in output.splitlines():
        if not _tells_a_verdict(line) or line.count(b"  ") < 3:
            continue
        _, name, how, *_ = line.split(b"  ")
        if name in told and how != b"done before":
            problems.append(f"{name.decode()}: graded again though it was done")
        if how != b"grader fault":
            told.add(name)
    return problems


def _tells_a_verdict(line: bytes) -> bool:
    return b"/" in line.partition(b" ")[0]


def _kill_one_of(process: subprocess.Popen, draw: random.Random) -> int:
    """Kill a checker or a template; not a box, for then its submission has crashed indeed."""
    family = [psutil.Process(process.pid)]
    with contextlib.suppress(psutil.Error):
        for _ in ("checkers", "those that start templates", "templates"):
            family += [child for one in family for child in one.children() if child not in family]
    if len(family) == 1:
        return 0
    with contextlib.suppress(psutil.Error):
        draw.choice(family[1:]).kill()
        return 1
    return 0


def _left_running(others: set[int]) -> list[str]:
    deadline = time.monotonic() + _GONE_S
    while left := descendants(others):
        if time.monotonic() > deadline:
            names = [f"process {one.pid} outlived its run: {one}" for one in left]
            for one in left:
                one.kill()
            return names
        time.sleep(0.02)
    return []


def _left_lying(folder: Path, pids: set[int]) -> list[str]:
    """Folders, control groups and mounts of processes that have ended."""
    found = [f"{path}: left behind" for path in folder.iterdir()]
    parents = cgroups.find_parents()
    for parent in {parents.memory, parents.pids} if parents else ():
        for path in owned.left_behind(parent, "introml-"):
            if int(path.name.split("-")[1]) in pids:
                found.append(f"{path}: left behind")
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return found + [f"mounted still: {line}" for line in mounts if str(folder) in line]
