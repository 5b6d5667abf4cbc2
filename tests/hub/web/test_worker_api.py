"""What workers ask over HTTP: with their token alone, one grading at a time, under a lease."""

import base64
import hashlib
import json

import pytest
from served import Browser, Tool, app_of
from tiny_course import result_of

from introml.grader.results.results import Flag, Verdict
from introml.hub.course.models import Grading
from introml.hub.grades.submissions import hand_in
from introml.hub.queue import jobs

NOTEBOOK = b'{"cells": []}'
ASKED = {"worker": "w1", "tiers": ["cpu"]}


@pytest.fixture
def app(course):
    return app_of(course)


@pytest.fixture
def worker(app, course):
    return Tool(app, f"Bearer {course.secret('worker')}")


def submit(course, data=NOTEBOOK):
    hand_in(course, "ann", course.labs["tiny"], "tiny.ipynb", data)


def held(leased, **more):
    return {"grading": leased["grading"], "token": leased["token"], **more}


def result_for(leased, **more):
    known = {key: leased[key] for key in ("submission", "lab", "seed", "sha256")}
    return result_of(jobs.Lease(leased["grading"], "", **known, file_name="", until=None,
                                tier="cpu"), **more)  # fmt: skip


def test_a_grading_from_lease_to_report(worker, course):
    submit(course)
    assert worker.get("worker/waiting").json() == {"cpu": 1, "cuda": 0}
    leased = worker.post("worker/lease", json=ASKED).json()
    assert base64.b64decode(leased["data"]) == NOTEBOOK
    assert leased["sha256"] == hashlib.sha256(NOTEBOOK).hexdigest()
    assert leased["tier"] == "cpu"
    assert worker.post("worker/lease", json=ASKED).status_code == 204
    assert worker.get("worker/waiting").json() == {"cpu": 0, "cuda": 0}
    assert worker.post("worker/renew", json=held(leased)).json()["until"] > leased["until"]
    report = held(leased, result=result_for(leased, points=6.0))
    assert worker.post("worker/report", json=report).status_code == 200
    assert worker.post("worker/report", json=report).status_code == 409
    with course.database.reading() as session:
        assert session.get_one(Grading, leased["grading"]).score == 6.0


def test_nothing_waits(worker):
    assert worker.post("worker/lease", json=ASKED).status_code == 204


def test_a_worker_is_given_only_its_tiers_and_labs(worker, course):
    submit(course)
    for asked in ({"tiers": ["cuda"]}, {"labs": []}, {"labs": ["other"]}):
        assert worker.post("worker/lease", json=ASKED | asked).status_code == 204
    assert worker.post("worker/lease", json=ASKED | {"labs": ["tiny"]}).status_code == 200


def test_handed_back_it_waits_again(worker, course):
    submit(course)
    leased = worker.post("worker/lease", json=ASKED).json()
    answer = worker.post("worker/hand-back", json=held(leased, why="ended\0 here"))
    assert answer.status_code == 200
    assert worker.get("worker/waiting").json()["cpu"] == 1
    for what, more in (("renew", {}), ("hand-back", {"why": ""}), ("report", {"result": {}})):
        expected = 422 if what == "report" else 409
        answer = worker.post(f"worker/{what}", json=held(leased, **more))
        assert answer.status_code == expected, what


def test_a_fault_that_says_a_nul_is_kept(worker, course):
    submit(course)
    leased = worker.post("worker/lease", json=ASKED).json()
    result = result_for(leased, verdict=Verdict.FAULT, flags=[Flag("grader fault", "a\0b")])
    assert worker.post("worker/report", json=held(leased, result=result)).status_code == 200
    assert worker.get("worker/waiting").json()["cpu"] == 1


def test_a_result_of_another_submission_is_refused(worker, course):
    submit(course)
    leased = worker.post("worker/lease", json=ASKED).json()
    wrong = result_for(leased | {"sha256": "0" * 64})
    answer = worker.post("worker/report", json=held(leased, result=wrong))
    assert answer.status_code == 422
    assert "another submission" in answer.json()["detail"]


def test_a_damaged_file_goes_to_no_worker_and_ends_as_a_fault(worker, course):
    submit(course)
    (path,) = course.blobs.folder.glob("*/*")
    path.write_bytes(b"changed")
    assert worker.post("worker/lease", json=ASKED).status_code == 204
    with course.database.reading() as session:
        row = session.get_one(Grading, 1)
        assert (row.state, row.verdict) == ("done", Verdict.FAULT)
        assert "changed on disk" in json.loads(row.result)["flags"][0]["evidence"]


@pytest.mark.parametrize(
    "asked",
    [
        {"worker": "w"}, {"worker": "", "tiers": ["cpu"]}, {"worker": "w\0", "tiers": ["cpu"]},
        {"worker": "w", "tiers": []}, {"worker": "w", "tiers": ["tpu"]}, ASKED | {"more": 1}, [],
        "text",
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_question_is_refused_in_a_sentence(worker, asked):
    answer = worker.post("worker/lease", json=asked)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


ADDRESSES = [
    ("POST", "worker/lease"), ("POST", "worker/renew"), ("POST", "worker/report"),
    ("POST", "worker/hand-back"), ("GET", "worker/waiting"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_no_other_token_and_no_cookie_does(app, course, method, address):
    submit(course)
    secret = course.secret("worker")
    others = ["", "token of-tess", "Bearer of-tess", f"token {secret}", f"Bearer {secret[:-1]}",
              f"Bearer {secret}x", "Bearer", "Bearer \u00e4".encode()]  # fmt: skip
    for authorization in others:
        tool = Tool(app, authorization)
        assert tool.request(method, address, json=ASKED).status_code == 401, authorization
    assert Browser(app, "tess").request(method, address, json=ASKED).status_code == 401
