"""The disk of the course is full: it is called so, nothing taken is lost, and it passes."""

import os

import pytest
import sqlalchemy as sa
from full_disk import small_disk
from served import Browser, Tool, app_of
from tiny_course import make_course, notebook, result_of

from introml.hub.course.models import Grading, Submission
from introml.hub.queue import jobs
from introml.hub.queue.worker_client import Away, _understood

SAID = "The disk of the course is full, so this was not taken. Nothing was lost"


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as made:
        yield made


@pytest.fixture
def course(disk):
    made = make_course(disk.folder)
    yield made
    made.database.close()


def large():
    return notebook(os.urandom(100_000).hex())


def submissions(course):
    with course.database.reading() as session:
        return session.scalar(sa.select(sa.func.count(Submission.id)))


def files(course):
    return sorted(one for one in course.blobs.folder.rglob("*") if one.is_file())


def test_what_cannot_be_kept_is_refused_in_words_and_what_was_kept_stays(course, disk):
    app = app_of(course)
    ann, tool = Browser(app, "ann"), Tool(app, "token of-ann")
    first = tool.submit(notebook("first")).json()["receipt"]
    form = ann.form_token("labs/tiny")
    disk.fill()
    before = files(course)
    refused = tool.submit(large())
    assert refused.status_code == 507
    assert refused.json()["detail"].startswith(SAID)
    page = ann.post(
        "labs/tiny/submissions",
        data={"csrf": form},
        files={"notebook": ("tiny.ipynb", large())},
    )
    assert page.status_code == 507
    assert SAID in page.text
    assert "<h1>The disk is full</h1>" in page.text
    assert files(course) == before, "what was not taken takes up room"
    # All that was there can be seen, while it is full.
    assert ann.get("labs/tiny").status_code == 200
    assert submissions(course) == 1
    disk.empty()
    assert tool.submit(notebook("second")).status_code == 201
    assert submissions(course) == 2
    assert tool.submit(notebook("second")).json()["receipt"] != first


def test_a_database_that_is_full_is_no_database_that_is_away(course, disk):
    app = app_of(course)
    tool = Tool(app, "token of-ann")
    assert tool.submit(notebook("first")).status_code == 201
    # Room for a notebook and its folder, and none for its row.
    disk.fill(leave=len(notebook("1")) // 4096 * 4096 + 4096)
    answers = [tool.submit(notebook(str(number))) for number in range(4)]
    assert {one.status_code for one in answers} == {507}
    assert submissions(course) == 1
    disk.empty()
    assert tool.submit(notebook("second")).status_code == 201


def test_other_trouble_with_a_file_is_called_a_failure(sqlite_course, monkeypatch):
    def refuse(data):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sqlite_course.blobs, "keep", refuse)
    answer = Tool(app_of(sqlite_course), "token of-ann").submit(notebook())
    assert answer.status_code == 500
    assert "disk" not in answer.json()["detail"]


def test_a_result_waits_with_its_worker_until_there_is_room(course, disk):
    app = app_of(course)
    assert Tool(app, "token of-ann").submit(notebook()).status_code == 201
    worker = Tool(app, f"Bearer {course.secret('worker')}")
    lease = jobs.lease(course, "w", ["cpu"])
    held = {"grading": lease.grading, "token": lease.token}
    said = held | {"result": result_of(lease, 7)}
    disk.fill()
    for _ in range(3):
        answer = worker.post("worker/report", json=said)
        assert answer.status_code == 507
    with pytest.raises(Away):  # which a worker takes for "ask again"
        _understood(answer.status_code, answer.content)
    disk.empty()
    assert worker.post("worker/report", json=said).status_code == 200
    with course.database.reading() as session:
        (row,) = session.scalars(sa.select(Grading))
        assert (row.state, row.score, row.tries) == ("done", 7, 1)
