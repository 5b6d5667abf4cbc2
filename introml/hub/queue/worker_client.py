"""What a worker says to the submission service, over HTTP with the workers' token."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from introml.grader.student import unix_http

# A worker's log says what is graded, and not each question whether there is anything.
logging.getLogger("httpx").setLevel(logging.WARNING)

_LONGEST = 1 << 28
#: Answers that will be the same the next time. All others may come from a proxy that waits for the
#: service, or from a service that waits for its database.
_FINAL = (400, 413, 422)


class Away(Exception):
    """The service does not answer as it should: it, the network or its database is away."""


class Refused(Exception):
    """The service says that what it was sent is wrong, and would say so again."""


class LeaseLost(Exception):
    """The grading is not this worker's any more."""


@dataclass(frozen=True)
class Work:
    """A leased grading with the notebook's bytes. `token` is the one proof of the lease."""

    grading: int
    token: str
    submission: str
    lab: str
    seed: int
    sha256: str
    data: bytes
    tier: str


class ServiceClient:
    """The service at `url`. The token is read anew for each request: it may be changed any time."""

    def __init__(self, url: str, token_file: Path, timeout_s: float = 30.0) -> None:
        self._address, at = _worker_address(url)
        self._token_file = token_file
        self._http = httpx.Client(
            timeout=timeout_s,
            # The token is for this address alone: no redirect, no proxy or password from elsewhere.
            follow_redirects=False,
            trust_env=False,
            # Cookies of a proxy's are not kept either: each request is by itself.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            transport=httpx.HTTPTransport(
                uds=at,
                # The machine's authorities, where an institution's own is known too.
                verify=ssl.create_default_context(),
                trust_env=False,
                # Requests are few, and a proxy may close a connection that is kept just as it is
                # used.
                limits=httpx.Limits(max_keepalive_connections=0),
            ),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    def lease(
        self, worker: str, tiers: Sequence[str], labs: Sequence[str] | None = None
    ) -> Work | None:
        """The next grading, or None if there is none. Raises `Away`, `Refused`."""
        asked = {"worker": worker, "tiers": list(tiers)}
        node = self._ask("lease", asked if labs is None else asked | {"labs": list(labs)})
        if node is None:
            return None
        try:
            work = Work(
                grading=int(node["grading"]),
                token=str(node["token"]),
                submission=str(node["submission"]),
                lab=str(node["lab"]),
                seed=int(node["seed"]),
                sha256=str(node["sha256"]),
                data=base64.b64decode(node["data"], validate=True),
                tier=str(node.get("tier", "cpu")),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise Away(f"the service leased something that is no grading: {problem!r}") from problem
        if hashlib.sha256(work.data).hexdigest() != work.sha256:
            raise Away("the notebook was changed on its way; its sha256 is another one")
        return work

    def renew(self, work: Work) -> None:
        """Keep the lease for another while. Raises `LeaseLost`, `Away`, `Refused`."""
        self._ask("renew", {"grading": work.grading, "token": work.token})

    def report(self, work: Work, result: dict[str, Any]) -> None:
        """Hand the result in. Raises `LeaseLost`, `Away`, `Refused`."""
        self._ask("report", {"grading": work.grading, "token": work.token, "result": result})

    def hand_back(self, work: Work, why: str, *, tried: bool = True) -> None:
        """Give the work back undone; with `tried` false, this was no fault of grader or submission.

        Raises `LeaseLost`, `Away`, `Refused`.
        """
        said = {"grading": work.grading, "token": work.token, "why": why, "tried": tried}
        self._ask("hand-back", said)

    def seeds(self) -> dict[str, int]:
        """The seeds of the course's labs, by name. Raises `Away`, `Refused`."""
        node = self._ask("seeds")
        try:
            return {str(name): int(seed) for name, seed in _some(node).items()}
        except (AttributeError, TypeError, ValueError) as problem:
            raise Away(f"the service did not say its labs' seeds: {problem!r}") from problem

    def waiting(self) -> dict[str, int]:
        """How many gradings wait, by tier. Raises `Away`, `Refused`."""
        node = self._ask("waiting")
        try:
            return {tier: int(_some(node)[tier]) for tier in ("cpu", "cuda")}
        except (KeyError, TypeError, ValueError) as problem:
            raise Away(f"the service did not say what waits: {problem!r}") from problem

    def _ask(self, what: str, said: dict[str, Any] | None = None) -> dict[str, Any] | None:
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise Away(f"the workers' token cannot be read: {problem}") from problem
        headers = {"Authorization": f"Bearer {token}"}
        body = None
        if said is not None:
            body = json.dumps(said).encode("ascii")
            headers["Content-Type"] = "application/json"
        method, address = "GET" if said is None else "POST", self._address.join(what)
        try:
            with self._http.stream(method, address, headers=headers, content=body) as answer:
                content = _read(answer)
        except (httpx.HTTPError, OSError, ValueError) as problem:
            raise Away(f"{type(problem).__name__}: {problem}") from problem
        return _understood(answer.status_code, content)


def _worker_address(url: str) -> tuple[httpx.URL, str | None]:
    """Where workers ask, of the service at `url`, and by which socket. Raises `ValueError`."""
    try:
        parts = urlsplit(url)
        at = unix_http.path_of(parts) if parts.scheme == unix_http.SCHEME else None
        good = (
            parts.scheme in ("http", "https", unix_http.SCHEME)
            and parts.hostname
            and not parts.query
        )
        address = good and httpx.URL(
            scheme="http" if at else parts.scheme,
            host="localhost" if at else parts.hostname,
            port=None if at else parts.port,
            path=parts.path.rstrip("/") + "/worker/",
        )
    except (httpx.InvalidURL, ValueError):
        address = None
    if not address:
        raise ValueError(
            f"the service's address is {url!r}; it must be like "
            "https://hub.example.edu/services/course/"
        )
    return address, at


def _some(node: dict[str, Any] | None) -> dict[str, Any]:
    if node is None:
        raise TypeError("nothing was said")
    return node


def _read(answer: httpx.Response) -> bytes:
    """The body as it came. Raises `ValueError` if it has no end."""
    content = bytearray()
    for part in answer.iter_raw():
        content += part
        if len(content) > _LONGEST:
            raise ValueError(f"the answer has more than {_LONGEST} bytes")
    return bytes(content)


def _understood(status: int, content: bytes) -> dict[str, Any] | None:
    if status == 204:
        return None
    if status == 409:
        raise LeaseLost("this grading was given to another worker, or is done")
    if status != 200:
        words = f"the service answers {status}: {content[:300].decode(errors='replace')}"
        raise Refused(words) if status in _FINAL else Away(words)
    try:
        node = json.loads(content)
    except (ValueError, RecursionError):
        raise Away("the service's answer is no JSON") from None
    if not isinstance(node, dict):
        raise Away("the service's answer is no object")
    return node
