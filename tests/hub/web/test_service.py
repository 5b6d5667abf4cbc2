"""The service as JupyterHub starts it: a process that prepares, serves, grades, and ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import httpx2
import psutil
import pytest
from served import PREFIX, Browser, app_of, served
from small_hub import SmallHub
from tiny_course import make_course, notebook

from introml.hub.course.course import Course
from introml.hub.course.database import now
from introml.hub.course.models import LabSchedule
from introml.hub.grades.submissions import dates_of
from introml.hub.jupyter.sockets import url_of
from introml.hub.servers import releases
from introml.hub.web.service import ServiceError, labs_handed_out, where


class Service:
    """`python -m introml.hub.web.service`, with the small hub as its JupyterHub."""

    def __init__(self, course, hub_url="http://127.0.0.1:9"):
        self.url = f"http://service{PREFIX}"
        self.socket = str(course.folder / "service.sock")
        self.log = course.folder / "service.log"
        environment = os.environ | {
            "INTROML_COURSE": str(course.folder),
            "JUPYTERHUB_SERVICE_URL": url_of(Path(self.socket)),
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_NAME": "course",
            "JUPYTERHUB_API_TOKEN": "the-services-token",
            "JUPYTERHUB_API_URL": f"{hub_url.removesuffix(PREFIX)}/hub/api",
            "JUPYTERHUB_CLIENT_ID": "service-course",
            "JUPYTERHUB_BASE_URL": "/",
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "introml.hub.web.service"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def client(self, **more):
        return httpx2.Client(
            base_url=self.url, transport=httpx2.HTTPTransport(uds=self.socket), **more
        )

    def get(self, path, **headers):
        with self.client(headers=headers) as client:
            return client.get(path)

    def post(self, path, content, **headers):
        with self.client(headers=headers) as client:
            return client.post(path, content=content)

    def until(self, true, limit_s=180):
        """Wait until `true` says so; what it raises because nothing answers yet is no answer."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                if found := true():
                    return found
            except httpx2.HTTPError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def end(self):
        for one in [*self.children(), self.process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()

    def children(self):
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


@pytest.fixture(scope="module")
def hub():
    hub = SmallHub()
    with served(hub.app) as hub.url:
        yield hub


@pytest.fixture
def start(hub):
    services = []

    def one(course):
        services.append(Service(course, hub.url))
        return services[-1]

    yield one
    for service in services:
        service.end()


def test_from_nothing_to_an_answer(start, sqlite_course):
    """The database is migrated at the start, and each lab has its seed."""
    sqlite_course.database.close()
    for file in sqlite_course.folder.glob("course.sqlite*"):
        file.unlink()
    service = start(sqlite_course)
    service.until(lambda: service.get("api/nothing").status_code == 404)
    service.until(lambda: service.get("api/submissions/x").status_code == 401)

    def seeds():
        with sqlite_course.database.reading() as session:
            return session.get(LabSchedule, "tiny")

    service.until(seeds)


def test_a_submission_is_graded_by_the_local_workers_and_they_end_with_it(start, hub, tmp_path):
    course = make_course(tmp_path, workers=1)
    service = start(course)
    token = hub.make_token("ann")
    headers = {"Authorization": f"token {token}"}
    answer = service.until(lambda: service.post("api/labs/tiny/submissions", notebook(), **headers))
    assert answer.status_code == 201, answer.text
    ident = json.loads(answer.json()["receipt"])["submission"]

    def verdict():
        return service.get(f"api/submissions/{ident}", **headers).json().get("verdict")

    assert service.until(verdict, 60) == "graded"
    workers = service.children()
    assert sum("introml.hub.queue.worker" in " ".join(one.cmdline()) for one in workers) == 1
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(120)
    _, alive = psutil.wait_procs(workers, 15)
    assert alive == []


def test_a_database_that_is_not_there_at_the_start(start, postgres, tmp_path):
    course = make_course(tmp_path, postgres.database())
    postgres.kill()
    try:
        service = start(course)
        answer = service.until(lambda: service.get("worker/waiting"))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    finally:
        postgres.start()
    bearer = {"Authorization": f"Bearer {course.secret('worker')}"}
    service.until(lambda: service.get("worker/waiting", **bearer).status_code == 200)


def test_told_to_end_it_ends_at_once_though_pages_listen(start, hub, sqlite_course):
    from introml.hub.grades.submissions import hand_in

    receipt = hand_in(sqlite_course, "ann", sqlite_course.labs["tiny"], "a.ipynb", b"{}").receipt
    ident = json.loads(receipt)["submission"]
    service = start(sqlite_course)
    service.until(lambda: service.get("health").status_code == 200)
    client = service.client(headers={"Accept": "text/html"})
    begun = client.get("")
    client.get(hub.authorize(begun.headers["location"], "ann"))
    with client.stream("GET", f"submissions/{ident}/events") as events:
        assert events.status_code == 200
        assert "next" in next(line for line in events.iter_lines() if line.startswith("data:"))
        service.process.terminate()
        service.process.wait(120)  # with the stream open: a service that waited for it would hang


@pytest.mark.parametrize(
    ("url", "prefix", "expected"),
    [
        ("http+unix://%2Frun%2Fa.sock", "/services/course/", ("/run/a.sock", "/services/course/")),
        ("http+unix://%2Fa%2Fb/", "/a/services/course", ("/a/b", "/a/services/course/")),
    ],
)
def test_where_the_configuration_says_to_listen(url, prefix, expected):
    given = {"JUPYTERHUB_SERVICE_URL": url, "JUPYTERHUB_SERVICE_PREFIX": prefix}
    assert where(given) == expected


@pytest.mark.parametrize("url", ["", "https://x:1", "http://127.0.0.1:80", "http+unix:", "x"])
def test_without_jupyterhub_it_says_how_to_start_it(url):
    with pytest.raises(ServiceError, match="make hub"):
        where({"JUPYTERHUB_SERVICE_URL": url, "JUPYTERHUB_SERVICE_PREFIX": "/x/"})


def test_a_course_that_cannot_be_used_ends_it_with_a_sentence(start, sqlite_course):
    sqlite_course.folder.chmod(0o755)
    service = start(sqlite_course)
    assert service.process.wait(120) == 1
    assert "chmod 700" in service.log.read_text()


def test_a_lab_that_opens_while_servers_run_is_handed_out_to_them(
    sqlite_course, tmp_path, monkeypatch
):
    monkeypatch.setattr("introml.hub.web.service._HAND_OUT_S", 0.02)
    path = sqlite_course.folder / "course.toml"
    path.write_text(f'{path.read_text()}\n[hub]\nshared = "{tmp_path}/shared"\n')
    course = Course.at(sqlite_course.folder)
    there = tmp_path / "shared/releases/tiny/tiny.ipynb"

    def comes_to(state):
        deadline = time.monotonic() + 60
        while there.exists() != state:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def opens(at):
        with course.database.writing() as session:
            dates_of(session, "tiny").opens_at = at

    opens(now() + timedelta(hours=1))
    releases.prepare(course, tmp_path / "shared", tmp_path / "no-book")
    assert not there.exists()
    with Browser(app_of(course, background=[labs_handed_out])):
        opens(now())
        comes_to(True)
        opens(now() + timedelta(hours=1))
        comes_to(False)
