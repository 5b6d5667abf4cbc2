"""Receipts: what was handed in, by whom, when, signed so that nobody can make or change one.

A receipt is a small JSON file: its fields, for people to read, and `jws`, a JSON Web Signature
(RFC 7515, with Ed25519 by RFC 8037) that holds the same. The public half of the key is on the
service's page, so anyone can check one without trusting anyone.

Receipts of the first kind, whose bare signature is over their other fields, are still read. The key
is the same one, and neither kind can pass for the other: what is signed begins with "{" in the
first kind, and with "ey" in a JSON Web Signature.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from introml.hub.course.secret_files import made_once

_FIRST_KIND = "introml receipt 1"
_KIND = "introml receipt 2"
_LONGEST = 30_000
_ALGORITHM = "EdDSA"
#: All that the head of a signature may say: no other algorithm, and no key that it brings along.
_HEAD = {"alg": _ALGORITHM, "typ": "introml-receipt"}
_JWS = jwt.PyJWS(algorithms=[_ALGORITHM])


class ReceiptRefused(Exception):
    """This is no receipt of this course; the text says what is wrong with it."""


@dataclass(frozen=True)
class Receipt:
    """`submission` names it in the course's database; `submitted_at` is ISO 8601 in UTC."""

    course: str
    submission: str
    person: str
    lab: str
    number: int
    file_name: str
    sha256: str
    size: int
    submitted_at: str


class Signer:
    """Signs receipts, and checks them. The key lies in a file that only its owner can read."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def at(cls, path: Path) -> Signer:
        """The signer with the key in that file, which is made if it is not there."""
        raw = made_once(path, lambda: Ed25519PrivateKey.generate().private_bytes_raw())
        return cls(Ed25519PrivateKey.from_private_bytes(raw))

    @property
    def public_key(self) -> str:
        """The public half as a JSON Web Key (RFC 8037)."""
        x = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw())
        return json.dumps({"kty": "OKP", "crv": "Ed25519", "x": x.decode("ascii").rstrip("=")})

    def sign(self, receipt: Receipt) -> str:
        """The receipt as the text of a file."""
        told = asdict(receipt)
        payload = json.dumps(told).encode("ascii")
        token = _JWS.encode(payload, self._key, _ALGORITHM, headers=_HEAD)
        return (
            json.dumps({"kind": _KIND, **told, "jws": token}, indent=1, ensure_ascii=False) + "\n"
        )

    def read(self, text: str | bytes) -> Receipt:
        """The receipt in a file. Raises `ReceiptRefused`."""
        return _verified(text, self._key.public_key())


def verified(text: str | bytes, public_key: str) -> Receipt:
    """The receipt in a file, if signed with that key's other half. Raises `ReceiptRefused`."""
    return _verified(text, jwt.PyJWK.from_json(public_key).key)


def _verified(text: str | bytes, key: Ed25519PublicKey) -> Receipt:
    node = _object(text)
    kind = node.pop("kind", None)
    if kind not in (_FIRST_KIND, _KIND):
        raise _no_receipt()
    signature = node.pop("jws" if kind == _KIND else "signature", None)
    receipt = _receipt(node)
    if not isinstance(signature, str):
        raise _no_receipt()
    try:
        if kind == _KIND:
            signed = _JWS.decode_complete(signature, key, [_ALGORITHM])
            genuine = signed["header"] == _HEAD and _receipt(_object(signed["payload"])) == receipt
        else:
            key.verify(base64.b64decode(signature, validate=True), _signed_before(receipt))
            genuine = True
    except (InvalidSignature, jwt.PyJWTError, ReceiptRefused, ValueError):
        genuine = False
    if not genuine:
        raise ReceiptRefused(
            "The signature is not this course's: the receipt was changed, or made by someone else."
        )
    return receipt


def _signed_before(receipt: Receipt) -> bytes:
    """What the signature of a receipt of the first kind is over."""
    node = {"kind": _FIRST_KIND, **asdict(receipt)}
    return json.dumps(node, sort_keys=True, separators=(",", ":")).encode("ascii")


def _object(text: str | bytes) -> dict[str, Any]:
    if len(text) > _LONGEST:
        raise _no_receipt()
    try:
        node = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_receipt() from None
    if not isinstance(node, dict):
        raise _no_receipt()
    return node


def _receipt(node: dict[str, Any]) -> Receipt:
    kinds = Receipt.__annotations__
    if node.keys() != kinds.keys():
        raise _no_receipt()
    if any(type(node[key]).__name__ != kind for key, kind in kinds.items()):
        raise _no_receipt()
    return Receipt(**node)


def _no_receipt() -> ReceiptRefused:
    return ReceiptRefused("This is no receipt. Choose the file that you got when you handed in.")
