"""Grading and servers on a real Slurm: two one-processor nodes, started for this module."""

import contextlib
import json
import sys
import time
import warnings
from collections import Counter
from datetime import timedelta

import httpx
import psutil
import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from hub_visitor import Visitor
from real_hub import TAG, RealHub
from served import app_of, served
from service_process import FAKE_WORKER
from slurm_cluster import SlurmCluster, SlurmMissing, wait_for
from tiny_course import make_course

from introml.book.paths import ROOT
from introml.grader.authoring.release import solution_notebook
from introml.hub.course.course import Course
from introml.hub.course.database import now
from introml.hub.course.models import Grading
from introml.hub.grades.submissions import hand_in
from introml.hub.jupyter import accounts
from introml.hub.people import people
from introml.hub.queue.slurm import launcher_for

#: Not those of the other hubs that this process may have started: an account has one home.
ANN, BOB = f"sue-{TAG}", f"sid-{TAG}"


@pytest.fixture(scope="module")
def cluster():
    with SlurmCluster() as cluster:
        # A warning, for these are shown whatever the tests come to.
        warnings.warn(f"memory limits of Slurm's jobs here: {cluster.limits}", stacklevel=1)
        yield cluster


@pytest.fixture
def slurm(cluster, monkeypatch):
    """The cluster, for this process's Slurm commands; its jobs end with the test."""
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield cluster
    with contextlib.suppress(Exception):
        cluster.run("scancel", "--user", "root")
        wait_for(lambda: not cluster.run("squeue", "-h"), 30, "the end of all jobs")


@pytest.fixture
def course(tmp_path):
    """A course with a service, whose workers on Slurm have the true checker."""
    yield from course_on_slurm(tmp_path, sys.executable)


@pytest.fixture
def quick_course(tmp_path):
    """The same with the fake checker: a submission of the text `slow:3` takes three seconds."""
    worker = tmp_path / "worker.py"
    worker.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{FAKE_WORKER}")
    python = tmp_path / "python"
    # In the place of `python -m introml.hub.queue.worker OPTIONS`.
    python.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {worker} "$@"\n')
    python.chmod(0o755)
    yield from course_on_slurm(tmp_path, str(python))


def course_on_slurm(tmp_path, python):
    made = make_course(tmp_path)
    with made.database.writing() as session:
        people.add_people(session, [people.Entry(f"s{n}") for n in range(10)], "test")
    with served(app_of(made)) as url:
        tier = "{workers = 2, memory_mb = 2500, minutes = 5}"
        made.secret("worker")
        lines = {
            "url": json.dumps(url),
            "python": json.dumps(python),
            "token_file": json.dumps(str(made.folder / "worker.secret")),
            "logs": json.dumps(str(tmp_path)),
            "cpu": tier,
            "cuda": tier,
        }
        with (made.folder / "course.toml").open("a") as file:
            file.writelines(f"slurm.{key} = {value}\n" for key, value in lines.items())
        course = Course.at(made.folder)
        yield course
        course.database.close()
    made.database.close()


def submit(course, *names, data=None):
    lab = course.labs["tiny"]
    for name in names:
        hand_in(course, name, lab, "tiny.ipynb", data or solution_notebook(lab))


def rows(course):
    with course.database.reading() as session:
        return list(session.scalars(sa.select(Grading).order_by(Grading.id)))


def rounds_until(course, ready, limit_s=90.0):
    """Let the launcher look once a second until `ready()`; how many workers it asked for."""
    launcher = launcher_for(course)
    deadline, asked = time.monotonic() + limit_s, 0
    while not ready():
        asked += sum(launcher.round().values())
        assert time.monotonic() < deadline, [(x.state, x.trouble, x.worker) for x in rows(course)]
        time.sleep(1)
    return asked


def all_done(course):
    return all(row.state == "done" for row in rows(course))


def leased(course):
    return [row for row in rows(course) if row.state == "leased"]


def lapse(course):
    with course.database.writing() as session:
        session.execute(
            sa.update(Grading)
            .where(Grading.state == "leased")
            .values(lease_until=now() - timedelta(seconds=1))
        )


def job_of(row):
    """ "n1, Slurm job 7_0" -> "7_0"."""
    return row.worker.rpartition(" ")[2]


def test_workers_that_slurm_starts_grade(slurm, course):
    submit(course, "ann")
    asked = rounds_until(course, lambda: all_done(course))
    (row,) = rows(course)
    assert (row.verdict, row.score, row.tries) == ("graded", 10, 1)
    assert row.worker.startswith(("n1, Slurm job", "n2, Slurm job"))
    assert asked == 1
    job = slurm.job(job_of(row))
    assert job["Requeue"] == "1"
    assert job["TimeLimit"] == "00:05:00"
    assert "MinMemoryNode=2500M" in slurm.run("scontrol", "show", "job", job_of(row))
    assert course.secret("worker") not in slurm.run("scontrol", "show", "job", job_of(row))


def test_work_is_split_evenly_over_the_nodes(slurm, quick_course):
    submit(quick_course, "ann", "bob", data=b"slow:3")
    # Both workers are there, and idle, when the rest comes.
    assert rounds_until(quick_course, lambda: all_done(quick_course)) == 2
    submit(quick_course, *(f"s{n}" for n in range(10)), data=b"slow:1")
    wait_for(lambda: all_done(quick_course), 60, "all graded")
    split = Counter(row.worker.partition(",")[0] for row in rows(quick_course)[2:])
    assert set(split) == {"n1", "n2"}
    assert max(split.values()) - min(split.values()) <= 2
    assert [row.tries for row in rows(quick_course)] == [1] * 12


@pytest.mark.parametrize("how", ["requeue", "cancel"])
def test_a_job_that_slurm_ends_hands_its_grading_back(slurm, quick_course, how):
    submit(quick_course, "ann", data=b"slow:6")
    rounds_until(quick_course, lambda: leased(quick_course))
    job = job_of(leased(quick_course)[0])
    if how == "requeue":
        slurm.run("scontrol", "requeue", job)
    else:
        slurm.run("scancel", job)
    wait_for(lambda: rows(quick_course)[0].trouble, 10, "the grading handed back")
    (row,) = rows(quick_course)
    # Slurm took the worker away: that is no failed try.
    assert (row.state, row.tries) == ("waiting", 0)
    rounds_until(quick_course, lambda: all_done(quick_course))
    (row,) = rows(quick_course)
    assert (row.verdict, row.tries) == ("graded", 1)
    # A job that was put back in the queue is started again by Slurm itself, later.
    if how == "requeue":
        assert slurm.job(job)["Restarts"] == "1"


def test_a_node_that_vanishes_takes_no_grading_along(slurm, quick_course):
    submit(quick_course, "ann", "bob", data=b"slow:6")
    rounds_until(quick_course, lambda: len(leased(quick_course)) == 2)
    lost = leased(quick_course)[0]
    gone = lost.worker.partition(",")[0]
    slurm.kill_node(gone)
    try:
        only_lost = lambda: [row.id for row in leased(quick_course)] == [lost.id]  # noqa: E731
        wait_for(only_lost, 60, "the other one graded")
        lapse(quick_course)
        rounds_until(quick_course, lambda: all_done(quick_course))
    finally:
        slurm.start_node(gone)
    again = next(row for row in rows(quick_course) if row.id == lost.id)
    assert (again.verdict, again.tries) == ("graded", 2)
    assert not again.worker.startswith(gone)


def test_a_grading_for_a_gpu_asks_slurm_for_one(slurm, course):
    submit(course, "ann")
    with course.database.writing() as session:
        session.execute(sa.update(Grading).values(tier="cuda"))
    rounds_until(course, lambda: rows(course)[0].tries)
    (name,) = {row.worker for row in rows(course)}
    said = slurm.run("scontrol", "show", "job", name.rpartition(" ")[2])
    assert "gres:gpu:1" in said
    # The tests' GPU is none: what needs one is not graded as if it had passed without.
    wait_for(lambda: rows(course)[0].state == "waiting" or rows(course)[0].verdict, 60, "an end")
    assert rows(course)[0].verdict or "no GPU" in rows(course)[0].trouble


def test_a_job_that_takes_too_much_memory_is_ended(slurm):
    if not slurm.limits.startswith("enforced"):
        pytest.skip(f"memory limits are {slurm.limits}")
    script = f"#!/bin/sh\nexec {sys.executable} -c 'x = bytes(10) * 60_000_000; print(len(x))'\n"
    ends = {}
    for memory in ("200M", "1500M"):
        job = slurm.run(
            "sbatch", "--parsable", f"--mem={memory}", "--output=/dev/null", stdin=script
        )
        wait_for(
            lambda job=job: (
                slurm.job(job.strip())["JobState"] not in ("PENDING", "RUNNING", "COMPLETING")
            ),
            40,
            "the end of the job",
        )
        ends[memory] = slurm.job(job.strip())["JobState"]
    assert ends == {"200M": "OUT_OF_MEMORY", "1500M": "COMPLETED"}


@pytest.fixture(scope="module")
def hub(cluster):
    """A hub as `make hub CONFIG=…` starts it on a cluster."""
    hub = RealHub()
    try:
        config = hub.folder / "jupyterhub_config.py"
        text = (ROOT / "deploy/slurm/jupyterhub_config.py").read_text()
        assert "hub.example.edu" in text
        text = text.replace("hub.example.edu", "127.0.0.1").replace('"teaching"', '"lab"')
        text = text.replace('gpu_partition = "gpu"', 'gpu_partition = "one"')
        # The tests' nodes are all this machine; only here does a node's name not lead to it.
        config.write_text(f'{text}c.CourseSlurmSpawner.state_exechost_exp = "127.0.0.1"\n')
        settings = hub.course.folder / "course.toml"
        lines = settings.read_text().replace("workers = 1", "workers = 0")
        hub.course.secret("worker")
        settings.write_text(
            f"""{lines}
[slurm]
url = "{hub.address}services/course/"
token_file = "{hub.course.folder}/worker.secret"
python = "{sys.executable}"
cpu = {{workers = 1, memory_mb = 2500, minutes = 5}}
"""
        )
        with pytest.MonkeyPatch.context() as patch:
            for name, value in cluster.environment.items():
                patch.setenv(name, value)
            hub.start("--config", str(config))
        hub.add(ANN)
        accounts.account(ANN, hub.folder / "homes")
        yield hub
    finally:
        hub.close()


@pytest.fixture
def ann(hub):
    with Visitor(hub) as visitor:
        visitor.sign_in(ANN)
        yield visitor


def ask_for_server(visitor, **choices):
    """Send the form of choices."""
    form = visitor.get(f"/hub/spawn/{ANN}")
    action = BeautifulSoup(form.text, "html.parser").select_one("#spawn_form")["action"]
    return visitor.post(action, data=choices)


def test_a_student_chooses_a_server_and_slurm_starts_it(cluster, hub, ann):
    page = BeautifulSoup(ann.get(f"/hub/spawn/{ANN}").text, "html.parser")
    assert [x["value"] for x in page.select("input[name=machine]")] == ["cpu", "gpu"]
    assert [x["value"] for x in page.select("select[name=hours] option")] == ["1", "2", "4", "8"]
    began = time.monotonic()
    asked = ask_for_server(ann, machine="cpu", hours="1", memory_gb="2")
    assert asked.status_code == 200, hub.log[-3000:]

    def answers():
        said = ann.get(f"/user/{ANN}/api", follow_redirects=False)
        return said.status_code == 200 and "version" in said.json()

    wait_for(answers, 120, f"a server; the hub says:\n{hub.log[-2000:]}")
    print(f"a server through Slurm in {time.monotonic() - began:.1f} s")
    (job,) = cluster.run("squeue", "-h", "-u", ANN, "-o", "%i").split()
    known = cluster.job(job)
    assert known["UserId"].startswith(f"{ANN}(")
    assert known["TimeLimit"] == "01:00:00"
    assert known["MinMemoryNode"] == "2G"
    assert known["Requeue"] == "0"

    # What runs is the student's alone, and knows the hub by a token that is in no command.
    (server,) = [
        one
        for one in psutil.process_iter(["username", "cmdline"])
        if one.info["username"] == ANN and "jupyterhub.singleuser" in " ".join(one.info["cmdline"])
    ]
    token = server.environ()["JUPYTERHUB_API_TOKEN"]
    assert token not in " ".join(server.cmdline())
    assert token not in cluster.run("scontrol", "write", "batch_script", job, "-")
    assert server.environ()["INTROML_SUBMIT_URL"] == f"{hub.address}services/course/"

    # Of batchspawner's interface only the port is left.
    for body in ({"port": 8888, "exec_prefix": "touch /tmp/x;"}, {"job_id": "1; id"}, {"port": 80}):
        said = httpx.post(
            f"{hub.address}hub/api/batchspawner", json=body,
            headers={"Authorization": f"token {token}"},
        )  # fmt: skip
        assert said.status_code == 400, said.text
    assert answers()

    # A submission from that server is graded by a worker that the hub's launcher had Slurm start.
    lab = hub.course.labs["tiny"]
    said = httpx.post(
        f"{hub.address}services/course/api/labs/tiny/submissions?file_name=tiny.ipynb",
        content=solution_notebook(lab), headers={"Authorization": f"token {token}"},
    )  # fmt: skip
    assert said.status_code == 201, said.text
    wait_for(lambda: rows(hub.course)[0].state == "done", 120, "a grade")
    (row,) = rows(hub.course)
    assert (row.verdict, row.score) == ("graded", 10)
    assert "Slurm job" in row.worker

    ann.delete(f"/hub/api/users/{ANN}/server", headers={"X-XSRFToken": ann.xsrf_cookie()})
    wait_for(lambda: not cluster.run("squeue", "-h", "-u", ANN), 60, "the end of the job")


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"hours": "3"}, "hours is"),
        ({"hours": "1", "memory_gb": "1000"}, "memory_gb is"),
        ({"machine": "all"}, "machine is"),
        ({"machine": "gpu", "hours": "8"}, "at most"),
        ({"options": "--uid=root"}, "is no choice"),
        ({"cmd": "id"}, "is no choice"),
    ],
)
def test_what_is_no_choice_is_refused(cluster, ann, choices, words):
    answer = ask_for_server(ann, **choices)
    assert words in BeautifulSoup(answer.text, "html.parser").get_text()
    options = {key: int(x) if x.isdecimal() else x for key, x in choices.items()}
    said = ann.post(
        f"/hub/api/users/{ANN}/server", json=options,
        headers={"X-XSRFToken": ann.xsrf_cookie(), "Sec-Fetch-Mode": "cors"},
    )  # fmt: skip
    assert said.status_code == 400, said.text
    assert words in said.json()["message"]
    assert not cluster.run("squeue", "-h", "-u", ANN)


def test_who_has_no_account_for_the_course_gets_no_server(cluster, hub):
    hub.add(BOB)
    with Visitor(hub) as visitor:
        visitor.sign_in(BOB)
        said = visitor.post(
            f"/hub/api/users/{BOB}/server", json={},
            headers={"X-XSRFToken": visitor.xsrf_cookie(), "Sec-Fetch-Mode": "cors"},
        )  # fmt: skip
    assert said.status_code == 500
    assert "there is no account" in hub.log


def test_without_slurm_the_tests_say_what_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("slurm_cluster._program", lambda name: None)
    with pytest.raises(SlurmMissing, match="apt install slurm-wlm munge"):
        SlurmCluster()
