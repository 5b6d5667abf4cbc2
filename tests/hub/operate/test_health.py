"""Which part of a running hub is down: each is told by its own sentence."""

import fcntl
import json
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from introml.hub.course.database import now
from introml.hub.course.state import health_file
from introml.hub.operate import health
from introml.hub.operate.health import parts_of, started_file


class Proxy:
    """A stand-in for the hub's proxy, with what it answers for the hub and for the service."""

    def __init__(self):
        self.hub = self.service = 200
        self.hosts = set()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                proxy.hosts.add(self.headers["Host"])
                paths = {"/hub/health": proxy.hub, "/services/course/health": proxy.service}
                self.send_response(paths.get(self.path, 404))
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.stop()


@pytest.fixture
def running(sqlite_course, proxy):
    """The course, as a start leaves it whose hub listens where the stand-in does."""
    with (sqlite_course.folder / "hub.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        started_file(sqlite_course).write_text(
            json.dumps({"address": "127.0.0.1", "port": proxy.port})
        )
        say(sqlite_course)
        yield sqlite_course


def say(course, age_s=1, **node):
    at = now() - timedelta(seconds=age_s)
    told = {"at": at.isoformat(), "lines": ["workers: fine"], "worries": []} | node
    health_file(course).write_text(json.dumps(told))


def test_where_all_runs_there_is_nothing_to_look_at(running, proxy):
    state = parts_of(running)
    assert state.worries == ()
    assert "the hub is running" in state.lines
    assert "workers: fine" in state.lines
    assert proxy.hosts == {f"127.0.0.1:{proxy.port}"}


def test_a_hub_that_is_stopped_is_the_one_thing_told(sqlite_course):
    assert parts_of(sqlite_course).worries == (
        "the hub is not running on this machine; start it: make hub",
    )


def test_each_part_that_is_down_is_named(running, proxy):
    proxy.hub = 503
    (only,) = parts_of(running).worries
    assert only.startswith("JupyterHub does not answer (status 503 behind the proxy)")
    proxy.hub, proxy.service = 200, 502
    (only,) = parts_of(running).worries
    assert only.startswith("the course's service does not answer (status 502 behind the proxy)")
    proxy.stop()
    (only,) = parts_of(running).worries
    assert only.startswith(f"the hub's proxy does not answer at http://127.0.0.1:{proxy.port}/")


def test_a_proxy_that_takes_connections_and_says_nothing_does_not_answer(
    running, proxy, monkeypatch
):
    """As when it died, and whoever started it still holds its port."""
    monkeypatch.setattr(health, "_PATIENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = {"address": "127.0.0.1", "port": silent.getsockname()[1]}
        started_file(running).write_text(json.dumps(node))
        (only,) = parts_of(running).worries
    assert only.startswith("the hub's proxy does not answer")


def test_what_the_service_worries_about_is_passed_on_while_it_is_fresh(running):
    say(running, worries=["0 of 2 grading workers answer"])
    assert parts_of(running).worries == ("0 of 2 grading workers answer",)
    say(running, age_s=200, worries=["0 of 2 grading workers answer"])
    (only,) = parts_of(running).worries
    assert only == "the course's service has not said for 3 minutes how it is"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": 3}', '{"at": "yesterday"}'])
def test_a_file_that_says_nothing_is_no_good_news(running, text):
    health_file(running).write_text(text)
    (only,) = parts_of(running).worries
    assert "has not said yet how it is" in only
