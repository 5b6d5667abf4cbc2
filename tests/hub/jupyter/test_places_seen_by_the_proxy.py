"""The real proxy: what it tells those behind it of the place that a request comes from."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from real_hub import free_port

from introml.book.paths import ROOT
from introml.hub.jupyter import proxy
from introml.hub.jupyter.sockets import url_of
from introml.hub.web.browser_places import HUB, SERVICE, BrowserPlaces, key_from
from introml.site.node import node_path

START = Path(proxy.__file__).with_name("proxy_start.mjs")
COMMAND = ROOT / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
SECRET, USER = "the secret of sessions", 12345


#: What a server sets when somebody signs in to it, as Tornado writes it.
SESSION = 'jupyterhub-user-ann="2|1:0|10:17|19:jupyterhub-user-ann|8:YWJj|5d=="'


def answer(listening):
    """Show everybody the head of their request, as it comes from the proxy."""
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=show, args=(connection,), daemon=True).start()


def show(connection):
    with connection:
        asked = b""
        while b"\r\n\r\n" not in asked and (more := connection.recv(10_000)):
            asked += more
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(asked)}\r\n"
        if b"/oauth_callback" in asked:
            head += f"Set-Cookie: {SESSION}; HttpOnly; Path=/user/ann/\r\n"
        if b"/logout" in asked:
            head += 'Set-Cookie: jupyterhub-user-ann=""; Path=/user/ann/\r\n'
        connection.sendall(head.encode() + b"\r\n" + asked)


@contextlib.contextmanager
def running(folder, routes, *options, bound=True):
    """A proxy with these routes, which all lead to one who shows requests; its port."""
    path = folder / "a.sock"
    api, public = free_port(), free_port()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        threading.Thread(target=answer, args=(listening,), daemon=True).start()
        process = subprocess.Popen(
            [
                node_path(), "--import", START, COMMAND, "--ip", "127.0.0.1", "--port", str(public),
                "--api-port", str(api), "--default-target", url_of(path), *options,
            ],
            env=os.environ
            | {
                "CONFIGPROXY_AUTH_TOKEN": "x",
                "INTROML_PLACES": json.dumps(
                    {"key": key_from(SECRET), "cookie": "in-as", "bound": bound}
                ),
            },
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            for route, about in routes.items():
                add(api, route, {"target": url_of(path), **about})
            yield public
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a proxy before a hub, the course's service, and ann's server."""
    routes = {
        "/": {"hub": True},
        "/services/course": {"extra": True},
        "/user/ann": {"user": "ann", "server_name": ""},
    }
    with running(tmp_path_factory.mktemp("behind"), routes) as port:
        yield port


@pytest.fixture(scope="module")
def port_of_hosts(tmp_path_factory):
    """The same where ann's server has a host of its own."""
    routes = {"/hub.test": {"hub": True}, "/ann.hub.test/user/ann": {"user": "ann"}}
    with running(tmp_path_factory.mktemp("behind"), routes, "--host-routing") as port:
        yield port


def add(api, route, about):
    headers = {"Authorization": "token x"}
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", api, timeout=10)
            connection.request("POST", f"/api/routes{route}", json.dumps(about), headers)
            assert connection.getresponse().status == 201
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the proxy does not answer")


ASKS = """
import http.client, json, sys
port, path, source, headers = json.loads(sys.argv[1])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))
connection.request("GET", path, headers=headers)
print(connection.getresponse().read().decode("latin-1"))
"""


def seen(port, path="/", source="127.0.0.1", user=None, **headers):
    """The headers that arrive behind the proxy, of a request by that account's program."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    done = subprocess.run(
        [sys.executable if user is None else "/usr/bin/python3", "-c", ASKS,
         json.dumps([port, path, source, told])],
        user=user, capture_output=True, text=True, check=True, cwd="/",
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()[1:]
    return {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}


def place(port, reader=HUB, **asked):
    return BrowserPlaces(SECRET, reader).told(seen(port, **asked).get("x-introml-place"))


def test_a_program_of_this_machine_is_known_by_its_account(port):
    mine = place(port)
    assert mine.words == f"127.0.0.1 account {os.geteuid()}"
    assert place(port) == mine
    assert place(port, source="127.0.0.2").words == f"127.0.0.2 account {os.geteuid()}"
    names = {mine.name, place(port, source="127.0.0.2").name, place(port, User_Agent="x").name}
    assert len(names) == 3


def test_where_sessions_are_not_bound_all_places_are_one(tmp_path):
    with running(tmp_path, {"/": {"hub": True}}, bound=False) as port:
        asked = ({}, {"source": "127.0.0.2"}, {"User_Agent": "x"})
        assert len({place(port, **one).name for one in asked}) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can ask as another account")
def test_a_persons_program_cannot_say_that_it_comes_from_elsewhere(port):
    asked = {"X_Forwarded_For": "192.0.2.1", "X_Real_Ip": "192.0.2.1", "X_Introml_Place": "x"}
    assert place(port, user=USER, **asked).words == f"127.0.0.1 account {USER}"


@pytest.mark.skipif(os.geteuid() != 0, reason="a reverse proxy is an account of the system's")
@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
        # What a browser sends itself stands before what the reverse proxy adds.
        ("192.0.2.1, 127.0.0.1", "127.0.0.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:5:a:b:c:d", "2001:0db8:0000:0005::/64"),
        ("[2001:db8::5:a:b:c:d]:4711", "2001:0db8:0000:0005::/64"),
        ("2001:db8::1", "2001:0db8:0000:0000::/64"),
        ("::1", "0000:0000:0000:0000::/64"),
        ("nonsense", "an unknown address"),
    ],
)
def test_a_reverse_proxy_on_this_machine_says_who_comes(port, header, words):
    assert place(port, X_Forwarded_For=header).words == words


def test_a_place_is_told_to_its_reader_alone(port):
    cookie = {"Cookie": "a=b"}
    assert place(port, SERVICE, path="/services/course/x", **cookie) == place(port)
    assert place(port, HUB, path="/services/course/x", **cookie) is None
    assert place(port, SERVICE) is None


def test_no_students_server_is_told(port):
    places = BrowserPlaces(SECRET, HUB)
    at = {"path": "/user/ann/api"}
    cookie = f"other=1; in-as={places.signed_in(None, 'ann', place(port))}"
    shown = seen(port, **at, Cookie=cookie, X_Introml_Place="x")
    assert "x-introml-place" not in shown
    assert shown["cookie"] == cookie
    # Who does not come to the server comes to the hub, which is told.
    for wrong in (cookie.replace("in-as=ann", "in-as=bob"), cookie[:-1], "other=1"):
        assert "x-introml-place" in seen(port, **at, Cookie=wrong)
    assert "x-introml-place" in seen(port, **at, Cookie=cookie, User_Agent="another")


def test_a_token_that_is_no_good_lets_no_copied_cookie_in(port):
    for word in ("token", "Bearer", "BEARER"):
        shown = seen(port, path="/user/ann/api", Authorization=f"{word} x", Cookie="a=b")
        assert "cookie" not in shown
        assert shown["authorization"] == f"{word} x"


def set_by_server(port, path, **headers):
    """The cookies that a browser has from an answer of ann's server."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", f"/user/ann/{path}", headers={"Host": "ann.hub.test", **headers})
    return [one.partition(";")[0] for one in connection.getresponse().headers.get_all("Set-Cookie")]


def test_a_server_at_a_host_of_its_own_has_its_session_bound_as_well(port_of_hosts):
    """The hub's cookie does not come there."""

    def arrives(*cookies, **headers):
        asked = {"path": "/user/ann/api", "Host": "ann.hub.test", "Cookie": "; ".join(cookies)}
        return seen(port_of_hosts, **asked, **headers)["cookie"].split("; ")

    session, beside = set_by_server(port_of_hosts, "oauth_callback")
    assert session == SESSION
    assert arrives("a=b", session, beside) == ["a=b", session, beside]
    assert arrives("a=b", session, beside, User_Agent="another") == ["a=b", beside]
    assert arrives("a=b", session, beside, source="127.0.0.2") == ["a=b", beside]
    assert arrives("a=b", session) == ["a=b"]
    # What a thief gets for another session, and for none, is no use with this one.
    other = SESSION.replace("YWJj", "ZGVm")
    assert arrives("a=b", other, beside) == ["a=b", beside]
    ended, beside_none = set_by_server(port_of_hosts, "logout", **{"User-Agent": "another"})
    assert ended == 'jupyterhub-user-ann=""'
    assert arrives("a=b", session, beside_none, User_Agent="another") == ["a=b", beside_none]
