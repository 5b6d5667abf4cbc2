"""What students' tools ask: handing in, and how it went."""

import json

import pytest
from served import Browser, Tool, app_of
from tiny_course import grade_next, notebook

from introml.hub.queue import jobs

NOTEBOOK = notebook()


@pytest.fixture
def app(course):
    return app_of(course)


def test_a_notebook_is_handed_in_for_a_receipt(app, course):
    answer = Tool(app, "token of-ann").submit(NOTEBOOK, file_name="my.ipynb")
    assert answer.status_code == 201
    receipt = course.signer.read(answer.json()["receipt"])
    assert (receipt.person, receipt.file_name, receipt.size) == ("ann", "my.ipynb", len(NOTEBOOK))
    assert course.blobs.read(receipt.sha256) == NOTEBOOK
    assert answer.json()["page"] == f"/services/course/submissions/{receipt.submission}"
    assert Browser(app, "ann").get(f"submissions/{receipt.submission}").status_code == 200


def test_the_page_has_the_public_address_where_it_is_known(course):
    app = app_of(course, public_url="https://hub.example.edu/services/course/")
    page = Tool(app, "token of-ann").submit(NOTEBOOK).json()["page"]
    assert page.startswith("https://hub.example.edu/services/course/submissions/")


def test_asked_again_it_gives_the_same_receipt(app):
    ann = Tool(app, "token of-ann")
    first, again = ann.submit(NOTEBOOK), ann.submit(NOTEBOOK)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_refusals_are_sentences(app):
    ann = Tool(app, "token of-ann")
    empty = ann.submit(b"")
    assert (empty.status_code, "empty" in empty.json()["detail"]) == (409, True)
    unknown = ann.submit(NOTEBOOK, lab="nothing")
    assert (unknown.status_code, "no such lab" in unknown.json()["detail"]) == (404, True)


def test_many_that_wait_are_refused(app):
    ann = Tool(app, "token of-ann")
    statuses = [ann.submit(notebook(str(number))).status_code for number in range(6)]
    assert statuses == [201] * 5 + [409]


def test_the_progress_of_ones_own(app, course):
    ann, bob = Tool(app, "token of-ann"), Tool(app, "token of-bob")
    bob.submit(NOTEBOOK)
    ident = json.loads(ann.submit(NOTEBOOK).json()["receipt"])["submission"]
    asked = f"api/submissions/{ident}"
    waits = {"state": "waiting", "place": 1, "verdict": "", "score": None, "max_score": None}
    assert ann.get(asked).json() == waits
    grade_next(course)
    assert ann.get(asked).json()["place"] == 0
    jobs.lease(course, "worker-1", ["cpu"])
    assert ann.get(asked).json()["state"] == "grading"
    assert bob.get(asked).status_code == 404
    assert bob.get("api/submissions/" + "0" * 32).json() == bob.get(asked).json()


def test_a_file_is_given_to_who_handed_it_in_and_nobody_else(app):
    ann, bob = Tool(app, "token of-ann"), Tool(app, "token of-bob")
    ident = json.loads(ann.submit(NOTEBOOK).json()["receipt"])["submission"]
    (attempt,) = ann.get("api/labs/tiny/submissions").json()["submissions"]
    assert (attempt["submission"], attempt["number"]) == (ident, 1)
    assert ann.get(f"api/submissions/{ident}/file").content == NOTEBOOK
    assert bob.get("api/labs/tiny/submissions").json() == {"submissions": []}
    assert bob.get(f"api/submissions/{ident}/file").status_code == 404


def test_the_verdict_when_it_is_done(app, course):
    ann = Tool(app, "token of-ann")
    ident = json.loads(ann.submit(NOTEBOOK).json()["receipt"])["submission"]
    grade_next(course, 7.5)
    assert ann.get(f"api/submissions/{ident}").json() == {
        "state": "done", "place": 0, "verdict": "graded", "score": 7.5, "max_score": 10.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "authorization", ["", "token", "token nobody", "Basic of-ann", "of-ann", "token  "], ids=repr
)
def test_without_a_token_of_a_user_nothing_is_taken(app, course, authorization):
    answer = Tool(app, authorization).submit(NOTEBOOK)
    assert answer.status_code == 401
    assert "Hub Control Panel" in answer.json()["detail"]
    assert list(course.blobs.all()) == []


def test_a_cookie_is_no_token(app, course):
    answer = Browser(app, "ann").post("api/labs/tiny/submissions", content=NOTEBOOK)
    assert answer.status_code == 401
    assert list(course.blobs.all()) == []


def test_the_workers_token_is_refused(app, course):
    tool = Tool(app, f"Bearer {course.secret('worker')}")
    assert tool.submit(NOTEBOOK).status_code == 401
    assert tool.get("api/submissions/" + "0" * 32).status_code == 401
    for page in ("", "labs/tiny", "teach"):
        assert tool.get(page, headers={"Accept": "text/html"}).status_code == 302
