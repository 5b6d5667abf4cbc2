"""Receipts: what was handed in, by whom, when, signed so that nobody can make or change one.

A receipt is a small JSON file. Its signature is Ed25519 (RFC 8032) over all its other fields; the
public half of the key is on the service's page, so anyone can check one without trusting anyone.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from introml.hub.course.secret_files import made_once

_KIND = "introml receipt 1"
_LONGEST = 10_000


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
        """The public half, in base64."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode("ascii")

    def sign(self, receipt: Receipt) -> str:
        """The receipt as the text of a file."""
        signature = base64.b64encode(self._key.sign(_signed(receipt))).decode("ascii")
        node = {"kind": _KIND, **asdict(receipt), "signature": signature}
        return json.dumps(node, indent=1, ensure_ascii=False) + "\n"

    def read(self, text: str | bytes) -> Receipt:
        """The receipt in a file. Raises `ReceiptRefused`."""
        return verified(text, self.public_key)


def verified(text: str | bytes, public_key: str) -> Receipt:
    """The receipt in a file, if signed with that key's other half. Raises `ReceiptRefused`."""
    node = _node(text)
    signature = node.pop("signature")
    receipt = Receipt(**{key: value for key, value in node.items() if key != "kind"})
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    try:
        key.verify(base64.b64decode(signature, validate=True), _signed(receipt))
    except (InvalidSignature, ValueError):
        raise ReceiptRefused(
            "The signature is not this course's: the receipt was changed, or made by someone else."
        ) from None
    return receipt


def _signed(receipt: Receipt) -> bytes:
    node = {"kind": _KIND, **asdict(receipt)}
    return json.dumps(node, sort_keys=True, separators=(",", ":")).encode("ascii")


def _node(text: str | bytes) -> dict[str, Any]:
    wrong = ReceiptRefused("This is no receipt. Choose the file that you got when you handed in.")
    if len(text) > _LONGEST:
        raise wrong
    try:
        node = json.loads(text)
    except (ValueError, RecursionError):
        raise wrong from None
    kinds = Receipt.__annotations__ | {"kind": "str", "signature": "str"}
    if not isinstance(node, dict) or node.keys() != kinds.keys() or node["kind"] != _KIND:
        raise wrong
    if any(type(node[key]).__name__ != kind for key, kind in kinds.items()):
        raise wrong
    return node
