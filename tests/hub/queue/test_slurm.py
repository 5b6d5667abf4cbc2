"""How many workers Slurm is asked for, and with what words."""

import json
from pathlib import Path

import pytest

from introml.hub.course.course import Course, CourseError
from introml.hub.course.slurm_settings import read_slurm
from introml.hub.queue import slurm
from introml.hub.queue.slurm import Launcher, SlurmAway, Task, launcher_for, wanted
from introml.hub.queue.worker_client import Away

SLURM = {
    "url": "http://127.0.0.1:1/services/course/",
    "token_file": "/shared/token",
    "python": "/shared/python",
    "cpu": {"workers": 3, "partition": "lab", "options": ["--qos=low"]},
    "cuda": {"workers": 1},
}


def tasks(pending=0, starting=0, busy=0, held=0):
    return [
        *(Task("h", False, 0, held=True) for _ in range(held)),
        *(Task("p", False, 0) for _ in range(pending)),
        *(Task("s", True, 3) for _ in range(starting)),
        *(Task("b", True, 300) for _ in range(busy)),
    ]


@pytest.mark.parametrize(
    ("waiting", "there", "most", "more"),
    [
        (0, {}, 8, 0),
        (1, {}, 8, 1),
        (100, {}, 8, 8),
        (3, {"pending": 3}, 8, 0),
        (3, {"starting": 2}, 8, 1),
        (3, {"busy": 2}, 8, 3),
        (3, {"busy": 7}, 8, 1),
        (3, {"busy": 8}, 8, 0),
        (3, {"busy": 9}, 8, 0),
        (1, {"pending": 5}, 8, 0),
        # Requeued: it starts after minutes only, but counts among those that there may be.
        (1, {"held": 1}, 8, 1),
        (3, {"held": 1}, 2, 1),
        (5, {}, 0, 0),
    ],
)
def test_never_more_workers_than_needed_or_allowed(waiting, there, most, more):
    assert wanted(waiting, tasks(**there), most) == more


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("0:07", 7), ("12:34", 754), ("1:02:03", 3723), ("2-01:00:00", 176_400), ("INVALID", 0)],
)
def test_slurms_times_are_read(said, seconds):
    assert slurm._task(f"12_3 RUNNING {said} None") == Task("12_3", True, seconds)


@pytest.mark.parametrize(
    ("line", "task"),
    [
        ("7_0 PENDING 0:00 Resources", Task("7_0", False, 0)),
        ("7_0 PENDING 0:00 BeginTime", Task("7_0", False, 0, held=True)),
        ("7_1 PENDING 0:00 Nodes required for job are DOWN", Task("7_1", False, 0)),
        ("7_1 PENDING 0:00", Task("7_1", False, 0)),
    ],
)
def test_slurms_lines_are_read(line, task):
    assert slurm._task(line) == task


class Waiting:
    """A service in which so many gradings wait."""

    def __init__(self, **counts):
        self.counts = {"cpu": 0, "cuda": 0} | counts

    def waiting(self):
        return self.counts


@pytest.fixture
def said(monkeypatch):
    """What Slurm is asked, and what `squeue` answers, line by line."""
    asked, answers = [], []

    def run(command, environment):
        asked.append(command)
        return "\n".join(answers) if command[0] == "squeue" else "17\n"

    monkeypatch.setattr(slurm, "_run", run)
    return asked, answers


def launcher(**counts):
    return Launcher(read_slurm(SLURM), Waiting(**counts), ["--labs", "/shared/labs"])


def test_an_array_of_as_many_as_are_missing_is_submitted(said):
    asked, answers = said
    answers += ["16_0 RUNNING 5:00", "16_1 PENDING 0:00"]
    assert launcher(cpu=9).round() == {"cpu": 1}
    squeue, sbatch = asked
    assert "--me" in squeue
    assert sbatch[0] == "sbatch"
    assert {"--array=0-0", "--requeue", "--partition=lab", "--qos=low"} <= set(sbatch)
    assert not any(one.startswith("--gres") for one in sbatch)
    worker = sbatch[sbatch.index("/shared/python") :]
    assert worker[:3] == ["/shared/python", "-m", "introml.hub.queue.worker"]
    assert worker[-2:] == ["--labs", "/shared/labs"]
    script = Path(sbatch[sbatch.index("/shared/python") - 1]).read_text()
    assert 'exec "$@"' in script


def test_a_gpu_worker_asks_for_a_gpu(said):
    asked, _ = said
    assert launcher(cuda=5).round() == {"cuda": 1}
    assert "--gres=gpu:1" in asked[1]
    assert "cuda" in asked[1][asked[1].index("--tiers") + 1]


def test_where_nothing_waits_slurm_is_left_in_peace(said):
    assert launcher().round() == {}
    assert said[0] == []


def test_two_courses_have_jobs_of_other_names():
    other = read_slurm(SLURM | {"url": "http://127.0.0.1:2/services/course/"})
    names = {Launcher(one, Waiting(), []).job_name("cpu") for one in (other, read_slurm(SLURM))}
    assert len(names) == 2


def test_what_slurm_says_when_it_fails_is_told(monkeypatch):
    with pytest.raises(SlurmAway, match="nonsense"):
        slurm._run(["/bin/sh", "-c", "echo nonsense >&2; exit 1"], {})
    with pytest.raises(SlurmAway, match="no-such-program"):
        slurm._run(["/no-such-program"], {})


class EndsAfter(Exception):
    pass


def test_what_is_away_is_waited_for(monkeypatch):
    rounds = []

    class Launching:
        def round(self):
            rounds.append(1)
            if len(rounds) == 1:
                raise Away("the service is away")
            if len(rounds) == 2:
                raise SlurmAway("the controller is away")
            if len(rounds) == 4:
                raise EndsAfter
            return {}

    with pytest.raises(EndsAfter):
        slurm.watch(Launching(), every_s=0)
    assert len(rounds) == 4


def course_with(sqlite_course, **changes):
    path = sqlite_course.folder / "course.toml"
    text = path.read_text()
    for key, value in (SLURM | changes).items():
        if isinstance(value, dict):
            inner = ", ".join(f"{name} = {json.dumps(x)}" for name, x in value.items())
            text += f"slurm.{key} = {{{inner}}}\n"
        elif value is not None:
            text += f"slurm.{key} = {json.dumps(value)}\n"
    path.write_text(text)
    return Course.at(sqlite_course.folder)


def test_the_launcher_of_a_course_knows_where_its_labs_are(sqlite_course):
    course = course_with(sqlite_course)
    command = launcher_for(course).command("cpu", course.settings.slurm.tiers["cpu"], 2)
    assert command[-2:] == ["--labs", course.settings.labs_folder]
    assert course.secret("worker") not in " ".join(command)


def test_a_course_whose_workers_have_no_time_for_its_labs_is_refused(sqlite_course):
    course = course_with(sqlite_course, cpu={"minutes": 3})
    with pytest.raises(CourseError, match=r"minutes is 3; .* 5 at least"):
        launcher_for(course)


def test_a_course_without_workers_for_a_lab_is_refused(sqlite_course):
    course = course_with(sqlite_course, cpu=None)
    with pytest.raises(CourseError, match="needs cpu workers"):
        launcher_for(course)
