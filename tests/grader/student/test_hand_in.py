"""Handing in from a student's server: what is sent, believed, shown and kept."""

import json
import os
import re
import socket
import sys
import threading
import time
import urllib.parse
from contextlib import contextmanager, suppress
from datetime import timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tiny import cell_of, notebook, tiny, written

from introml import command
from introml.grader.student.hand_in import NotHandedIn, hand_in, keep_receipt, notebook_to_hand_in
from introml.grader.student.hand_in_button import HandInButton, answers_not_saved
from introml.grader.student.handed_in import NotFetched, last_hand_in
from introml.grader.student.notebook_check import _button

TOKEN = "a1b2c3-the-token"
PAGE = "/services/course/submissions/0123456789abcdef"


def receipt_of(body: bytes, **more) -> str:
    import hashlib

    node = {
        "kind": "introml receipt 1", "course": "C", "submission": "0123456789abcdef",
        "person": "ann", "lab": "tiny", "number": 1, "file_name": "tiny.ipynb",
        "sha256": hashlib.sha256(body).hexdigest(), "size": len(body),
        "submitted_at": "2027-01-11T10:32:05+00:00", "signature": "c2ln", **more,
    }  # fmt: skip
    return json.dumps(node, indent=1)


def good(body: bytes, **more) -> bytes:
    return json.dumps({"receipt": receipt_of(body, **more), "page": PAGE}).encode()


class Service:
    """A service that answers as it is told, and remembers what it was asked."""

    def __init__(self):
        self.requests = []
        self.answers = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.path, dict(self.headers), body))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if callable(answer):
                    return answer(self, body)
                status, content, *headers = answer
                content = content(body) if callable(content) else content
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                return None

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/services/course/"

    @property
    def environment(self):
        return {"INTROML_SUBMIT_URL": self.url, "JUPYTERHUB_API_TOKEN": TOKEN}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def service():
    service = Service()
    service.answers = [(201, good)]
    yield service
    service.close()


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "tiny.ipynb"
    path.write_bytes(written(notebook()))
    return notebook_to_hand_in(path)


def refused(service, saved, **more) -> str:
    """What the student is told; never the token."""
    with pytest.raises(NotHandedIn) as problem:
        hand_in(saved, service.environment, pauses=(0,), try_s=0.6, **more)
    assert TOKEN not in str(problem.value)
    assert problem.value.__cause__ is None
    return str(problem.value)


@pytest.fixture
def in_berlin(monkeypatch):
    """The machine's clock shows Berlin's time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_the_time_is_told_by_the_students_own_clock(service, saved):
    assert "attempt 1, 2027-01-11 11:32:05 CET, SHA" in hand_in(saved, service.environment).words


def test_the_saved_bytes_are_sent_with_the_token_and_nothing_else(service, saved):
    done = hand_in(saved, service.environment)
    ((path, headers, body),) = service.requests
    assert path == "/services/course/api/labs/tiny/submissions?file_name=tiny.ipynb"
    assert headers["Authorization"] == f"token {TOKEN}"
    assert "Cookie" not in headers
    assert body == saved.data
    assert done.words.startswith("Handed in: attempt 1, 2027-01-11 ")
    assert done.address == PAGE


def test_what_is_read_once_is_what_is_sent(service, saved):
    saved.path.write_bytes(b"something else")
    hand_in(saved, service.environment)
    assert service.requests[0][2] == saved.data


def test_an_odd_name_of_a_file_stays_one_part_of_the_address(service, tmp_path):
    path = tmp_path / "../a&lab=x#é ?.ipynb".replace("/", "_")
    path.write_bytes(written(notebook()))
    hand_in(notebook_to_hand_in(path), service.environment)
    query = urllib.parse.urlsplit(service.requests[0][0]).query
    assert urllib.parse.parse_qs(query) == {"file_name": [path.name]}


@pytest.mark.parametrize("status", [502, 503, 504])
def test_while_the_service_is_away_the_same_bytes_are_sent_again(service, saved, status):
    service.answers = [(status, b"<h1>away</h1>"), (status, b""), (200, good)]
    assert hand_in(saved, service.environment, pauses=(0, 0)).number == 1
    assert [body for _, _, body in service.requests] == [saved.data] * 3


def test_a_connection_that_breaks_is_tried_again(service, saved):
    def break_off(handler, body):
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    def half(handler, body):
        content = good(body)
        handler.send_response(201)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    service.answers = [break_off, half, (201, good)]
    assert hand_in(saved, service.environment, pauses=(0, 0)).number == 1
    assert len(service.requests) == 3


def test_a_service_that_stays_away_is_told_and_not_waited_for_for_ever(service, saved):
    service.answers = [(503, b"")]
    assert "does not answer" in refused(service, saved)
    assert len(service.requests) == 2
    service.close()
    assert "does not answer" in refused(service, saved)


def test_a_peer_that_drips_is_cut_off(service, saved):
    stop, dripped_all = threading.Event(), []

    def drip(handler, body):
        handler.send_response(201)
        handler.end_headers()  # no length: it could go on for ever
        with suppress(OSError):
            for _ in range(600):
                stop.wait(0.1)
                handler.wfile.write(b" ")
            dripped_all.append(True)
        handler.close_connection = True

    service.answers = [drip]
    assert "does not answer" in refused(service, saved)
    assert not dripped_all
    stop.set()


def test_a_head_that_never_ends_is_cut_off(service, saved):
    stop, dripped_all = threading.Event(), []

    def drip(handler, body):
        handler.wfile.write(b"HTTP/1.1 201 Created\r\n")
        with suppress(OSError):
            for _ in range(600):
                stop.wait(0.1)
                handler.wfile.write(b"X-More: 1\r\n")
            dripped_all.append(True)
        handler.close_connection = True

    service.answers = [drip]
    assert "does not answer" in refused(service, saved)
    assert not dripped_all
    stop.set()


def test_a_huge_answer_is_not_read(service, saved):
    def huge(handler, body):
        handler.send_response(201)
        handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()
        with suppress(OSError):
            for _ in range(200):
                handler.wfile.write(b"a" * 1_000_000)
        handler.close_connection = True

    service.answers = [huge]
    assert "no receipt of this notebook" in refused(service, saved)
    assert len(service.requests) == 1


REFUSAL = "This lab closed on 2027-01-10 23:59 UTC. Ask your teacher for an extension."


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, json.dumps({"detail": REFUSAL}).encode(), REFUSAL),
        (403, json.dumps({"detail": f"no\u202e {TOKEN}\x1b[2J"}).encode(), "no� …␛[2J"),
        (401, b"", "Stop your server and start it again"),
        (403, b"<html>", "does not know you"),
        (413, b"", "too large"),
        (404, b"{}", "no such lab"),
        (422, json.dumps({"detail": [{"msg": "x"}]}).encode(), "status 422"),
        (302, b"", "status 302"),
        (200, b"[" * 90_000, "no receipt of this notebook"),
        (500, b"[" * 90_000, "status 500"),
    ],
)
def test_a_refusal_is_told_in_the_services_words(service, saved, status, body, words):
    service.answers = [(status, body, ("Location", "http://127.0.0.1:9/"))]
    assert words in refused(service, saved)
    assert len(service.requests) == 1


def test_a_redirection_is_not_followed(service, saved):
    other = Service()
    other.answers = [(201, good)]
    service.answers = [(307, b"", ("Location", other.url))]
    refused(service, saved)
    assert other.requests == []
    other.close()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (json.dumps({"detail": f"no\u202e {TOKEN}\x1b[2J"}), "no� …␛[2J"),
        ("[]", "refused it (status 409)"),
        ("<html>", "answered something else"),
    ],
)
def test_why_nothing_comes_back_is_told_without_the_token(service, body, words):
    service.answers = [(409, body.encode())]
    with pytest.raises(NotFetched) as problem:
        last_hand_in("tiny", service.environment)
    assert words in str(problem.value)
    assert TOKEN not in str(problem.value)


def test_no_proxy_sees_the_token(service, saved, monkeypatch):
    proxy = Service()
    proxy.answers = [(201, good)]
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    hand_in(saved, service.environment)
    assert proxy.requests == []
    proxy.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"receipt": "{}", "page": PAGE},
        {"page": PAGE},
        {"receipt": {"sha256": "x"}, "page": PAGE},
        {"receipt": lambda body: receipt_of(body + b" "), "page": PAGE},
        {"receipt": lambda body: receipt_of(body, lab="other"), "page": PAGE},
        {"receipt": lambda body: receipt_of(body, number=True), "page": PAGE},
        {"receipt": lambda body: receipt_of(body, number=-1), "page": PAGE},
        {"receipt": lambda body: receipt_of(body, submitted_at="<script>"), "page": PAGE},
        {
            "receipt": lambda body: receipt_of(body, submitted_at="2027-01-11T10:32"),
            "page": PAGE,
        },
        {"receipt": lambda body: receipt_of(body, submitted_at="----------"), "page": PAGE},
        {"receipt": lambda body: receipt_of(body, person=TOKEN), "page": PAGE},
        {"receipt": lambda body: receipt_of(body), "page": "javascript:alert(1)"},
        {"receipt": lambda body: receipt_of(body), "page": "http://evil.example/"},
        {"receipt": lambda body: receipt_of(body), "page": '/services/course/"><script>'},
        {"receipt": lambda body: receipt_of(body), "page": f"/services/course/{TOKEN}"},
        {"receipt": "\ud800", "page": PAGE},
    ],
)
def test_what_is_no_receipt_of_these_bytes_is_not_believed(service, saved, answer):
    def content(body):
        made = {key: x(body) if callable(x) else x for key, x in answer.items()}
        return json.dumps(made).encode()

    service.answers = [(201, content)]
    assert "no receipt of this notebook" in refused(service, saved)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "INTROML_SUBMIT_URL is not set"),
        ({"INTROML_SUBMIT_URL": "http://127.0.0.1/"}, "JUPYTERHUB_API_TOKEN is not set"),
        ({"INTROML_SUBMIT_URL": "file:///etc/passwd", "JUPYTERHUB_API_TOKEN": TOKEN}, "http or"),
        ({"INTROML_SUBMIT_URL": "http://[::1", "JUPYTERHUB_API_TOKEN": TOKEN}, "http or"),
        ({"INTROML_SUBMIT_URL": "http://a:99999/", "JUPYTERHUB_API_TOKEN": TOKEN}, "http or"),
        ({"INTROML_SUBMIT_URL": "http://a/", "JUPYTERHUB_API_TOKEN": f"{TOKEN}\r\nX: y"}, "token"),
    ],
)  # fmt: skip
def test_an_environment_that_is_not_the_hubs_is_told(saved, environment, words):
    with pytest.raises(NotHandedIn, match=words) as problem:
        hand_in(saved, environment)
    assert TOKEN not in str(problem.value)


def test_the_hubs_own_address_stands_before_the_page(service, saved):
    service.answers = [
        (201, lambda body: json.dumps({
            "receipt": receipt_of(body), "page": f"http://127.0.0.1:1{PAGE}",
        }).encode())
    ]  # fmt: skip
    assert hand_in(saved, service.environment).address == PAGE
    public = {"JUPYTERHUB_PUBLIC_HUB_URL": "https://hub.example.edu/hub/"}
    found = hand_in(saved, service.environment | public).address
    assert found == f"https://hub.example.edu{PAGE}"


def test_what_no_grader_could_read_is_not_sent(tmp_path):
    files = {
        "none": (b"%PDF", "This is a PDF"),
        "empty": (b"", "empty"),
        "other": (b'{"nbformat": 4, "cells": [], "metadata": {}}', "not the notebook of a lab"),
        "big": (b" " * 40_000_001, "40 MB"),
    }
    for name, (data, words) in files.items():
        path = tmp_path / f"{name}.ipynb"
        path.write_bytes(data)
        with pytest.raises(NotHandedIn, match=words):
            notebook_to_hand_in(path)
    link = tmp_path / "link.ipynb"
    link.symlink_to("/etc/passwd")
    for path in (link, tmp_path, tmp_path / "absent.ipynb"):
        with pytest.raises(NotHandedIn):
            notebook_to_hand_in(path)


def test_receipts_stand_beside_the_notebook_and_replace_nothing(service, saved):
    folder = saved.path.parent
    (folder / "tiny.receipt-1.json").write_text("mine")
    (folder / "tiny.receipt-1-2.json").symlink_to(folder / "target")
    first = hand_in(saved, service.environment)
    assert keep_receipt(saved.path, first).name == "tiny.receipt-1-3.json"
    assert keep_receipt(saved.path, first).name == "tiny.receipt-1-3.json"
    assert (folder / "tiny.receipt-1.json").read_text() == "mine"
    assert not (folder / "target").exists()
    assert (folder / "tiny.receipt-1-3.json").read_text() == first.receipt


@pytest.mark.parametrize(
    ("ago", "words"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"),
     (200_000, "2 days ago")],
)  # fmt: skip
def test_how_old_the_saved_file_is(saved, ago, words):
    assert saved.age(saved.saved_at + timedelta(seconds=ago)) == words


# ---- the command ---------------------------------------------------------------------------------


@contextmanager
def server_of(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    yield


def test_the_command_hands_in_and_says_where_the_receipt_is(service, saved, monkeypatch, capsys):
    with server_of(service, monkeypatch):
        assert command.main(["lab", "submit", str(saved.path)]) == 0
    told = capsys.readouterr().out
    assert "tiny.ipynb, saved just now" in told
    assert "Handed in: attempt 1" in told
    assert f"Receipt: {saved.path.with_name('tiny.receipt-1.json')}" in told
    assert PAGE in told
    assert TOKEN not in told


def test_the_command_shows_a_receipt_that_cannot_be_written(service, saved, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("introml.grader.student.keep_receipt", full)
    with server_of(service, monkeypatch):
        assert command.main(["lab", "submit", str(saved.path)]) == 0
    assert '"signature"' in capsys.readouterr().out


def test_the_command_refuses_in_one_line(saved, monkeypatch, capsys):
    monkeypatch.delenv("INTROML_SUBMIT_URL", raising=False)
    assert command.main(["lab", "submit", str(saved.path)]) == 1
    error = capsys.readouterr().err
    assert "not a server of a course's JupyterHub" in error
    assert "Traceback" not in error


# ---- the button ----------------------------------------------------------------------------------


def ran(**changed) -> dict:
    """The names that a kernel has after it ran the notebook's answers, some of them changed."""
    import linecache

    namespace = {"__name__": "__main__"}
    exec("import torch", namespace)
    for name, cell in tiny().answers.items():
        source = changed.get(name, cell.solution)
        file = f"<ipython {name} {hash(source)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), namespace)
    return namespace


def words_of(button: HandInButton) -> str:
    return re.sub(r"<style>.*?</style>|<[^>]+>", "", button.words.value, flags=re.DOTALL)


def test_the_button_hands_in_and_links_to_the_page(service, saved, monkeypatch):
    button = HandInButton(saved.path, ran())
    with server_of(service, monkeypatch):
        button.button.click()
    told = words_of(button)
    assert "Handed in: attempt 1" in told
    assert "The receipt is in tiny.receipt-1.json" in told
    assert f'href="{PAGE}"' in button.words.value
    assert TOKEN not in button.words.value + repr(button.widget)
    assert saved.path.with_name("tiny.receipt-1.json").exists()
    assert not button.button.disabled


def test_the_button_asks_to_save_first_and_then_does_as_told(service, saved, monkeypatch):
    loss = tiny().answers["loss"].solution
    button = HandInButton(saved.path, ran(loss=loss.replace("return", "1 + 1\n    return", 1)))
    with server_of(service, monkeypatch):
        button.button.click()
        assert "Save first (Ctrl+S)" in words_of(button)
        assert "loss" in words_of(button)
        assert service.requests == []
        button.button.click()
        assert "Handed in" in words_of(button)
    assert len(service.requests) == 1


def test_after_saving_the_button_looks_anew(service, saved, monkeypatch):
    loss = tiny().answers["loss"].solution.replace("return", "1 + 1\n    return", 1)
    button = HandInButton(saved.path, ran(loss=loss))
    with server_of(service, monkeypatch):
        button.button.click()
        book = notebook()
        cell_of(book, "loss")["source"] = loss
        saved.path.write_bytes(written(book))
        button.button.click()
    assert "Handed in" in words_of(button)
    assert button.button.description == "Hand in"


def test_a_missing_answer_is_told_before_it_is_handed_in(service, saved, monkeypatch, capsys):
    book = notebook()
    book["cells"].remove(cell_of(book, "loss"))
    saved.path.write_bytes(written(book))
    button = HandInButton(saved.path, {})
    with server_of(service, monkeypatch):
        button.button.click()
        assert "The answer cell 'loss' is missing" in unescape(words_of(button))
        assert service.requests == []
        button.button.click()
        assert "Handed in" in words_of(button)
        command.main(["lab", "submit", str(saved.path)])
    assert "The answer cell 'loss' is missing" in capsys.readouterr().out


def test_comments_and_spaces_and_what_has_not_run_are_no_difference(saved):
    loss = tiny().answers["loss"].solution
    assert answers_not_saved(saved, ran(loss=f"# a remark\n{loss}\n\n")) == []
    assert answers_not_saved(saved, {}) == []
    assert answers_not_saved(saved, {"loss": len, "gradient": 3}) == []
    assert answers_not_saved(saved, ran(loss=tiny().answers["loss"].starter)) == ["loss"]


def test_the_button_tells_each_refusal(service, saved, monkeypatch):
    service.answers = [(400, json.dumps({"detail": "<b>no</b>"}).encode())]
    button = HandInButton(saved.path, ran())
    with server_of(service, monkeypatch):
        button.button.click()
    assert "&lt;b&gt;no&lt;/b&gt;" in button.words.value
    saved.path.unlink()
    button.button.click()
    assert "cannot be read" in words_of(button)


def test_there_is_a_button_where_there_is_a_notebook_of_the_lab(saved, monkeypatch):
    monkeypatch.chdir(saved.path.parent)
    assert _button("tiny", {}) is not None
    assert _button("other", {}) is None


def test_the_button_is_shown_on_a_course_server_alone(tmp_path):
    """In a real kernel: the cell's outputs have a widget if the environment names a service."""
    import nbformat
    from nbclient import NotebookClient

    (tmp_path / "tiny.ipynb").write_bytes(written(notebook()))
    cells = (
        'import os\nfrom introml.grader import check\ncheck("tiny")',
        'os.environ["INTROML_SUBMIT_URL"] = "http://127.0.0.1:9/"\ncheck("tiny")',
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(x) for x in cells])
    environment = {x: y for x, y in os.environ.items() if x != "INTROML_SUBMIT_URL"}
    where = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(book, resources=where, kernel_name="python3")
    client.execute(env=environment | {"JUPYTERHUB_API_TOKEN": TOKEN})
    widget = "application/vnd.jupyter.widget-view+json"
    shown = [any(widget in x.get("data", {}) for x in cell.outputs) for cell in book.cells]
    assert shown == [False, True]
    assert TOKEN not in nbformat.writes(book)


def test_the_client_needs_no_hub():
    import subprocess

    code = "import sys, introml.grader.student.hand_in, introml.command; "
    code += "introml.command.parser(); print([x for x in sys.modules if x.startswith('introml.hub')"
    code += " or x.partition('.')[0] in ('sqlalchemy', 'fastapi', 'cryptography')])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout.strip() == "[]", ended.stderr
