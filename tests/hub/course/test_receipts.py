"""Receipts cannot be made, changed or passed off by anyone but the course."""

import base64
import hmac
import json

import jwt
import kept_before
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

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
    [
        "",
        "[]",
        "null",
        "{}",
        "[" * 5000,
        "x" * 40_000,
        '{"kind": "introml receipt 1"}',
        '{"kind": "introml receipt 2"}',
        '{"kind": ["introml receipt 2"]}',
        "\ud800",
    ],
)
def test_what_is_no_receipt_is_refused_with_a_sentence(signer, text):
    with pytest.raises(ReceiptRefused, match="no receipt"):
        signer.read(text)


@pytest.mark.parametrize(
    ("field", "value"), [("number", "2"), ("number", True), ("jws", 5), ("jws", "é"), ("jws", "..")]
)
def test_fields_of_another_type_are_refused(signer, field, value):
    node = json.loads(signer.sign(RECEIPT)) | {field: value}
    with pytest.raises(ReceiptRefused):
        signer.read(json.dumps(node))


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "key"
    assert Signer.at(path).public_key == Signer.at(path).public_key
    assert path.stat().st_mode & 0o777 == 0o600


def parts_of(text):
    """Head, payload and signature of a receipt's JSON Web Signature, read by hand (RFC 7515)."""
    head, payload, signature = (
        base64.urlsafe_b64decode(part + "==") for part in json.loads(text)["jws"].split(".")
    )
    return json.loads(head), json.loads(payload), signature


def encoded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_jws(text, token):
    return json.dumps(json.loads(text) | {"jws": token})


def test_anyone_can_check_one_by_the_standards_alone(signer):
    """RFC 7515, 8037 and 8032, without the library that signed it."""
    text = signer.sign(RECEIPT)
    head, payload, signature = parts_of(text)
    assert head == {"alg": "EdDSA", "typ": "introml-receipt"}
    assert payload == vars(RECEIPT)
    known = json.loads(signer.public_key)
    assert (known["kty"], known["crv"]) == ("OKP", "Ed25519")
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(known["x"] + "="))
    key.verify(signature, json.loads(text)["jws"].rpartition(".")[0].encode())


def test_what_is_to_be_read_is_what_was_signed(signer):
    """The fields of one receipt around the signature of another: both signatures are genuine."""
    other = signer.sign(Receipt(**vars(RECEIPT) | {"person": "bob"}))
    with pytest.raises(ReceiptRefused, match="not this course's"):
        signer.read(with_jws(signer.sign(RECEIPT), json.loads(other)["jws"]))


def test_no_other_algorithm_is_taken(signer):
    """Nor "none", nor a secret that everyone knows: the public key, in each form it is told in."""
    text = signer.sign(RECEIPT)
    _, payload, _ = parts_of(text)
    key = jwt.PyJWK.from_json(signer.public_key).key
    raw = key.public_bytes_raw()
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secrets = [raw, pem, base64.b64encode(raw), signer.public_key.encode(),
               json.loads(signer.public_key)["x"].encode(), b""]  # fmt: skip
    forged = []
    for algorithm in ("none", "None", "NONE", "", None):
        head = {"alg": algorithm, "typ": "introml-receipt"}
        begin = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(payload).encode())}"
        forged += [f"{begin}.", begin]
    for algorithm, digest in (("HS256", "sha256"), ("HS512", "sha512"), ("EdDSA", "sha256")):
        head = {"alg": algorithm, "typ": "introml-receipt"}
        begin = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(payload).encode())}"
        for secret in secrets:
            forged.append(f"{begin}.{encoded(hmac.digest(secret, begin.encode(), digest))}")
    for token in forged:
        with pytest.raises(ReceiptRefused, match="not this course's"):
            signer.read(with_jws(text, token))


@pytest.mark.parametrize(
    "more",
    [{"typ": "JWT"}, {"jwk": "another"}, {"kid": "1"}, {"jku": "https://example.org"},
     {"crit": ["b64"], "b64": False}],
)  # fmt: skip
def test_a_head_that_says_more_is_refused_even_if_we_signed_it(signer, more):
    """A key that comes with the signature is nobody's, and another type is no receipt."""
    key = signer._key if "jwk" not in more else Ed25519PrivateKey.generate()
    if "jwk" in more:
        more = {"jwk": json.loads(Signer(key).public_key)}
    head = {"alg": "EdDSA", "typ": "introml-receipt"} | more
    begin = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(vars(RECEIPT)).encode())}"
    token = f"{begin}.{encoded(key.sign(begin.encode()))}"
    with pytest.raises(ReceiptRefused, match="not this course's"):
        signer.read(with_jws(signer.sign(RECEIPT), token))


@pytest.fixture
def before():
    """The signer of the receipt that an earlier introml made."""
    return Signer(Ed25519PrivateKey.from_private_bytes(kept_before.RECEIPT_KEY))


def test_a_receipt_of_before_is_still_genuine(before, signer):
    assert before.read(kept_before.RECEIPT) == RECEIPT
    assert verified(kept_before.RECEIPT.encode(), before.public_key) == RECEIPT
    with pytest.raises(ReceiptRefused, match="not this course's"):
        signer.read(kept_before.RECEIPT)


@pytest.mark.parametrize("field", [*vars(RECEIPT), "signature"])
def test_a_receipt_of_before_with_any_field_changed_is_refused(before, field):
    node = json.loads(kept_before.RECEIPT)
    node[field] = node[field] + (1 if isinstance(node[field], int) else "0")
    with pytest.raises(ReceiptRefused, match="not this course's"):
        before.read(json.dumps(node))


def test_neither_kind_passes_for_the_other(before):
    old, new = json.loads(kept_before.RECEIPT), json.loads(before.sign(RECEIPT))
    mixed = [
        old | {"kind": new["kind"]}, new | {"kind": old["kind"]},
        {key: new[key] for key in new if key != "jws"} | {"signature": old["signature"]},
        {key: old[key] for key in old if key != "signature"} | {"jws": new["jws"]},
        new | {"signature": old["signature"]},
    ]  # fmt: skip
    for node in mixed:
        with pytest.raises(ReceiptRefused, match="no receipt"):
            before.read(json.dumps(node))
    # The other kind's signature, under the name that this kind has for it.
    token = f"{new['jws'].rpartition('.')[0]}.{encoded(base64.b64decode(old['signature']))}"
    for node in (
        {key: old[key] for key in old if key != "kind"} | {"kind": old["kind"],
         "signature": base64.b64encode(parts_of(json.dumps(new))[2]).decode()},
        new | {"jws": token},
    ):  # fmt: skip
        with pytest.raises(ReceiptRefused, match="not this course's"):
            before.read(json.dumps(node))
