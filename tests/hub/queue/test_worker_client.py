"""What a worker makes of a service's answers, right and wrong."""

import base64
import hashlib
import http.server
import json
import threading

import pytest

from introml.hub.queue.worker_client import Away, LeaseLost, Refused, ServiceClient

WORK = {
    "grading": 7,
    "token": "t",
    "submission": "s",
    "lab": "tiny",
    "seed": 5,
    "file_name": "tiny.ipynb",
    "sha256": hashlib.sha256(b"work").hexdigest(),
    "until": "2027-01-01T00:00:00+00:00",
    "data": base64.b64encode(b"work").decode(),
    "tier": "cuda",
}


class Service(http.server.ThreadingHTTPServer):
    """Answers what it was told to, and keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.asked = (200, b"{}", {}), []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/services/course/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = json.loads(body) if body else None
        self.server.asked.append((self.path, self.headers["Authorization"], said))
        status, content, headers = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    with Service() as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield service
        service.shutdown()


@pytest.fixture
def client(service, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    return ServiceClient(service.url, tmp_path / "token", timeout_s=5)


def leased(service, client, **changes):
    service.answer = (200, json.dumps(WORK | changes).encode(), {})
    return client.lease("w", ["cpu"])


def test_a_lease_is_understood(service, client):
    work = leased(service, client)
    assert (work.grading, work.lab, work.seed, work.data) == (7, "tiny", 5, b"work")
    assert work.tier == "cuda"
    said = {"worker": "w", "tiers": ["cpu"]}
    assert service.asked == [("/services/course/worker/lease", "Bearer secret", said)]


def test_nothing_waits(service, client):
    service.answer = (204, b"", {})
    assert client.lease("w", ["cpu"], ["tiny"]) is None
    assert service.asked[0][2]["labs"] == ["tiny"]


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"data": "!"}, {"seed": None}])
def test_a_lease_that_was_damaged_is_not_graded(service, client, change):
    with pytest.raises(Away):
        leased(service, client, **change)


@pytest.mark.parametrize(
    ("status", "error"),
    [(409, LeaseLost), (422, Refused), (413, Refused), (400, Refused), (500, Away), (503, Away),
     (404, Away), (401, Away), (403, Away)],
)  # fmt: skip
def test_answers_that_will_change_are_told_from_those_that_will_not(service, client, status, error):
    work = leased(service, client)
    service.answer = (status, b'{"detail": "why"}', {})
    with pytest.raises(error):
        client.report(work, {})


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"[" * 100_000])
def test_an_answer_that_is_no_json_is_somebody_elses(service, client, content):
    service.answer = (200, content, {})
    with pytest.raises(Away):
        client.waiting()


def test_the_token_goes_nowhere_else(service, client):
    """A redirect to another host would take it there."""
    service.answer = (302, b"", {"Location": service.url + "worker/elsewhere"})
    with pytest.raises(Away, match="302"):
        client.waiting()
    assert [path for path, *_ in service.asked] == ["/services/course/worker/waiting"]


def test_nobody_is_there(client, service):
    service.shutdown()
    service.server_close()
    with pytest.raises(Away):
        client.waiting()


def test_a_new_token_holds_from_the_next_request_on(service, client, tmp_path):
    service.answer = (200, b'{"cpu": 1, "cuda": 0}', {})
    assert client.waiting() == {"cpu": 1, "cuda": 0}
    (tmp_path / "token").write_text("newer")
    client.waiting()
    assert [token for _, token, _ in service.asked] == ["Bearer secret", "Bearer newer"]
    (tmp_path / "token").unlink()
    with pytest.raises(Away, match="token"):
        client.waiting()


@pytest.mark.parametrize("url", ["", "hub/", "ftp://hub/", "http:///x", "http://hub/?a=b"])
def test_what_is_no_address_is_refused(url, tmp_path):
    with pytest.raises(ValueError, match="address"):
        ServiceClient(url, tmp_path)
