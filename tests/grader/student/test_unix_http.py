"""HTTP over a Unix socket, with the addresses of JupyterHub."""

import http.server
import socketserver
import threading
from urllib.parse import urlsplit

import pytest

from introml.grader.student.unix_http import UnixConnection, path_of


class Says(http.server.BaseHTTPRequestHandler):
    """Answers with the path that was asked for."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *about):
        pass


@pytest.fixture
def at(tmp_path):
    with socketserver.UnixStreamServer(str(tmp_path / "A.sock"), Says) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield tmp_path / "A.sock"
        server.shutdown()
        thread.join()


def test_what_listens_there_answers(at):
    from introml.hub.jupyter.sockets import url_of

    parts = urlsplit(f"{url_of(at)}/services/course/")
    assert path_of(parts) == str(at), "capitals and slashes of the path are kept"
    connection = UnixConnection(path_of(parts), timeout=10)
    connection.request("GET", parts.path)
    assert connection.getresponse().read() == b"/services/course/"
    connection.close()


def test_where_nothing_listens_it_is_an_error_of_the_network(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        UnixConnection(str(tmp_path / "none"), timeout=1).request("GET", "/")
