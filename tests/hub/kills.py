"""A course under load whose parts are killed at random instants; what must hold all the same."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from postgres_server import PostgresServer
from service_process import ServiceProcess, WorkerProcess
from tiny_course import make_course, notebook

from introml.hub.course.course import Course
from introml.hub.course.models import Event, Grading, Submission
from introml.hub.people import people

_LEASE_S = 4.0
_WORKERS = 2
NAMES = [f"student{number}" for number in range(12)]


@dataclass
class Outcome:
    """What a series of kills came to. `problems` is empty where all promises were kept."""

    kills: Counter[str] = field(default_factory=Counter)
    receipts: int = 0
    graded: int = 0
    refused: int = 0
    tries: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


class Parts(Protocol):
    """A running course, whose parts can be killed."""

    course: Course
    kinds: list[str]
    #: What is handed in for the n-th time.
    notebook: Callable[[random.Random, int], bytes]
    verdict: str

    def start(self) -> None: ...

    def submit(self, name: str, data: bytes) -> dict: ...

    def kill(self, kind: str, draw: random.Random) -> None:
        """Kill one of that kind, and see that it is started again after a while."""

    def stop(self) -> None: ...


class Students:
    """Threads that hand in all the time, and keep what they were told."""

    def __init__(self, parts: Parts, draw: random.Random) -> None:
        self._parts = parts
        self._ended = threading.Event()
        seeds = [draw.randrange(1 << 32) for _ in NAMES]
        self._threads = [
            threading.Thread(target=self._hand_in, args=pair, daemon=True)
            for pair in zip(NAMES, seeds, strict=True)
        ]
        #: (student, bytes, receipt) for each that was accepted.
        self.accepted: list[tuple[str, bytes, str]] = []
        self.refused = 0

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Hand in nothing new; what is on its way is still asked for until it has its receipt."""
        self._ended.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(120)

    def _hand_in(self, name: str, seed: int) -> None:
        draw = random.Random(seed)
        number = 0
        while not self._ended.is_set():
            number += 1
            data = self._parts.notebook(draw, number)
            while True:
                try:
                    said = self._parts.submit(name, data)
                except OSError as problem:
                    # "Hand in again when one is done", or the service or its database is away.
                    self.refused += 1
                    if self._ended.is_set() and str(problem).startswith("409"):
                        break
                    time.sleep(draw.uniform(0.1, 0.8))
                else:
                    self.accepted.append((name, data, said["receipt"]))
                    break
            time.sleep(draw.uniform(0.1, 0.6))


def slow_work(draw: random.Random, number: int) -> bytes:
    """What the fake checker takes some time over; the spaces make each one another."""
    return notebook(f"slow:{draw.uniform(0.0, 0.3):.3f}{' ' * number}")


class Alone:
    """The service and two workers with the fake checker, as processes; leases are short."""

    notebook = staticmethod(slow_work)
    verdict = "graded"

    def __init__(self, place: Path, postgres: PostgresServer | None = None) -> None:
        self.course = make_course(place, postgres.database() if postgres else "")
        prepare(self.course)
        self.kinds = ["service", "worker", *(["database"] if postgres else [])]
        self._postgres = postgres
        self._service = ServiceProcess(self.course, free_port(), _LEASE_S)
        self._workers: list[WorkerProcess] = []

    def start(self) -> None:
        self._service.start()
        self._workers = [WorkerProcess(self.course, self._service.url) for _ in range(_WORKERS)]

    def submit(self, name: str, data: bytes) -> dict:
        return self._service.submit(name, data, timeout_s=20)

    def kill(self, kind: str, draw: random.Random) -> None:
        if kind == "worker":
            number = draw.randrange(len(self._workers))
            self._workers[number].close()
            self._workers[number] = WorkerProcess(self.course, self._service.url)
            return
        part = self._service if kind == "service" else self._postgres
        part.kill()
        time.sleep(draw.uniform(0, 1))
        part.start()

    def stop(self) -> None:
        for one in self._workers:
            one.close()
        self._service.kill()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def prepare(course: Course) -> None:
    """Students, and a lab that may be handed in as often as they like."""
    lab = course.labs["tiny"].folder / "lab.toml"
    text = lab.read_text()
    assert "attempts = 10" in text
    lab.write_text(text.replace("attempts = 10", "attempts = 0"))
    course.__dict__.pop("labs")
    with course.database.writing() as session:
        people.add_people(session, [people.Entry(name) for name in NAMES], "test")


def kill_under_load(
    parts: Parts, kills: int, draw: random.Random, between_s: tuple[float, float] = (0.2, 1.5)
) -> Outcome:
    """Kill one part or another, `kills` times, while students hand in; look at all submissions."""
    began = time.monotonic()
    outcome = Outcome()
    students = Students(parts, draw)
    try:
        parts.start()
        students.start()
        for _ in range(kills):
            time.sleep(draw.uniform(*between_s))
            kind = draw.choice(parts.kinds)
            outcome.kills[kind] += 1
            parts.kill(kind, draw)
        students.end()
        _wait_until_all_is_graded(parts.course, outcome)
        outcome.refused = students.refused
        _look(parts, students, outcome)
    finally:
        students.end()
        parts.course.database.close()
        parts.stop()
    outcome.seconds = time.monotonic() - began
    return outcome


def _wait_until_all_is_graded(course: Course, outcome: Outcome) -> None:
    deadline = time.monotonic() + 300
    while True:
        with course.database.reading() as session:
            left = session.scalar(
                sa.select(sa.func.count()).where(Grading.state.in_(("waiting", "leased")))
            )
        if not left:
            return
        if time.monotonic() > deadline:
            outcome.problems.append(
                f"{left} gradings are not done five minutes after the last kill"
            )
            return
        time.sleep(0.2)


def _look(parts: Parts, students: Students, outcome: Outcome) -> None:
    """Every receipt has its submission, its bytes and one grade; nothing was graded twice."""
    course, problems = parts.course, outcome.problems
    with course.database.reading() as session:
        found = {one.id: one for one in session.scalars(sa.select(Submission))}
        gradings = list(session.scalars(sa.select(Grading)))
        told = list(session.scalars(sa.select(Event.detail).where(Event.what == "graded")))
    done = Counter(one.submission_id for one in gradings if one.state == "done")
    times_told = Counter(detail.split()[0] for detail in told)
    receipts: dict[str, bytes] = {}
    for name, data, text in students.accepted:
        receipt = course.signer.read(text)
        submission = found.get(receipt.submission)
        if submission is None:
            problems.append(f"{name}'s receipt {receipt.submission} has no submission")
        elif (submission.sha256, course.blobs.read(submission.sha256)) != (receipt.sha256, data):
            problems.append(f"{name}'s submission {submission.id} is not what was handed in")
        if receipt.person != name:
            problems.append(f"{name} has a receipt of {receipt.person}")
        if receipts.setdefault(receipt.submission, data) != data:
            problems.append(f"two receipts for {receipt.submission}")
    for ident in found:
        if done[ident] != 1 or times_told[ident] != 1:
            problems.append(
                f"submission {ident} has {done[ident]} grades, and was told {times_told[ident]} "
                "times to be graded"
            )
    for one in gradings:
        if one.state == "done" and one.verdict != parts.verdict:
            problems.append(
                f"grading {one.id}: {one.verdict} after {one.tries} tries: {one.trouble[-300:]}"
            )
    outcome.receipts = len(receipts)
    outcome.graded = sum(done.values())
    outcome.tries = sum(one.tries for one in gradings)
