"""The real proxy before a Unix socket: the connection behind it is the proxy's to close.

Were it the answering side's, the proxy's last write would fail now and then, and a reader would be
told 503 of what was done.
"""

import http.client
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from real_hub import free_port

from introml.book.paths import ROOT
from introml.hub.jupyter import proxy
from introml.hub.jupyter.sockets import url_of
from introml.site.node import node_path

START = Path(proxy.__file__).with_name("proxy_start.mjs")
COMMAND = ROOT / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Behind:
    """One who answers each request, and closes at once if asked to; else, the other side does."""

    def __init__(self, path):
        self.closed_by_proxy = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self):
        while True:
            connection, _ = self._listening.accept()
            with connection:
                connection.settimeout(10)
                asked = b""
                while not asked.endswith(b"a=b"):
                    asked += connection.recv(10_000)
                connection.sendall(ANSWER)
                left = b"connection: close" not in asked.lower()
                self.closed_by_proxy.append(left and connection.recv(1) == b"")


@pytest.fixture
def served(tmp_path):
    """A proxy's port, and who answers behind it."""
    path, port = tmp_path / "a.sock", free_port()
    behind = Behind(path)
    process = subprocess.Popen(
        [
            node_path(), "--import", START, COMMAND, "--ip", "127.0.0.1", "--port", str(port),
            "--api-port", str(free_port()), "--default-target", url_of(path),
        ],
        env=os.environ | {"CONFIGPROXY_AUTH_TOKEN": "x"},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, behind
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("asked", ["keep-alive", "close"])
def test_a_form_that_is_answered_at_once_is_answered_always(served, asked):
    port, behind = served
    statuses = []
    for _ in range(100):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/form", b"a=b", {"Connection": asked})
        answer = connection.getresponse()
        statuses.append((answer.status, answer.read()))
        connection.close()
    assert statuses == [(200, b"ok")] * 100
    assert set(behind.closed_by_proxy) == {True}
