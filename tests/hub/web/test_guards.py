"""Bodies that are too large, and the headers on every answer."""

import http.client
import socket
import time

import pytest
from served import Browser, Tool, app_of, served
from tiny_course import make_course, notebook


@pytest.fixture
def course(tmp_path):
    course = make_course(tmp_path, largest=200_000)
    yield course
    course.database.close()


@pytest.fixture
def app(course):
    return app_of(course)


def stream(size, step=50_000):
    """A body whose length is not told beforehand."""
    for _ in range(size // step):
        yield b"x" * step


def test_a_notebook_as_large_as_allowed_is_taken(app):
    data = notebook()
    assert Tool(app, "token of-ann").submit(data.ljust(200_000)).status_code == 201


@pytest.mark.parametrize("size", [200_001, 5_000_000])
def test_a_larger_one_is_refused_with_a_sentence(app, size):
    answer = Tool(app, "token of-ann").submit(b"x" * size)
    assert answer.status_code == 413
    assert "0.2 MB" in answer.json()["detail"]
    assert "Clear" in answer.json()["detail"]


def test_a_large_one_of_unknown_length_is_stopped_at_the_limit(app, course):
    answer = Tool(app, "token of-ann").submit(stream(5_000_000))
    assert answer.status_code == 413
    assert list(course.blobs.all()) == []


def test_a_large_file_in_a_form_gets_a_page_that_says_so(app):
    answer = Browser(app, "ann").send_form(
        "labs/tiny/submissions", files={"notebook": ("a.ipynb", b"x" * 1_000_000)}
    )
    assert answer.status_code == 413
    assert "0.2 MB" in answer.text
    assert "text/html" in answer.headers["content-type"]


def test_other_forms_are_capped(app):
    answer = Browser(app, "ann").send_form(
        "receipts", files={"receipt": ("r.json", b"x" * 4_100_000)}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "address", ["", "labs/tiny", "nothing", "health", "static/theme.js", "teach"]
)
def test_every_answer_has_the_headers_of_safety(app, address):
    headers = Browser(app, "ann").get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


def test_pages_are_kept_by_nobody(app):
    assert Browser(app, "ann").get("").headers["cache-control"] == "no-store"


def test_an_answer_of_failure_has_them_too(app, course, monkeypatch):
    monkeypatch.setattr(type(course), "labs", property(lambda self: 1 / 0))
    answer = Browser(app, "ann").get("labs/tiny")
    assert answer.status_code == 500
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "ZeroDivisionError" not in answer.text


def test_who_goes_away_while_sending_is_no_failure_of_ours(app, caplog):
    with served(app) as url:
        port = int(url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(
                b"POST /services/course/api/labs/tiny/submissions HTTP/1.1\r\nHost: x\r\n"
                b"Authorization: token of-ann\r\nContent-Length: 100\r\n\r\nhalf"
            )
            time.sleep(0.3)
        time.sleep(0.3)
        assert Tool(app).get("health").status_code == 200
    assert "failed" not in caplog.text


def test_a_client_that_sends_too_much_over_the_wire_can_read_why(app):
    with served(app) as url:
        connection = http.client.HTTPConnection("127.0.0.1", int(url.split(":")[2].split("/")[0]))
        connection.request(
            "POST", "/services/course/api/labs/tiny/submissions", b"x" * 20_000_000,
            {"Authorization": "token of-ann"},
        )  # fmt: skip
        answer = connection.getresponse()
        assert answer.status == 413
        assert b"0.2 MB" in answer.read()
        connection.close()
