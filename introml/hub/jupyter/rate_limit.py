"""How often something may be tried: a rate for each key, in memory that doesn't grow."""

from __future__ import annotations

import hashlib
import secrets
import time
from array import array

#: Keys are spread over so many places by a secret hash, so nobody can aim at another's place.
_PLACES = 1 << 16


class RateLimit:
    """For each key `burst` tries at once, and after that one more every `seconds`.

    It keeps one number for a place (the generic cell rate algorithm). Two keys that share a place
    share its tries, which is rare, and no key can be pushed out by a flood of others.
    """

    def __init__(self, burst: int, seconds: float) -> None:
        self.burst = burst
        self.seconds = seconds
        self._secret = secrets.token_bytes(16)
        self._used_up_until = array("d", bytes(8 * _PLACES))

    def take(self, key: str, at: float | None = None) -> bool:
        """Use one try up. False if there is none left: then nothing is used up."""
        at = time.monotonic() if at is None else at
        place = self._place(key)
        until = max(self._used_up_until[place], at)
        if until - at > (self.burst - 1) * self.seconds:
            return False
        self._used_up_until[place] = until + self.seconds
        return True

    def give_back(self, key: str) -> None:
        """Undo one `take`: that try was a good one."""
        self._used_up_until[self._place(key)] -= self.seconds

    def _place(self, key: str) -> int:
        raw = key.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(raw, key=self._secret, digest_size=2).digest(), "big")
