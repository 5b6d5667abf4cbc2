"""Workers, with a real service: each submission is graded once, whoever dies."""

import contextlib
import json
import socket
import subprocess
import time
from datetime import timedelta

import psutil
import pytest
import sqlalchemy as sa
from served import app_of, served
from service_process import ServiceProcess, WorkerProcess
from tiny_course import make_course, notebook

from introml.grader.authoring.release import solution_notebook, starter_notebook
from introml.hub.course.database import now
from introml.hub.course.models import Grading
from introml.hub.grades.submissions import hand_in
from introml.hub.queue import jobs


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(ready, limit_s=180.0):
    deadline = time.monotonic() + limit_s
    while not (found := ready()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
    return found


def rows(course):
    with course.database.reading() as session:
        return list(session.scalars(sa.select(Grading).order_by(Grading.id)))


def states(course):
    return [row.state for row in rows(course)]


def lapse(course):
    """Let all leases be over, as if their workers had been silent for a minute."""
    with course.database.writing() as session:
        session.execute(
            sa.update(Grading)
            .where(Grading.state == "leased")
            .values(lease_until=now() - timedelta(seconds=1))
        )


class InThread:
    """The service in a thread of this process, for tests that don't end it: it starts at once."""

    def __init__(self, course, url):
        self._course, self.url = course, url

    def submit(self, name, data):
        hand_in(self._course, name, self._course.labs["tiny"], "tiny.ipynb", data)


@contextlib.contextmanager
def process(course):
    service = ServiceProcess(course, free_port())
    service.start()
    try:
        yield service
    finally:
        service.kill()


@pytest.fixture
def service(sqlite_course):
    with served(app_of(sqlite_course)) as url:
        yield InThread(sqlite_course, url)


@pytest.fixture
def any_service(course):
    with process(course) as service:
        yield service


@pytest.fixture
def workers():
    """Starts workers that are gone when the test is over."""
    started = []

    def start(*arguments, **options):
        started.append(WorkerProcess(*arguments, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


def checkers_of(worker):
    """The fake checkers that a worker has started.

    The worker names that file too, in the middle of its code. A process that it has just started is
    seen as the worker itself, with its environment, until it has become another program.
    """
    family = psutil.Process(worker.process.pid).children(recursive=True)
    return [one for one in family if any(a.endswith("fake_checker.py") for a in one.cmdline())]


def test_what_is_handed_in_is_graded_by_the_true_checker(any_service, course, workers):
    lab = course.labs["tiny"]
    any_service.submit("ann", solution_notebook(lab))
    any_service.submit("bob", starter_notebook(lab))
    workers(course, any_service.url, "--until-idle", "0", fake=False).process.wait(300)
    ann, bob = rows(course)
    assert (ann.state, ann.verdict, ann.score, ann.max_score) == ("done", "graded", 10, 10)
    assert (bob.state, bob.verdict) == ("done", "graded")
    assert bob.score < 10
    assert ann.lab_version == lab.version


def test_told_to_end_it_hands_back_what_it_has_within_seconds(service, sqlite_course, workers):
    service.submit("ann", b"hang")
    worker = workers(sqlite_course, service.url)
    wait_until(lambda: states(sqlite_course) == ["leased"] and checkers_of(worker))
    checkers = checkers_of(worker)
    assert worker.terminate() < 5
    assert worker.process.returncode == 0
    (row,) = rows(sqlite_course)
    # It was nobody's fault, so it is no try.
    assert (row.state, row.tries) == ("waiting", 0)
    assert "told to end" in row.trouble
    psutil.wait_procs(checkers, timeout=60)
    assert not any(one.is_running() for one in checkers)


def test_killed_while_it_grades_another_one_takes_over(any_service, course, workers):
    any_service.submit("ann", notebook("slow:1"))
    first = workers(course, any_service.url)
    wait_until(lambda: states(course) == ["leased"] and checkers_of(first))
    first.kill()
    lapse(course)
    second = workers(course, any_service.url)
    wait_until(lambda: states(course) == ["done"])
    (row,) = rows(course)
    assert (row.verdict, row.tries) == ("graded", 2)
    assert row.worker.endswith(str(second.process.pid))


def test_a_worker_whose_lease_is_lost_drops_its_work(service, sqlite_course, workers):
    service.submit("ann", b"hang")
    worker = workers(sqlite_course, service.url)
    wait_until(lambda: states(sqlite_course) == ["leased"] and checkers_of(worker))
    (checker,) = checkers_of(worker)
    lapse(sqlite_course)
    other = jobs.lease(sqlite_course, "other", ["cpu"])
    assert other is not None
    # The next renewal is refused, and the checker is ended, though it would hang for ten minutes.
    checker.wait(120)
    jobs.renew(sqlite_course, other.grading, other.token)
    service.submit("bob", b"good")
    wait_until(lambda: states(sqlite_course) == ["leased", "done"])


def test_a_result_is_kept_until_the_service_is_there_again(any_service, course, workers):
    any_service.submit("ann", notebook("slow:1.5"))
    worker = workers(course, any_service.url)
    wait_until(lambda: states(course) == ["leased"] and checkers_of(worker))
    any_service.kill()
    time.sleep(2.5)
    assert states(course) == ["leased"]
    any_service.start()
    wait_until(lambda: states(course) == ["done"])
    (row,) = rows(course)
    assert (row.tries, row.verdict) == (1, "graded")


def test_the_database_is_away_for_a_while(postgres, tmp_path, workers):
    course = make_course(tmp_path, postgres.database())
    with process(course) as service:
        for name in ("ann", "bob"):
            service.submit(name, notebook("slow:1"))
        worker = workers(course, service.url)
        wait_until(lambda: "leased" in states(course) and checkers_of(worker))
        postgres.kill()
        try:
            time.sleep(2)
            with pytest.raises(OSError, match="503"):
                service.submit("ann", notebook("good again"))
        finally:
            postgres.start()
        service.submit("ann", notebook("good again"))
        wait_until(lambda: states(course) == ["done"] * 3)
        assert [row.tries for row in rows(course)] == [1, 1, 1]
    course.database.close()


def test_a_lab_that_cannot_be_graded_here_is_left_to_others(service, sqlite_course, workers):
    (lab,) = sqlite_course.labs.values()
    service.submit("ann", b"good")
    service.submit("bob", b"good")
    (lab.folder / "lab.toml").write_text("title = ")
    workers(sqlite_course, service.url)
    wait_until(lambda: any(row.trouble for row in rows(sqlite_course)))
    time.sleep(2)
    assert states(sqlite_course) == ["waiting", "waiting"]
    assert [row.tries for row in rows(sqlite_course)] == [1, 0]
    assert "is not TOML" in rows(sqlite_course)[0].trouble


def test_work_for_a_gpu_is_not_done_without_one(sqlite_course, service, workers):
    service.submit("ann", b"good")
    with sqlite_course.database.writing() as session:
        session.execute(sa.update(Grading).values(tier="cuda"))
    result = workers(sqlite_course, service.url, "--once", fake=False, tiers="cuda").process.wait(
        60
    )
    assert result == 0
    (row,) = rows(sqlite_course)
    assert row.state == "waiting"
    assert "no GPU" in row.trouble


def test_no_credential_reaches_the_checker(service, sqlite_course, workers):
    service.submit("ann", b"hang")
    worker = workers(sqlite_course, service.url)
    (checker,) = wait_until(lambda: checkers_of(worker))
    token = sqlite_course.secret("worker")
    wait_until(lambda: states(sqlite_course) == ["leased"])
    said = json.dumps([checker.cmdline(), checker.environ()])
    for secret in (token, "the-hubs-token", service.url, "worker.secret"):
        assert secret not in said
    assert token not in json.dumps(psutil.Process(worker.process.pid).cmdline())
    assert token not in json.dumps(psutil.Process(worker.process.pid).environ())


@pytest.mark.parametrize(
    ("options", "done"),
    [
        (["--max-jobs", "1"], 1),
        (["--once"], 1),
        (["--until-idle", "0"], 3),
        (["--lease-for", "0"], 0),
    ],
)
def test_it_ends_when_it_was_told_to(service, sqlite_course, workers, options, done):
    for number in range(3):
        service.submit("ann", b"good%d" % number)
    assert workers(sqlite_course, service.url, *options).process.wait(300) == 0
    assert states(sqlite_course).count("done") == done


def test_it_ends_with_who_started_it(service, sqlite_course, workers):
    worker = workers(sqlite_course, service.url, "--end-with-stdin")
    with pytest.raises(subprocess.TimeoutExpired):
        worker.process.wait(2)
    worker.process.stdin.close()
    assert worker.process.wait(120) == 0


def test_a_wrong_token_is_waited_with_and_said(service, sqlite_course, workers):
    sqlite_course.secret("worker")
    token = sqlite_course.folder / "worker.secret"
    right = token.read_text()
    service.submit("ann", b"good")
    other = sqlite_course.folder / "other.secret"
    other.write_text("wrong")
    worker = workers(sqlite_course, service.url, "--token-file", str(other))
    wait_until(lambda: "401" in worker.log.read_text())
    assert states(sqlite_course) == ["waiting"]
    other.write_text(right)
    wait_until(lambda: states(sqlite_course) == ["done"])
