"""Passwords, kept as salted argon2id hashes (RFC 9106); those kept by scrypt before still hold."""

from __future__ import annotations

import base64
import hashlib
import hmac

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError

SHORTEST = 10
LONGEST = 1000
#: One pass over 64 MiB by one thread: more than OWASP asks (46 MiB), at what scrypt cost before.
_HASHER = PasswordHasher(time_cost=1, memory_cost=1 << 16, parallelism=1)
#: A hash of no password: what is worked on where there is none, so that it takes as long.
_NOBODYS = f"$argon2id$v=19$m={1 << 16},t=1,p=1${'A' * 22}${'A' * 43}"
#: What `scrypt` was given when hashes were still made by it (RFC 7914).
_SCRYPT_COST = {"n": 2**15, "r": 8, "p": 1}
_SCRYPT_MEMORY = 64 << 20
SCRYPT = "scrypt$"


def hashed(password: str) -> str:
    """A hash of it with its own salt and costs in it. Raises `ValueError` if it is too short."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(
            f"the password has {len(password)} characters; use {SHORTEST} or more, "
            f"{LONGEST} at most"
        )
    return _HASHER.hash(_raw(password))


def matches(password: str, kept: str, *, scrypt_too: bool = False) -> bool:
    """Whether it is the password that was hashed. Takes as long for "" and for nonsense.

    A hash by scrypt costs one of scrypt beside one of argon2id. `scrypt_too` spends both on any
    other as well: so nobody can tell from the time whose password is still kept in the old way.
    """
    raw = _raw(password[:LONGEST])
    good = _by_argon2(raw, kept)
    if scrypt_too or kept.startswith(SCRYPT):
        good |= _by_scrypt(raw, kept)
    return good and len(password) <= LONGEST


def is_outdated(kept: str) -> bool:
    """Whether a password that matches this hash should be hashed anew: other costs, or scrypt."""
    return kept.startswith(SCRYPT) or _HASHER.check_needs_rehash(kept)


def _by_argon2(raw: bytes, kept: str) -> bool:
    for one in (kept, _NOBODYS):
        try:
            return _HASHER.verify(one, raw) and one is not _NOBODYS
        except VerifyMismatchError:
            return False
        except (ValueError, VerificationError):
            continue  # it is no hash, and nothing was worked on yet
    return False


def _by_scrypt(raw: bytes, kept: str) -> bool:
    try:
        kind, n, r, p, *parts = kept.split("$")
        known = kind == "scrypt" and {"n": int(n), "r": int(r), "p": int(p)} == _SCRYPT_COST
        salt, wanted = map(base64.b64decode, parts)
    except ValueError:
        known, salt, wanted = False, b"nobody's", b""
    found = hashlib.scrypt(raw, salt=salt, maxmem=_SCRYPT_MEMORY, dklen=32, **_SCRYPT_COST)
    return hmac.compare_digest(found, wanted) and known


def _raw(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
