"""Passwords, kept as salted scrypt hashes (RFC 7914)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

SHORTEST = 10
_LONGEST = 1000
_COST = {"n": 2**15, "r": 8, "p": 1}
_MEMORY = 64 << 20


def hashed(password: str) -> str:
    """A hash of it with its own salt and costs in it. Raises `ValueError` if it is too short."""
    if not SHORTEST <= len(password) <= _LONGEST:
        raise ValueError(f"the password has {len(password)} characters; use {SHORTEST} or more")
    salt = secrets.token_bytes(16)
    return "$".join(
        ("scrypt", *(str(x) for x in _COST.values()), _text(salt), _text(_scrypt(password, salt)))
    )


def matches(password: str, kept: str) -> bool:
    """Whether it is the password that was hashed. Takes as long for "" and for nonsense."""
    try:
        kind, n, r, p, salt, wanted = kept.split("$")
        known = kind == "scrypt" and {"n": int(n), "r": int(r), "p": int(p)} == _COST
        salt, wanted = base64.b64decode(salt), base64.b64decode(wanted)
    except ValueError:
        known, salt, wanted = False, b"nobody's", b""
    found = _scrypt(password[:_LONGEST], salt)
    return hmac.compare_digest(found, wanted) and known


def _scrypt(password: str, salt: bytes) -> bytes:
    raw = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(raw, salt=salt, maxmem=_MEMORY, dklen=32, **_COST)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
