"""What a hostile student, visitor or notebook tries on a course, and is refused."""

import asyncio
import base64
import contextlib
import json
import pwd
import re
import socket
import subprocess
import tempfile
import threading
import time
from datetime import timedelta

import httpx
import psutil
import pytest
from bs4 import BeautifulSoup
from hub_visitor import NAVIGATES, Visitor
from real_hub import ANN, BOB, PASSWORD, TAG
from served import PREFIX, Tool, app_of, served
from tiny_course import grade_next, notebook
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from introml.hub.course.database import now
from introml.hub.grades.rules import Why
from introml.hub.grades.submissions import NotAccepted, dates_of, hand_in
from introml.hub.jupyter.signin import Invitations
from introml.hub.jupyter.sockets import Sockets
from introml.hub.web import concurrency_limit
from introml.hub.web.browser_places import ELSEWHERE
from introml.hub.web.concurrency_limit import MOST_FOLLOWED, MOST_RECEIVED


def submitted(course, name, data=b"{}"):
    """Hand in; the submission's id."""
    receipt = hand_in(course, name, course.labs["tiny"], "tiny.ipynb", data).receipt
    return course.signer.read(receipt).submission


@pytest.fixture
def app(sqlite_course):
    return app_of(sqlite_course)


# ---- starving the service, and filling its disk --------------------------------------------------


def asked_of(app, method, address, headers=()):
    """Send a request whose body never comes; its status, and how often the body was asked for."""
    asked, sent = 0, []

    async def receive():
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"[1,", "more_body": asked < 5}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": f"/services/course/{address}", "query_string": b"",
        "raw_path": b"", "root_path": "", "headers": list(headers),
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], asked


@pytest.mark.parametrize(
    "address",
    [
        "worker/report", "worker/lease", "worker/hand-back", "api/labs/tiny/submissions",
        "labs/tiny/submissions", "receipts", "teach/labs/tiny/dates", "teach/roster/import",
    ],
)  # fmt: skip
def test_of_a_stranger_no_body_is_read(app, address):
    kind = b"application/json" if "worker" in address else b"multipart/form-data; boundary=x"
    status, asked = asked_of(app, "POST", address, [(b"content-type", kind)])
    assert (status, asked) == (401, 0)


def test_a_worker_that_sends_nonsense_stops_nobody(app, sqlite_course):
    worker = Tool(app, f"Bearer {sqlite_course.secret('worker')}")
    for body in (
        b"",
        b"[" * 100_000,
        b'{"grading": 1',
        b"\xff\xfe",
        b"[" + b"1," * 100_000 + b"1]",
    ):
        assert worker.post("worker/report", content=body).status_code == 422


def test_what_is_refused_is_not_kept_on_the_disk(sqlite_course):
    course, lab = sqlite_course, sqlite_course.labs["tiny"]
    with course.database.writing() as session:
        dates_of(session, "tiny").closes_at = now() - timedelta(days=1)
    for name in ("ann", "nobody"):
        with pytest.raises(NotAccepted):
            hand_in(course, name, lab, "tiny.ipynb", f"one of many of {name}".encode())
    assert list(course.blobs.all()) == []


def test_what_comes_after_the_last_attempt_is_not_kept_on_the_disk(sqlite_course):
    course, lab = sqlite_course, sqlite_course.labs["tiny"]
    for number in range(lab.settings.attempts):
        hand_in(course, "ann", lab, "tiny.ipynb", b"%d" % number)
        grade_next(course)
    with pytest.raises(NotAccepted) as refused:
        hand_in(course, "ann", lab, "tiny.ipynb", b"one too many")
    assert refused.value.refusal.why is Why.NO_ATTEMPT_LEFT
    assert len(list(course.blobs.all())) == lab.settings.attempts


def test_a_flood_of_wrong_passwords_keeps_nobody_waiting_who_is_signed_in(
    sqlite_course, monkeypatch
):
    authenticator = Invitations(course_folder=str(sqlite_course.folder))
    monkeypatch.setattr(Invitations, "_person_with", lambda self, name, word: time.sleep(0.2))
    request = httpx.Request("POST", "http://hub", headers={"X-Forwarded-For": "192.0.2.1"})

    class Handler:
        pass

    Handler.request = request

    class User:
        name, groups = "ann", ()

    async def together():
        flood = [
            asyncio.create_task(
                authenticator.authenticate(Handler, {"username": f"n{i}", "password": "wrong"})
            )
            for i in range(20)
        ]
        await asyncio.sleep(0)
        assert await authenticator.refresh_user(User)
        waited_for_all = all(one.done() for one in flood)
        await asyncio.gather(*flood)
        return waited_for_all

    assert not asyncio.run(together())


def test_one_person_sends_few_bodies_at_a_time(sqlite_course, app):
    async def flood():
        transport = httpx.ASGITransport(app)
        base = f"http://testserver{PREFIX}"
        never = asyncio.Event()

        async def slow():
            yield b"{"
            await never.wait()

        async with httpx.AsyncClient(transport=transport, base_url=base) as client:

            async def send(who, content=None):
                answer = await client.post(
                    "api/labs/tiny/submissions",
                    content=content or notebook(),
                    headers={"Authorization": f"token of-{who}"},
                )
                return answer.status_code

            stuck = [asyncio.create_task(send("ann", slow())) for _ in range(MOST_RECEIVED)]
            while app.state.received.under_way < MOST_RECEIVED:
                await asyncio.sleep(0.01)
            refused, other = await send("ann"), await send("bob")
            for one in stuck:
                one.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
            return refused, other, await send("ann")

    assert asyncio.run(flood()) == (429, 201, 201)


def test_a_body_that_never_comes_is_waited_for_no_longer_than_that(app, monkeypatch):
    monkeypatch.setattr(concurrency_limit, "PATIENCE_S", 0.2)

    async def slow():
        yield b"{"
        await asyncio.sleep(3600)

    async def send():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post(
                f"http://testserver{PREFIX}api/labs/tiny/submissions",
                content=slow(),
                headers={"Authorization": "token of-ann"},
            )

    assert asyncio.run(send()).status_code == 408


def test_one_person_follows_so_many_gradings_and_no_more(sqlite_course):
    app, most = app_of(sqlite_course), 3
    assert most < MOST_FOLLOWED == app.state.followed.most
    app.state.followed = concurrency_limit.ConcurrencyLimit(most)
    ident = submitted(sqlite_course, "ann")
    with served(app) as address, contextlib.ExitStack() as stack:
        client = stack.enter_context(
            httpx.Client(
                base_url=address,
                cookies={"who": "ann.1"},
                limits=httpx.Limits(max_connections=most + 2),
            )
        )
        streams = []
        for _ in range(most):
            answer = stack.enter_context(client.stream("GET", f"submissions/{ident}/events"))
            assert answer.status_code == 200
            streams.append(answer.iter_bytes())  # given up, it would be closed
            assert b"said" in next(streams[-1])
        assert client.get(f"submissions/{ident}/events").status_code == 429
        assert client.get("health").status_code == 200


# ---- one machine, and a shell for each -----------------------------------------------------------


@pytest.fixture
def visit(real_hub):
    """`visit()` -> someone at a fresh browser; with a name, signed in."""
    with contextlib.ExitStack() as stack:

        def fresh(name=""):
            visitor = stack.enter_context(Visitor(real_hub))
            if name:
                assert visitor.sign_in(name).status_code == 200
            return visitor

        yield fresh


def as_student(name, *command, **more):
    """Run a command as that student's unix user."""
    who = pwd.getpwnam(name)
    return subprocess.Popen(
        command, user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd="/", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more,
    )  # fmt: skip


def token_of(name):
    """The token that a student's server was given."""
    uid = pwd.getpwnam(name).pw_uid
    for process in psutil.process_iter(["uids"]):
        if process.info["uids"].real == uid and "singleuser" in " ".join(process.cmdline()):
            return process.environ()["JUPYTERHUB_API_TOKEN"]
    raise AssertionError(f"{name} has no server")


LISTENS = """
import sys, time, zmq
uid, context, poller, kept = int(sys.argv[1]), zmq.Context(), zmq.Poller(), []
for line in open("/proc/net/tcp").read().splitlines()[1:]:
    one = line.split()
    if one[3] == "0A" and int(one[7]) == uid:
        kept.append(context.socket(zmq.SUB))
        kept[-1].setsockopt(zmq.SUBSCRIBE, b"")
        kept[-1].connect(f"tcp://127.0.0.1:{int(one[1].split(':')[1], 16)}")
        poller.register(kept[-1], zmq.POLLIN)
print("listens at", len(kept), flush=True)
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    for heard, _ in poller.poll(200):
        print("heard", b" ".join(heard.recv_multipart()), flush=True)
"""


async def said_by_kernel(address, token, code):
    """Run code in a kernel through the hub; what it printed."""
    request = HTTPRequest(
        address.replace("http:", "ws:"), headers={"Authorization": f"token {token}"}
    )
    socket = await websocket_connect(request)
    header = {
        "msg_id": "1", "msg_type": "execute_request", "username": "", "session": "1",
        "version": "5.3", "date": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    content = {
        "code": code, "silent": False, "store_history": False, "user_expressions": {},
        "allow_stdin": False,
    }  # fmt: skip
    message = {
        "header": header, "parent_header": {}, "metadata": {}, "content": content,
        "channel": "shell", "buffers": [],
    }  # fmt: skip
    await socket.write_message(json.dumps(message))
    async with asyncio.timeout(40):
        while True:
            told = json.loads(await socket.read_message())
            if told["msg_type"] == "stream":
                socket.close()
                return told["content"]["text"]


def test_what_a_kernel_shows_is_heard_by_its_student_alone(real_hub, visit):
    visit(ANN).start_server(ANN)
    visit(BOB).start_server(BOB)
    token, where = token_of(ANN), f"{real_hub.address}user/{ANN}/api/kernels"
    kernel = httpx.post(where, headers={"Authorization": f"token {token}"}, timeout=30).json()["id"]
    channels = f"{where}/{kernel}/channels"
    assert asyncio.run(said_by_kernel(channels, token, "print(6 * 7)")) == "42\n"
    uid = str(pwd.getpwnam(ANN).pw_uid)
    spy = as_student(BOB, "/opt/introml/env/bin/python", "-c", LISTENS, uid, "4")
    assert int(spy.stdout.readline().rpartition(" ")[2]) >= 5
    time.sleep(1)
    assert asyncio.run(said_by_kernel(channels, token, "print('my own work')")) == "my own work\n"
    assert "heard" not in spy.communicate(timeout=30)[0]


def test_the_token_in_a_servers_cookie_is_good_in_that_cookie_alone(real_hub, visit):
    """It can be read there; in a header, it would be good at another place than the cookie's."""
    visitor = visit(ANN)
    visitor.start_server(ANN)
    page = BeautifulSoup(visitor.get(f"/user/{ANN}/lab").text, "html.parser")
    assert json.loads(page.select_one("#jupyter-config-data").string)["token"] == ""
    (cookie,) = [x.value for x in visitor.cookies.jar if x.name == f"jupyterhub-user-{ANN}"]
    token = base64.b64decode(cookie.split("|")[4].partition(":")[2]).decode()
    assert re.fullmatch(r"\w{30,}", token)
    where = f"{real_hub.address}user/{ANN}/api/contents"
    for word, good in ((token_of(ANN), 200), (token, 403)):
        for scheme in ("token", "Bearer"):
            told = {"Authorization": f"{scheme} {word}"}
            assert httpx.get(where, headers=told, timeout=30).status_code == good
    # By the cookie, and the word against forged requests, all goes on.
    xsrf = [x.value for x in visitor.cookies.jar if x.name == "_xsrf" and "/user/" in x.path]
    made = visitor.post(
        f"/user/{ANN}/api/contents", json={"type": "file"}, headers={"X-XSRFToken": xsrf[0]}
    )
    assert made.status_code == 201


def test_no_debugger_opens_a_port_for_everybody(visit):
    visitor = visit(ANN)
    visitor.start_server(ANN)
    page = BeautifulSoup(visitor.get(f"/user/{ANN}/lab").text, "html.parser")
    config = json.loads(page.select_one("#jupyter-config-data").string)
    assert "@jupyterlab/debugger-extension" in config["disabledExtensions"]


def test_a_servers_token_opens_its_own_things_alone(real_hub, visit):
    visit(ANN).start_server(ANN)
    token = token_of(ANN)
    sockets = Sockets(real_hub.course)
    hub, service, proxy = "http://hub/hub/api", "http://course/services/course", "http://proxy/api"

    def at(socket, headers):
        transport = httpx.HTTPTransport(uds=str(socket))
        return httpx.Client(headers=headers, transport=transport, timeout=30)

    for headers in ({}, {"Authorization": f"token {token}"}, {"Authorization": f"Bearer {token}"}):
        with at(sockets.proxy, headers) as client:
            assert client.get(f"{proxy}/routes").status_code == 403
            assert client.post(f"{proxy}/routes", json={}).status_code == 403
        with at(sockets.hub, headers) as client:
            for address in (
                f"{hub}/users", f"{hub}/users/{BOB}", f"{hub}/users/{BOB}/tokens", f"{hub}/proxy",
                f"{hub}/services", f"{hub}/groups",
            ):  # fmt: skip
                assert client.get(address).status_code in (401, 403, 404), address
            for address in (f"{hub}/users/{BOB}/server", f"{hub}/users/{ANN}/tokens"):
                assert client.post(address, json={}).status_code in (401, 403, 404), address
        with at(sockets.service, headers) as client:
            for path in ("worker/waiting", "worker/seeds"):
                assert client.get(f"{service}/{path}").status_code == 401
            # Nor is it a session: the service's pages know browsers alone.
            for cookie in (token, f'"{token}"'):
                answer = client.get(f"{service}/", headers={"Cookie": f"introml-session={cookie}"})
                assert answer.status_code == 401


#: For so many seconds, tries to listen wherever the hub does; says what it could take.
TAKES = """
import json, os, select, socket, sys, time
ports, paths, seconds = json.loads(sys.argv[1])
took, until = [], time.monotonic() + seconds
print("begun", flush=True)
while time.monotonic() < until:
    for where in [("", one) for one in ports] + paths:
        probe = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
        try:
            if isinstance(where, str):
                try:
                    os.unlink(where)
                except FileNotFoundError:
                    pass
            else:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            probe.bind(where if isinstance(where, str) else ("127.0.0.1", where[1]))
            probe.listen()
            took.append(probe)
            print("took", where, flush=True)
        except OSError:
            probe.close()
    for one in select.select(took, [], [], 0.002)[0]:
        print("heard", one.accept()[0].recv(4000), flush=True)
"""


def is_server(process, name):
    """Whether it is that student's server."""
    with contextlib.suppress(psutil.Error):
        mine = process.uids().real == pwd.getpwnam(name).pw_uid
        return mine and "jupyterhub.singleuser" in process.cmdline()
    return False


def test_nobody_takes_the_place_of_a_part_that_dies(real_hub, visit):
    """Proxy, service and a server are killed while another student tries to listen there."""
    ann = visit(ANN)
    ann.start_server(ANN)
    family = psutil.Process(real_hub.process.pid).children(recursive=True)
    students = [pwd.getpwnam(ANN).pw_uid]
    ports = {
        one.laddr.port
        for process in family if process.uids().real not in students
        for one in process.net_connections("tcp") if one.status == "LISTEN"
    }  # fmt: skip
    assert ports == {real_hub.port}, "a part listens at a port beside the public one"
    sockets = Sockets(real_hub.course)
    places = [sockets.hub, sockets.service, sockets.proxy, sockets.server(ANN)]
    assert all(one.is_socket() for one in places)
    # Whoever starts a server has an account: bob's is made by that.
    visit(BOB).start_server(BOB)
    told = json.dumps([list(ports), [str(one) for one in places], 15])
    thief = as_student(BOB, "/opt/introml/env/bin/python", "-c", TAKES, told)
    assert thief.stdout.readline() == "begun\n"
    service, proxy = "introml.hub.web.service", "configurable-http-proxy"
    dying = [x for x in family if any(y.endswith((service, proxy)) for y in x.cmdline())]
    dying += [x for x in psutil.process_iter() if is_server(x, ANN)]
    assert len(dying) == 3
    late = visit()  # without a connection that dies with the proxy
    for cookie in ann.cookies.jar:
        late.cookies.jar.set_cookie(cookie)
    for one in dying:
        one.kill()
    assert late.get("/hub/home").url.path == "/hub/home", "who came meanwhile was not answered"
    until = time.monotonic() + 40
    while late.get("/services/course/").status_code != 200:
        assert time.monotonic() < until, "the service did not come back"
        time.sleep(0.2)
    assert thief.communicate(timeout=60)[0] == ""


#: A server that gives everybody the same page, in the place of a student's own JupyterLab.
ANSWERS_ALL = """
import http.server, os, socketserver, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"anyone's page, for " + self.headers.get("Cookie", "").encode())
    def address_string(self):
        return ""
    def log_message(self, *about):
        pass
where = sys.argv[1]
os.rename(where, where + ".was")
with socketserver.UnixStreamServer(where, Page) as server:
    print("listens", flush=True)
    try:
        for _ in range(int(sys.argv[2])):
            server.handle_request()
    finally:
        os.rename(where + ".was", where)
"""


def test_what_a_student_shows_is_seen_by_no_other_persons_browser(real_hub, visit):
    """All servers have the hub's own name here, so a page of one could act in a teacher's place."""
    ann, bob = visit(ANN), visit(BOB)
    ann.start_server(ANN)
    bob.get("/services/course/")
    place = Sockets(real_hub.course).server(ANN)
    evil = as_student(ANN, "/opt/introml/env/bin/python", "-c", ANSWERS_ALL, str(place), "1")
    assert evil.stdout.readline() == "listens\n"
    # A link may have a name and a password in its address, which browsers send in this header.
    led = visit()
    led.headers["Authorization"] = "Basic eDp5"
    for visitor in (bob, visit(), led):
        for way in ("/user/{}/page", "/%75ser/{}/page", "/user/x/..%2f{}/page", "/user/%61{}/page"):
            name = ANN[1:] if way.startswith("/user/%61") else ANN
            answer = visitor.get(way.format(name))
            assert "anyone's page" not in answer.text
    assert "anyone's page" in ann.get(f"/user/{ANN}/page").text, "the page that nobody else saw"
    assert evil.wait(20) == 0
    # It is by a cookie that the browser is known, and that goes with the one who signs out.
    assert ann.cookies.get("introml-signed-in-as").startswith(f"{ANN}:")
    ann.get("/hub/logout")
    assert "introml-signed-in-as" not in ann.cookies


def test_a_copy_of_someones_cookies_opens_nothing_once_they_sign_out(real_hub, visit):
    ann, thief = visit(ANN), visit()
    for one in ann.cookies.jar:
        thief.cookies.jar.set_cookie(one)
    assert thief.get("/hub/home").url.path == "/hub/home"
    ann.get("/hub/logout")
    # Nor does it open the course, of which the hub's own session is the key.
    for page in ("/hub/home", "/services/course/"):
        assert thief.get(page).url.path == "/hub/login"


#: Sends a request as it was captured, with all its cookies; says the answer.
REPLAYS = """
import http.client, sys
host, port, path, *headers = sys.argv[1:]
connection = http.client.HTTPConnection(host, int(port), timeout=30)
connection.request("GET", path, headers=dict(one.split(": ", 1) for one in headers))
answer = connection.getresponse()
print(answer.status, answer.getheader("Location", ""), answer.read().decode("utf-8", "replace"))
"""


def cookies_of(visitor):
    """All cookies of someone's, as a request has them that reaches whoever has taken a place."""
    return "; ".join(f"{one.name}={one.value}" for one in visitor.cookies.jar)


def test_copied_cookies_open_nothing_at_another_place(real_hub, visit):
    """A teacher's and a student's, in another network, another browser, another account's program,
    and at the sockets of hub and service, past the proxy."""
    tina = f"tina-{TAG}"
    real_hub.add(tina, role="teacher")
    teacher, ann = visit(tina), visit(ANN)
    ann.start_server(ANN)
    visit(BOB).start_server(BOB)  # whoever starts a server has an account
    teaching, working = "/services/course/teach/roster", f"/user/{ANN}/api/contents"
    opened = [(teacher, "/hub/home"), (teacher, teaching), (ann, "/hub/home"), (ann, working)]
    for owner, path in opened:
        owner.get(path)  # signs in to the course as well
        assert owner.get(path, follow_redirects=False).status_code == 200

    def refused(status, location):
        # The hub, in a server's place, has its own address for it, and asks there who comes.
        hubs = ("/hub/login", "/hub/api/oauth2/authorize", f"/hub{working}")
        return status in (401, 403) or (status == 302 and location.startswith(hubs))

    for owner, path in opened:
        same = {"Cookie": cookies_of(owner), "User-Agent": owner.headers["User-Agent"]}
        same |= NAVIGATES
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        for transport, headers in (
            (elsewhere, same),
            (None, same | {"User-Agent": "another"}),
            (None, same | {"User-Agent": "another", "Authorization": "token nobody"}),
            (None, same | {"User-Agent": "another", "Authorization": "Bearer nobody"}),
        ):
            with httpx.Client(base_url=real_hub.address, transport=transport) as thief:
                got = thief.get(path, headers=headers)
                assert refused(got.status_code, got.headers.get("Location", "")), f"{path} {got}"
        # The same machine, the same address, the same browser by its name: it is another account.
        spoofed = {"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1"}
        given = [f"{name}: {value}" for name, value in (same | spoofed).items()]
        command = ["/opt/introml/env/bin/python", "-c", REPLAYS, "127.0.0.1", str(real_hub.port)]
        said = as_student(BOB, *command, path, *given).communicate(timeout=60)[0]
        status, location, _ = said.split(" ", 2)
        assert refused(int(status), location), f"{path} {said}"

    # Past the proxy, a place cannot be made up: nor can one that the proxy told another reader.
    sockets = Sockets(real_hub.course)
    for place, path in ((sockets.hub, "/hub/home"), (sockets.service, teaching)):
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(place))) as thief:
            for header in ("", f"{int(time.time())}.x.x.x"):
                same = {"Cookie": cookies_of(teacher), "User-Agent": teacher.headers["User-Agent"]}
                got = thief.get(f"http://at{path}", headers=same | {"X-Introml-Place": header})
                assert refused(got.status_code, got.headers.get("Location", "")), f"{path} {got}"

    # Whoever comes there is told why, and so is the log; who signed in goes on.
    moved = Visitor(real_hub)
    moved.headers["User-Agent"] = "another"
    with moved:
        for one in teacher.cookies.jar:
            moved.cookies.jar.set_cookie(one)
        for path in ("/hub/home", teaching):
            page = moved.get(path)
            assert (page.url.path, page.status_code) == ("/hub/login", 200)
            assert ELSEWHERE in page.text
        told = moved.get(teaching, headers={"Accept": "application/json"})
        assert (told.status_code, ELSEWHERE in told.text) == (401, True)
        assert moved.sign_in(tina, to=teaching).url.path == teaching
        for owner, path in opened:
            assert owner.get(path, follow_redirects=False).status_code == 200
    # JupyterLab, open while its reader moves, can show why it does not save.
    script = {"User-Agent": "another", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}
    saved = ann.put(working, json={}, headers=script, follow_redirects=False)
    assert saved.status_code == 403
    assert ELSEWHERE in saved.json()["message"]
    log = teacher.get("/services/course/teach/log", params={"person": tina}).text
    assert "refused a session" in log
    for where in ("127.0.0.2 account 0 (root)", f"({BOB})", "went round the hub"):
        assert where in log


def test_no_link_leads_the_proxy_to_a_socket_that_is_closed_to_the_student(real_hub, visit):
    """The proxy is root, and could open the socket of any other student, or of a database."""
    ann, place = visit(ANN), Sockets(real_hub.course).server(ANN)
    ann.start_server(ANN)
    heard = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as closed:
        closed.bind(f"{folder}/closed.sock")
        closed.listen()
        closed.settimeout(3)

        def listen():
            with contextlib.suppress(TimeoutError):
                heard.append(closed.accept()[0].close())

        thread = threading.Thread(target=listen)
        thread.start()
        link = f"mv {place} {place}.was && ln -s {folder}/closed.sock {place}"
        assert as_student(ANN, "sh", "-c", link).wait(10) == 0
        try:
            assert ann.get(f"/user/{ANN}/api", follow_redirects=False).status_code == 503
        finally:
            back = as_student(ANN, "sh", "-c", f"rm {place}; mv {place}.was {place}")
            assert back.wait(10) == 0
            thread.join()
    assert not heard, "the proxy followed the link"
    assert "version" in ann.get(f"/user/{ANN}/api", follow_redirects=False).json()


def test_who_lists_processes_reads_no_secret(real_hub, visit):
    visit(ANN).start_server(ANN)
    listing = as_student(BOB, "ps", "axwwe", "-o", "args").communicate(timeout=30)[0]
    assert "introml.hub.web.service" in listing
    course = real_hub.course
    for secret in ("worker", "session", "proxy"):
        assert course.secret(secret) not in listing
    assert token_of(ANN) not in listing


def test_no_header_makes_another_visitor(visit):
    def refused(**headers):
        visitor = visit()
        visitor.headers.update(headers)
        data = {
            "username": f"nobody-{TAG}",
            "password": "wrong",
            "_xsrf": visitor.xsrf("/hub/login"),
        }
        return visitor.post("/hub/login", data=data).status_code

    found = [refused(**{"X-Real-Ip": f"198.51.100.{i}"}) for i in range(10)]
    assert found == [403] * 8 + [429] * 2


def test_another_site_signs_nobody_in(visit):
    visitor = visit()
    data = {"username": BOB, "password": PASSWORD, "_xsrf": visitor.xsrf("/hub/login")}
    for site in ("cross-site", "same-site"):
        answer = visitor.post("/hub/login", data=data, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
    assert visitor.get("/hub/home").url.path == "/hub/login"
