"""Receipts cannot be made, changed or passed off by anyone but the course."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from introml.hub.course.receipts import Receipt, ReceiptRefused, Signer, verified

RECEIPT = Receipt(
    "Course", "ab" * 16, "ann", "tiny", 2, "töny.ipynb", "cd" * 32, 123, "2027-01-01T00:00:00+00:00"
)


@pytest.fixture
def signer(tmp_path):
    return Signer.at(tmp_path / "key")


def test_a_receipt_can_be_read_back_by_anyone_with_the_public_key(signer):
    text = signer.sign(RECEIPT)
    assert verified(text, signer.public_key) == RECEIPT
    assert signer.read(text.encode()) == RECEIPT


@pytest.mark.parametrize("field", list(vars(RECEIPT)))
def test_a_receipt_with_any_field_changed_is_refused(signer, field):
    node = json.loads(signer.sign(RECEIPT))
    node[field] = node[field] + (1 if isinstance(node[field], int) else "0")
    with pytest.raises(ReceiptRefused, match="not this course's"):
        signer.read(json.dumps(node))


def test_a_receipt_signed_by_another_key_is_refused(signer):
    forged = Signer(Ed25519PrivateKey.generate()).sign(RECEIPT)
    with pytest.raises(ReceiptRefused, match="not this course's"):
        signer.read(forged)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", "[" * 5000, "x" * 20_000, '{"kind": "introml receipt 1"}', "\ud800"],
)
def test_what_is_no_receipt_is_refused_with_a_sentence(signer, text):
    with pytest.raises(ReceiptRefused, match="no receipt"):
        signer.read(text)


@pytest.mark.parametrize(
    ("field", "value"), [("number", "2"), ("number", True), ("signature", 5), ("signature", "é")]
)
def test_fields_of_another_type_are_refused(signer, field, value):
    node = json.loads(signer.sign(RECEIPT)) | {field: value}
    with pytest.raises(ReceiptRefused):
        signer.read(json.dumps(node))


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "key"
    assert Signer.at(path).public_key == Signer.at(path).public_key
    assert path.stat().st_mode & 0o777 == 0o600
