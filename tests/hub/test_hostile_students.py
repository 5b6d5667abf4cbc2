"""What a hostile student, visitor or notebook tries on a course, and is refused."""

import asyncio
import contextlib
import time
from datetime import timedelta

import httpx
import pytest
from served import PREFIX, Tool, app_of, served
from tiny_course import grade_next

from introml.hub.database import now
from introml.hub.signin import Invitations
from introml.hub.submissions import NotAccepted, dates_of, hand_in
from introml.hub.web import few
from introml.hub.web.few import MOST_FOLLOWED, MOST_RECEIVED


def submitted(course, name, data=b"{}"):
    """Hand in; the submission's id."""
    receipt, _ = hand_in(course, name, course.labs["tiny"], "tiny.ipynb", data)
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
    with pytest.raises(NotAccepted, match="attempts"):
        hand_in(course, "ann", lab, "tiny.ipynb", b"one too many")
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
        began = time.monotonic()
        assert await authenticator.refresh_user(User)
        seconds = time.monotonic() - began
        await asyncio.gather(*flood)
        return seconds

    assert asyncio.run(together()) < 1  # one behind another, the flood takes 2 s


def test_one_person_sends_few_bodies_at_a_time(sqlite_course, app):
    async def flood():
        transport = httpx.ASGITransport(app)
        base = f"http://testserver{PREFIX}"
        never = asyncio.Event()

        async def slow():
            yield b"{"
            await never.wait()

        async with httpx.AsyncClient(transport=transport, base_url=base) as client:

            async def send(who, content=b"{}"):
                answer = await client.post(
                    "api/labs/tiny/submissions",
                    content=content,
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
    monkeypatch.setattr(few, "PATIENCE_S", 0.2)

    async def slow():
        yield b"{"
        await asyncio.sleep(60)

    async def send():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post(
                f"http://testserver{PREFIX}api/labs/tiny/submissions",
                content=slow(),
                headers={"Authorization": "token of-ann"},
            )

    began = time.monotonic()
    assert asyncio.run(send()).status_code == 408
    assert time.monotonic() - began < 20


def test_one_person_follows_so_many_gradings_and_no_more(sqlite_course):
    app = app_of(sqlite_course)
    ident = submitted(sqlite_course, "ann")
    with served(app) as address, contextlib.ExitStack() as stack:
        client = stack.enter_context(
            httpx.Client(
                base_url=address,
                cookies={"who": "ann.1"},
                limits=httpx.Limits(max_connections=MOST_FOLLOWED + 5),
            )
        )
        streams = []
        for _ in range(MOST_FOLLOWED):
            answer = stack.enter_context(client.stream("GET", f"submissions/{ident}/events"))
            assert answer.status_code == 200
            streams.append(answer.iter_bytes())  # given up, it would be closed
            assert b"said" in next(streams[-1])
        assert client.get(f"submissions/{ident}/events").status_code == 429
        assert client.get("health").status_code == 200
