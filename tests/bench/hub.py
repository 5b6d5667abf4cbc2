"""Measures the hub against its bars and writes the table to _build/bench-hub.md.

`hub.py start rush grade` measures these parts; without arguments, all of them. It takes root, for
students are users of this machine. Everything is on loopback, and bounded. Run by `make bench`.

rush: 500 students hand in different notebooks within a minute, each at an instant drawn at random,
through the hub's proxy, with tokens that the hub checks, while workers grade.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
import websocket
from jupyterhub import orm

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "hub"), str(HERE.parent / "grader")]

from hub_visitor import Visitor  # noqa: E402
from machine import machine  # noqa: E402
from postgres_server import PostgresServer  # noqa: E402
from real_hub import RealHub  # noqa: E402
from tiny import notebook, written  # noqa: E402

from introml.hub.course.models import Grading, Submission  # noqa: E402
from introml.hub.jupyter.hub_config import COURSE_SCOPE  # noqa: E402
from introml.hub.people import people  # noqa: E402

STUDENTS, WITHIN_S = 500, 60.0
ROUNDS = 5
_SEED = 4
_API = "/services/course/api"
#: A row of the table: what was measured, the bar, the result.
Row = tuple[str, str, str]


class Failed(Exception):
    """What was to be measured did not work; the text says how it failed."""


@contextlib.contextmanager
def hub(database: str = "") -> Iterator[RealHub]:
    """A real hub with the tiny lab, ready, on this database (SQLite if none is named)."""
    one = RealHub()
    try:
        settings = one.course.folder / "course.toml"
        if database:
            settings.write_text(f"database = {json.dumps(database)}\n{settings.read_text()}")
            one.course.database.close()
            one.course = type(one.course).at(one.course.folder)
        yield one.start()
    finally:
        one.close()


def enrolled(one: RealHub, names: list[str]) -> dict[str, str]:
    """Put people on the roster and give each a token of the kind that their server would have.

    The tokens are put into the hub's database as the hub itself does; the hub checks each of them.
    """
    with one.course.database.writing() as session:
        people.add_people(session, [people.Entry(name) for name in names], "bench")
    tokens = {}
    with hubs_database(one) as session:
        role = session.query(orm.Role).filter_by(name="user").one()
        for name in names:
            user = orm.User(name=name, roles=[role])
            session.add(user)
            session.flush()
            tokens[name] = user.new_api_token(scopes=[COURSE_SCOPE], note="bench")
        session.commit()
    return tokens


def hubs_database(one: RealHub) -> orm.Session:
    """A session on JupyterHub's own database."""
    return orm.new_session_factory(f"sqlite:///{one.course.folder / 'jupyterhub.sqlite'}")()


@dataclass(frozen=True)
class HandedIn:
    """One student's request: who, when, how long until the receipt, and the receipt."""

    name: str
    seconds: float
    receipt: dict[str, object]


def hand_in(one: RealHub, name: str, token: str, data: bytes) -> HandedIn:
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
    try:
        headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        connection.request(
            "POST", f"{_API}/labs/tiny/submissions?file_name=tiny.ipynb", data, headers
        )
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    seconds = time.perf_counter() - began
    if answer.status != 201:
        raise Failed(f"{name} got {answer.status}: {body[:300].decode(errors='replace')}")
    return HandedIn(name, seconds, json.loads(json.loads(body)["receipt"]))


def rush(one: RealHub) -> tuple[list[HandedIn], float]:
    """All students hand in within a minute; what they got, and seconds until all are graded."""
    names = [f"rush-{number:03d}" for number in range(STUDENTS)]
    tokens = enrolled(one, names)
    draw = random.Random(_SEED)
    when = {name: draw.uniform(0, WITHIN_S) for name in names}
    book = notebook()
    began = time.monotonic()

    def at_their_time(name: str) -> HandedIn:
        time.sleep(max(0.0, began + when[name] - time.monotonic()))
        mine = {**book, "metadata": {**book["metadata"], "student": name}}
        return hand_in(one, name, tokens[name], written(mine))

    # So many at a time that none has to wait for another's answer.
    with ThreadPoolExecutor(100) as pool:
        done = list(pool.map(at_their_time, sorted(names, key=when.get)))
    check_none_lost(one, done)
    graded = wait_until_graded(one, began)
    return done, graded


def check_none_lost(one: RealHub, done: list[HandedIn]) -> None:
    """Each receipt's submission is kept, once, with the bytes that the receipt names."""
    with one.course.database.reading() as session:
        kept = {row.id: row for row in session.scalars(sa.select(Submission))}
    if len(kept) != len(done):
        raise Failed(f"{len(done)} receipts, {len(kept)} submissions")
    for each in done:
        row = kept[each.receipt["submission"]]
        if row.sha256 != each.receipt["sha256"]:
            raise Failed(f"{each.name}: the receipt names other bytes than are kept")
        one.course.blobs.read(row.sha256)


def wait_until_graded(one: RealHub, began: float, timeout_s: float = 900) -> float:
    """Seconds since `began` until no grading waits; each must be done once, with full points."""
    while True:
        with one.course.database.reading() as session:
            rows = session.execute(
                sa.select(Grading.state, Grading.verdict, sa.func.count()).group_by(
                    Grading.state, Grading.verdict
                )
            ).all()
        if all(state == "done" for state, _, _ in rows):
            if [(verdict, count) for _, verdict, count in rows] != [("graded", STUDENTS)]:
                raise Failed(f"the verdicts are {rows}")
            return time.monotonic() - began
        if time.monotonic() - began > timeout_s:
            raise Failed(f"after {timeout_s:g} s the gradings are {rows}")
        time.sleep(0.5)


def measure_rush() -> list[Row]:
    rows = []
    postgres = PostgresServer()
    try:
        postgres.start()
        for label, url in (("SQLite", ""), ("PostgreSQL", postgres.database())):
            with hub(url) as one:
                done, graded = rush(one)
            took = sorted(each.seconds for each in done)
            p99 = took[int(0.99 * len(took))]
            rows.append(
                (
                    f"{STUDENTS} students hand in within a minute, {label}: time to a receipt",
                    "none lost, p99 ≤ 2 s",
                    f"none lost, p99 {p99:.2f} s (median {statistics.median(took):.3f} s, "
                    f"longest {took[-1]:.2f} s); all graded after {graded:.0f} s by one worker",
                )
            )
    finally:
        postgres.stop()
    return rows


def measure_start() -> list[Row]:
    """Starts of the hub, of students' first servers, and of a kernel that has torch."""
    up, server, kernel = [], [], []
    one = RealHub()
    try:
        one.start()  # the first start releases labs and makes accounts
        one.stop()
        for number in range(ROUNDS):
            began = time.monotonic()
            one.start()
            up.append(time.monotonic() - began)
            name = f"first-{one.port}-{number}"
            one.add(name)
            visitor = Visitor(one)
            visitor.sign_in(name)
            server.append(visitor.start_server(name))
            kernel.append(kernel_with_torch(one, name))
            visitor.close()
            one.stop()
    finally:
        one.close()
    bars = (
        ("hub up", up, 10), ("a student's first server up", server, 10),
        ("kernel ready with torch", kernel, 6),
    )  # fmt: skip
    return [
        (f"{what}, median of {ROUNDS}", f"≤ {bar} s",
         f"{statistics.median(took):.1f} s (longest {max(took):.1f} s)")
        for what, took, bar in bars
    ]  # fmt: skip


def kernel_with_torch(one: RealHub, name: str) -> float:
    """Seconds from asking for a kernel until it has imported torch."""
    token = server_token(one, name)
    headers = {"Authorization": f"token {token}"}
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
    connection.request("POST", f"/user/{name}/api/kernels", "{}", headers)
    ident = json.loads(connection.getresponse().read())["id"]
    channels = websocket.create_connection(
        f"ws://127.0.0.1:{one.port}/user/{name}/api/kernels/{ident}/channels",
        header=headers, timeout=60,
    )  # fmt: skip
    message = {
        "header": {"msg_id": "1", "msg_type": "execute_request", "session": "1", "username": "",
                   "version": "5.3"},
        "parent_header": {}, "metadata": {}, "channel": "shell",
        "content": {"code": "import torch", "silent": False},
    }  # fmt: skip
    channels.send(json.dumps(message))
    while True:
        said = json.loads(channels.recv())
        if said["header"]["msg_type"] == "execute_reply":
            break
    took = time.monotonic() - began
    channels.close()
    connection.close()
    if said["content"]["status"] != "ok":
        raise Failed(f"the kernel cannot import torch: {said['content'].get('evalue')}")
    return took


def server_token(one: RealHub, name: str) -> str:
    """A token for someone's own server, put into the hub's database as the hub itself does."""
    with hubs_database(one) as session:
        user = session.query(orm.User).filter_by(name=name).one()
        token = user.new_api_token(scopes=[f"access:servers!user={name}"], note="bench")
        session.commit()
    return token


def measure_grade() -> list[Row]:
    """From handing in to the grade, on an idle machine."""
    with hub() as one:
        names = [f"calm-{number}" for number in range(ROUNDS)]
        tokens = enrolled(one, names)
        took = []
        for name in names:
            book = notebook()
            book["metadata"]["student"] = name
            began = time.monotonic()
            receipt = hand_in(one, name, tokens[name], written(book)).receipt
            while state(one, tokens[name], str(receipt["submission"]))["verdict"] != "graded":
                if time.monotonic() - began > 60:
                    raise Failed(f"{name}'s submission has no grade after a minute")
                time.sleep(0.05)
            took.append(time.monotonic() - began)
            time.sleep(1)
    return [
        (
            f"submit to grade, idle machine, CPU lab, median of {ROUNDS}",
            "≤ 5 s",
            f"{statistics.median(took):.1f} s (the first {took[0]:.1f} s)",
        )
    ]


def state(one: RealHub, token: str, submission: str) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=30)
    try:
        connection.request(
            "GET", f"{_API}/submissions/{submission}", headers={"Authorization": f"token {token}"}
        )
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


PARTS: dict[str, Callable[[], list[Row]]] = {
    "start": measure_start,
    "rush": measure_rush,
    "grade": measure_grade,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=" ".join(PARTS))
    wanted = parser.parse_args().parts
    table = [f"Hub: {machine()}", "", "| what | bar | measured |", "|---|---|---|"]
    failed = False
    for part in wanted:
        try:
            rows = PARTS[part]()
        except Failed as problem:
            failed = True
            rows = [(part, "", f"not measured: {problem}")]
        table += [f"| {' | '.join(row)} |" for row in rows]
        print("\n".join(table[-len(rows) :]), flush=True)
    target = ROOT / "_build" / "bench-hub.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(table) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    threading.stack_size(1 << 20)
    sys.exit(main())
