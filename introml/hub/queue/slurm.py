"""Has Slurm start grading workers: as many as there is work for, up to the course's limits.

    python -m introml.hub.queue.slurm --course /var/lib/introml

It keeps no state of its own. Each round it asks the service what waits and Slurm which of its jobs
are there, so that it can be ended and started again at any moment. Workers end by themselves.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import pwd
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from introml.grader.lab import LabError
from introml.hub.course import Course, CourseError, SlurmSettings, TierSettings, default_folder
from introml.hub.queue.worker_client import Away, Refused, ServiceClient

log = logging.getLogger("introml.slurm")

_ROUND_S = 2.0
#: A worker waits so long for more work before it ends: a start costs some seconds.
_IDLE_S = 30
#: A worker that was started so lately has not taken its first grading yet.
_STARTING_S = 15
_MOST_JOBS = 200
_SLURM_S = 60.0
#: A worker begins nothing in this last share of its time.
_NO_MORE = 0.5
#: What is needed beside a grading's own limit; see `introml.grader.run.session`.
_SLACK_S = 90
_SCRIPT = Path(__file__).with_name("slurm_worker.sh")
#: What sbatch and squeue need; the rest of this process's environment is not the workers' business.
PASSED_ON = ("PATH", "LANG", "SLURM_CONF", "TZ")


class SlurmAway(Exception):
    """Slurm's commands fail: the text is what they said."""


@dataclass(frozen=True)
class Task:
    """A task of ours that Slurm has: held until later, waiting to start, or running for a while."""

    id: str
    running: bool
    seconds: int
    held: bool = False

    @property
    def is_starting(self) -> bool:
        """Whether it will take its first grading soon."""
        return not self.held and (not self.running or self.seconds < _STARTING_S)


class Launcher:
    """Starts workers for one course. `round` looks once, and starts what is missing."""

    def __init__(
        self, settings: SlurmSettings, service: ServiceClient, labs: Sequence[str]
    ) -> None:
        """`labs` are the options that tell a worker where the labs are."""
        self._settings = settings
        self._service = service
        self._labs = list(labs)

    def round(self) -> dict[str, int]:
        """How many workers were asked for, by tier. Raises `Away`, `Refused`, `SlurmAway`."""
        waiting = self._service.waiting()
        asked = {}
        for name, tier in self._settings.tiers.items():
            if not waiting.get(name):
                continue
            more = wanted(waiting[name], self.tasks(name), tier.workers)
            if more:
                self._start(name, tier, more)
                asked[name] = more
        return asked

    def tasks(self, tier: str) -> list[Task]:
        """The workers of this course and tier that Slurm has. Raises `SlurmAway`."""
        said = _run(
            [
                "squeue", "--noheader", "--array", "--name", self.job_name(tier),
                "--states", "PENDING,CONFIGURING,RUNNING,SUSPENDED,REQUEUED",
                "--format", "%i %T %M %r", *self._of_user(),
            ],
            self._environment(),
        )  # fmt: skip
        return [_task(line) for line in said.splitlines() if line.strip()]

    def job_name(self, tier: str) -> str:
        """What our jobs are called: another course's are called otherwise."""
        course = hashlib.sha256(self._settings.url.encode("utf-8")).hexdigest()[:8]
        return f"introml-{tier}-{course}"

    def _environment(self) -> dict[str, str]:
        """For Slurm's commands, and what the workers inherit."""
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        user = self._settings.user or pwd.getpwuid(os.geteuid()).pw_name
        try:
            home = pwd.getpwnam(user).pw_dir
        except KeyError:
            raise SlurmAway(f"there is no user {user!r} on this machine (slurm.user)") from None
        return environment | {"HOME": home, "USER": user, "LOGNAME": user}

    def _of_user(self) -> list[str]:
        return ["--user", self._settings.user] if self._settings.user else ["--me"]

    def _start(self, name: str, tier: TierSettings, count: int) -> None:
        said = _run(self.command(name, tier, count), self._environment())
        log.info("%d %s workers: Slurm job %s", count, name, said.strip())

    def command(self, name: str, tier: TierSettings, count: int) -> list[str]:
        """What starts `count` workers. Neither the token nor any secret is in it."""
        settings = self._settings
        options = [
            "--parsable", f"--job-name={self.job_name(name)}", f"--array=0-{count - 1}",
            "--requeue", f"--time={tier.minutes}", f"--mem={tier.memory_mb}M", "--ntasks=1",
            f"--cpus-per-task={tier.cpus}", "--chdir=/", "--open-mode=append",
        ]  # fmt: skip
        for option, value in (
            ("partition", tier.partition),
            ("account", settings.account),
            ("gres", tier.gres),
        ):
            if value:
                options.append(f"--{option}={value}")
        if settings.user and os.geteuid() == 0:
            options.append(f"--uid={settings.user}")
        logs = settings.logs / "%x-%A_%a.log" if settings.logs else "/dev/null"
        options += [f"--output={logs}", *tier.options]
        worker = [
            str(settings.python), "-m", "introml.hub.queue.worker", "--url", settings.url,
            "--token-file", str(settings.token_file), "--tiers", name,
            "--until-idle", str(_IDLE_S), "--max-jobs", str(_MOST_JOBS),
            "--lease-for", str(round(60 * tier.minutes * (1 - _NO_MORE))), *self._labs,
        ]  # fmt: skip
        return ["sbatch", *options, str(_SCRIPT), *worker]


def wanted(waiting: int, tasks: Sequence[Task], most: int) -> int:
    """How many workers to start: one for each grading that no worker is about to take.

    A worker that runs and has not taken what waits is busy; one that starts will take one.
    """
    starting = sum(one.is_starting for one in tasks)
    return max(0, min(waiting - starting, most - len(tasks)))


def launcher_for(course: Course) -> Launcher:
    """The launcher for a course. Raises `CourseError` if its settings don't go together."""
    settings = course.settings.slurm
    if settings is None:
        raise CourseError(f"{course.folder / 'course.toml'}: there is no [slurm]; write one")
    for name, lab in course.labs.items():
        tier_name = "cuda" if name in course.settings.gpu_labs else "cpu"
        tier = settings.tiers.get(tier_name)
        if tier is None:
            raise CourseError(
                f"{course.folder / 'course.toml'}: {name} needs {tier_name} workers; write "
                f"{tier_name} = {{workers = …}} under [slurm]"
            )
        limits = lab.settings.limits
        longest_s = limits.wall_s * (2 if tier_name == "cuda" else 1) + _SLACK_S
        if longest_s > 60 * tier.minutes * _NO_MORE:
            raise CourseError(
                f"{course.folder / 'course.toml'}: slurm.{tier_name}.minutes is {tier.minutes}; "
                f"grading {name} may take {longest_s:g} s, and a worker needs twice that: "
                f"{round(longest_s / 30) + 1} at least"
            )
    labs = []
    if course.settings.labs_folder:
        labs += ["--labs", course.settings.labs_folder]
    if course.settings.hidden:
        labs += ["--hidden", course.settings.hidden]
    # The launcher reads the course's own token: the nodes' copy need not be readable from here.
    course.secret("worker")
    service = ServiceClient(settings.url, course.folder / "worker.secret")
    return Launcher(settings, service, labs)


def watch(launcher: Launcher, every_s: float = _ROUND_S) -> NoReturn:
    """Rounds without end. What is away is waited for."""
    trouble = ""
    while True:
        try:
            launcher.round()
            trouble = ""
        except (Away, Refused, SlurmAway) as problem:
            if str(problem) != trouble:
                log.warning("no workers are started at the moment: %s", problem)
            trouble = str(problem)
        time.sleep(every_s * (5 if trouble else 1))


def _run(command: Sequence[str], environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=_SLURM_S, cwd="/",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise SlurmAway(f"{command[0]}: {problem}") from problem
    if done.returncode:
        raise SlurmAway(f"{command[0]}: {done.stderr.strip()[:500]}")
    return done.stdout


def _task(line: str) -> Task:
    ident, state, used, reason = (*line.split(maxsplit=3), "")[:4]
    # What was requeued starts after two minutes at the earliest.
    held = reason in ("BeginTime", "JobHeldUser", "JobHeldAdmin")
    return Task(ident, state in ("RUNNING", "SUSPENDED"), _seconds(used), held)


def _seconds(used: str) -> int:
    """Slurm's "1-02:03:04", "2:03:04" or "3:04" in seconds; what it doesn't know counts as 0."""
    found = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", used)
    if not found:
        return 0
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the launcher until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m introml.hub.queue.slurm", description=__doc__)
    parser.add_argument("--course", type=Path, default=default_folder(), metavar="DIR")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        launcher = launcher_for(Course.at(options.course))
    except (CourseError, LabError) as problem:
        print(f"introml.hub.queue.slurm: {problem}", file=sys.stderr)
        return 2
    # A signal may end this process anywhere: it keeps nothing.
    watch(launcher)


if __name__ == "__main__":
    sys.exit(main())
