"""Checking a receipt: genuine, changed, forged, someone else's, of what is gone."""

import html
import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from served import Browser, app_of

from introml.hub.course.models import Submission
from introml.hub.course.receipts import Signer
from introml.hub.grades.submissions import hand_in


@pytest.fixture
def app(sqlite_course):
    return app_of(sqlite_course)


@pytest.fixture
def receipt(sqlite_course):
    return hand_in(sqlite_course, "ann", sqlite_course.labs["tiny"], "tiny.ipynb", b"{}").receipt


def check(app, text, who="ann"):
    """What the page says of a receipt."""
    answer = Browser(app, who).send_form("receipts", files={"receipt": ("r.json", text)})
    assert answer.status_code == 200
    said = re.search(r'<div class="note.*?</div>', answer.text, re.S)[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", said)).split())


def test_ones_own(app, receipt):
    said = check(app, receipt)
    assert "Genuine, and what was handed in is here." in said
    assert "not your receipt" not in said


def test_someone_elses_is_said_to_be_theirs(app, receipt):
    said = check(app, receipt, "bob")
    assert "Genuine" in said
    assert "It is not your receipt: it is that of ann." in said


@pytest.mark.parametrize(
    ("field", "value"),
    [("person", "bob"), ("submitted_at", "2020-01-01T00:00:00+00:00"), ("sha256", "0" * 64),
     ("number", 7), ("jws", "AAAA"), ("jws", "")],
)  # fmt: skip
def test_a_changed_one_is_not_genuine(app, receipt, field, value):
    changed = json.dumps(json.loads(receipt) | {field: value})
    assert check(app, changed).startswith("Not genuine.")


def test_one_signed_by_another_key_is_not_genuine(app, receipt, sqlite_course):
    forged = Signer(Ed25519PrivateKey.generate()).sign(sqlite_course.signer.read(receipt))
    assert check(app, forged).startswith("Not genuine.")


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff\xfe", b"[" * 9000, b"x" * 20_000])
def test_what_is_no_receipt(app, text):
    assert "This is no receipt" in check(app, text)


def test_a_genuine_one_of_a_submission_that_is_gone(app, receipt, sqlite_course):
    with sqlite_course.database.writing() as session:
        session.delete(session.get_one(Submission, json.loads(receipt)["submission"]))
    assert "not in the course's database" in check(app, receipt)


def test_a_genuine_one_that_the_database_contradicts(app, receipt, sqlite_course):
    with sqlite_course.database.writing() as session:
        session.get_one(Submission, json.loads(receipt)["submission"]).number = 5
    assert "says something else" in check(app, receipt)


def test_a_genuine_one_whose_file_is_damaged(app, receipt, sqlite_course):
    (path,) = sqlite_course.blobs.folder.glob("*/*")
    path.write_bytes(b"changed")
    assert "missing or damaged" in check(app, receipt)


def test_the_page_tells_the_public_key(app, sqlite_course):
    page = html.unescape(Browser(app, "ann").get("receipts").text)
    assert f"{sqlite_course.signer.public_key}</span>" in page
