"""What a worker makes of a service's answers, right and wrong."""

import base64
import contextlib
import hashlib
import http.server
import json
import logging
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from introml.hub.queue import worker_client
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
        self.answer, self.asked, self.heads = (200, b"{}", {}), [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/services/course/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = json.loads(body) if body else None
        self.server.asked.append((self.path, self.headers["Authorization"], said))
        self.server.heads.append((self.command, self.headers))
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


def test_the_token_is_all_that_is_told(service, client, monkeypatch, tmp_path):
    """No proxy, password or key that the machine's environment or a home folder names."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    service.answer = (200, b'{"cpu": 1, "cuda": 0}', {"Set-Cookie": "a=b; Path=/"})
    ours = ServiceClient(service.url.replace("//", "//me:pass@"), tmp_path / "token", timeout_s=5)
    for one in (client, ours, ours):
        assert one.waiting() == {"cpu": 1, "cuda": 0}
    assert {token for _, token, _ in service.asked} == {"Bearer secret"}
    assert [head for head in service.heads if "Cookie" in head[1]] == []


def test_how_it_asks(service, client):
    leased(service, client)
    service.answer = (200, b'{"cpu": 1, "cuda": 0}', {})
    client.waiting()
    (posted, post), (got, get) = service.heads
    assert (posted, got) == ("POST", "GET")
    assert (post["Content-Type"], get["Content-Type"]) == ("application/json", None)
    # Nothing packed: a small answer could then be a huge one.
    assert post["Accept-Encoding"] == get["Accept-Encoding"] == "identity"


def test_a_result_is_sent_whatever_is_in_it(service, client):
    """Half a character, and what JSON has no name for, as a notebook may print or compute it."""
    work = leased(service, client)
    result = {"public_output": "\ud800 é \x00", "measured": {"loss": float("inf")}}
    service.answer = (200, b'{"state": "kept"}', {})
    client.report(work, result)
    assert service.asked[-1][2]["result"] == result


class Raw:
    """A service that says what it is told to, byte by byte, and perhaps never ends."""

    def __init__(self, said):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        self._said = said
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            self.caller, _ = self.socket.accept()
            self.caller.recv(1 << 16)
            for part in self._said:
                self.caller.sendall(part)

    def close(self):
        self.socket.close()
        if hasattr(self, "caller"):
            self.caller.close()


@pytest.fixture
def raw():
    services = []

    def begin(*said):
        services.append(Raw(said))
        return services[-1].url

    yield begin
    for one in services:
        one.close()


def test_a_service_that_says_nothing_is_away(raw, tmp_path):
    (tmp_path / "token").write_text("secret")
    with pytest.raises(Away, match="ReadTimeout"):
        ServiceClient(raw(), tmp_path / "token", timeout_s=0.3).waiting()


def test_a_service_that_stops_in_the_middle_is_away(raw, tmp_path):
    (tmp_path / "token").write_text("secret")
    url = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    with pytest.raises(Away, match="ReadTimeout"):
        ServiceClient(url, tmp_path / "token", timeout_s=0.3).waiting()


@pytest.mark.parametrize("said", [b"\x00" * 100, b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_speaks_no_http_is_away(raw, tmp_path, said):
    (tmp_path / "token").write_text("secret")
    with pytest.raises(Away):
        ServiceClient(raw(said), tmp_path / "token", timeout_s=0.3).waiting()


def test_an_answer_without_end_is_not_kept(service, client, monkeypatch):
    monkeypatch.setattr(worker_client, "_LONGEST", 1000)
    service.answer = (200, b'{"cpu": 1, "cuda": 0}' + b" " * 979, {})
    assert client.waiting() == {"cpu": 1, "cuda": 0}
    service.answer = (200, b'{"cpu": 1, "cuda": 0}' + b" " * 980, {})
    with pytest.raises(Away, match="more than 1000 bytes"):
        client.waiting()


def test_a_certificate_that_nobody_vouches_for_is_not_believed(tmp_path):
    """The service's name and its authority are checked; another's is as if nobody were there."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "both.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.public_bytes(Encoding.PEM)
    )
    (tmp_path / "token").write_text("secret")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Service() as service:
        service.socket = context.wrap_socket(service.socket, server_side=True)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        url = f"https://localhost:{service.server_port}/"
        service.answer = (200, b'{"cpu": 1, "cuda": 0}', {})
        with pytest.raises(Away, match=r"ConnectError.*CERTIFICATE_VERIFY_FAILED"):
            ServiceClient(url, tmp_path / "token", timeout_s=5).waiting()
        assert service.asked == [], "the token was told"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(pem))
            client = ServiceClient(url, tmp_path / "token", timeout_s=5)
        assert client.waiting() == {"cpu": 1, "cuda": 0}, "of the machine's own authorities"
        service.shutdown()


def test_questions_are_not_in_the_workers_log(service, client, caplog):
    caplog.set_level(logging.INFO)
    service.answer = (204, b"", {})
    assert client.lease("w", ["cpu"]) is None
    assert caplog.records == []


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


@pytest.mark.parametrize(
    "url",
    ["", "hub/", "ftp://hub/", "http:///x", "http://hub/?a=b", "http://hub:port/", "http://[::1/",
     "http://hub:99999/", "http://h\x7fub/"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url, tmp_path):
    with pytest.raises(ValueError, match="address"):
        ServiceClient(url, tmp_path)
