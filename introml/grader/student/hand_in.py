"""Handing a notebook in from where a student works: the saved file goes to the course's service.

The service's address and the student's token are in the environment that JupyterHub makes. The
answer is believed as far as it fits what was sent, is bounded in size and time, and is never shown
with the token in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from introml.grader.notebook import (
    MAX_BYTES,
    Invalid,
    NotReleased,
    Refused,
    Released,
    find,
    raw_cells,
    read_submission,
    released_from,
    too_big,
    uploads,
)
from introml.grader.student.unix_http import SCHEME, UnixConnection, path_of
from introml.grader.text import one_line

ADDRESS, TOKEN = "INTROML_SUBMIT_URL", "JUPYTERHUB_API_TOKEN"
#: Seconds that one try may take, whatever the other side does, and pauses before further tries.
_TRY_S = 20.0
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
#: Bytes of an answer that are read.
_LONGEST = 100_000
#: The service, or the proxy before it, is not there at the moment.
_NOT_NOW = (502, 503, 504)
_HARMLESS_TOKEN = re.compile(r"[\x21-\x7e]{1,1000}")
_KINDS = {"submission": str, "lab": str, "number": int, "sha256": str, "submitted_at": str}


class NotHandedIn(Exception):
    """Nothing was handed in, as far as is known; the text tells the student why, and what to do."""


class NoAnswer(Exception):
    """The service did not answer this time; it may the next."""


@dataclass(frozen=True)
class Notebook:
    """A saved notebook of a lab, read once: these bytes are looked at, and these are sent."""

    path: Path
    data: bytes
    saved_at: datetime
    released: Released
    #: What grading would remark on the notebook's cells, and the answer cells that are missing.
    remarks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def age(self, at: datetime) -> str:
        """How long ago it was saved: "just now", "12 minutes ago"."""
        seconds = (at - self.saved_at).total_seconds()
        for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
            if seconds >= length:
                count = int(seconds // length)
                return f"{count} {unit}{'s' if count > 1 else ''} ago"
        return "just now"


@dataclass(frozen=True)
class HandedIn:
    """What the service answered. `receipt` is the text of a file, `address` the page's."""

    receipt: str
    address: str
    lab: str
    number: int
    sha256: str
    submitted_at: str

    @property
    def words(self) -> str:
        """ "Handed in: attempt 3, 2027-01-11 11:32:05 CET, SHA-256 3f9c51d0…": by this clock."""
        at = datetime.fromisoformat(self.submitted_at).astimezone()
        when = f"{at:%Y-%m-%d %H:%M:%S %Z}"
        return f"Handed in: attempt {self.number}, {when}, SHA-256 {self.sha256[:12]}…"


def can_hand_in(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a server of a course's hub."""
    return bool(environment.get(ADDRESS))


def notebook_to_hand_in(path: Path) -> Notebook:
    """The saved notebook. Raises `NotHandedIn` for what no grader could read."""
    path = Path(os.path.abspath(path))
    try:
        content = uploads.read(path)
        saved_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as problem:
        raise NotHandedIn(f"{path.name} cannot be read: {problem.strerror}.") from None
    if content.refused:
        raise NotHandedIn(f"{path.name}: {content.refused}")
    try:
        if len(content.data) > MAX_BYTES:
            raise Refused(too_big(path.stat().st_size))
        released = released_from(raw_cells(content.data)[1])
    except (Refused, NotReleased) as problem:
        raise NotHandedIn(f"{path.name}: {problem}") from None
    read = read_submission(content.data, released)
    if isinstance(read, Invalid):
        raise NotHandedIn(f"{path.name}: {read.message}")
    advice = find(read.cells, released.forbidden).advice()
    remarks = (*read.notes, *advice)
    return Notebook(path, content.data, saved_at, released, remarks, read.missing)


def hand_in(
    notebook: Notebook,
    environment: Mapping[str, str] = os.environ,
    pauses: tuple[float, ...] = _PAUSES,
    try_s: float = _TRY_S,
) -> HandedIn:
    """Send it, again and again while the service is not there. Raises `NotHandedIn`.

    To send the same bytes twice is safe: the service takes them as one submission.
    """
    service = Service(environment, try_s)
    for pause in (*pauses, None):
        try:
            status, body = service.post(notebook)
            if status in (200, 201):
                return service.handed_in(body, notebook)
            if status not in _NOT_NOW:
                raise NotHandedIn(service.refusal(status, body))
        except NoAnswer:
            pass
        if pause is not None:
            time.sleep(pause)
    raise NotHandedIn(
        "The course's service does not answer. Your notebook is as it was; hand it in again in a "
        "minute. If it was handed in after all, that costs no attempt."
    )


def keep_receipt(notebook: Path, handed_in: HandedIn) -> Path:
    """Write the receipt beside the notebook, over no other file. Raises `OSError`."""
    stem = f"{notebook.stem}.receipt-{handed_in.number}"
    for name in (stem, *(f"{stem}-{again}" for again in range(2, 1000))):
        path = notebook.with_name(f"{name}.json")
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(handed_in.receipt)
            return path
        except FileExistsError:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if path.is_file() and path.read_text(encoding="utf-8") == handed_in.receipt:
                    return path
    raise FileExistsError(17, "there are a thousand receipts of this attempt")


class Service:
    """The course's service as one student's server knows it."""

    def __init__(self, environment: Mapping[str, str], try_s: float = _TRY_S) -> None:
        address, self._token = environment.get(ADDRESS, ""), environment.get(TOKEN, "")
        if not address or not self._token:
            raise NotHandedIn(
                "This is not a server of a course's JupyterHub: "
                f"{TOKEN if address else ADDRESS} is not set. Open the notebook in your course's "
                "JupyterLab and hand it in there, or upload the file on the course's page."
            )
        if not _HARMLESS_TOKEN.fullmatch(self._token):
            raise NotHandedIn(f"What is in {TOKEN} is no token. {_RESTART}")
        self._try_s = try_s
        parts = _web_address(address, (SCHEME, "http", "https"))
        if parts is None or not re.fullmatch(r"/[\x21-\x7e]*", parts.path or "/"):
            raise NotHandedIn(f"{ADDRESS} is {address!r}; it must be an http or https address.")
        self._parts = parts
        self._path = (parts.path or "/").rstrip("/") + "/"
        public = _web_address(environment.get("JUPYTERHUB_PUBLIC_HUB_URL", ""))
        self._public = f"{public.scheme}://{public.netloc}" if public else ""

    def post(self, notebook: Notebook) -> tuple[int, bytes]:
        """Status and body of the answer to the notebook. Raises `NoAnswer`."""
        lab = quote(notebook.released.name, safe="")
        path = f"api/labs/{lab}/submissions?file_name={_name_for_url(notebook.path)}"
        return self._ask("POST", path, notebook.data, {"Content-Type": "application/x-ipynb+json"})

    def get(self, path: str, longest: int = _LONGEST) -> tuple[int, bytes]:
        """Status and body, of which one byte more than `longest` is read. Raises `NoAnswer`."""
        return self._ask("GET", path, None, {}, longest)

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes | None,
        headers: dict[str, str],
        longest: int = _LONGEST,
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"token {self._token}", "Accept": "application/json", **headers}
        connection = self._connection()
        over = threading.Event()
        watch = None
        try:
            connection.connect()
            # A socket's time-out is for each wait; the watch ends also a peer that drips.
            watch = threading.Timer(self._try_s, _cut_off, [connection.sock, over])
            watch.daemon = True
            watch.start()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # One that refuses may answer, and hang up, before it has it all.
                connection.request(method, f"{self._path}{path}", data, headers)
            answer = connection.getresponse()
            body = answer.read(longest + 1)
            if over.is_set() or (answer.length and len(body) <= longest):
                raise NoAnswer  # a part of an answer
            return answer.status, body
        except ssl.SSLCertVerificationError as problem:
            raise NotHandedIn(
                "The course's service shows a certificate that is not trusted here "
                f"({problem.verify_message}). Tell your teacher."
            ) from None
        except (OSError, http.client.HTTPException, ValueError):
            raise NoAnswer from None
        finally:
            if watch is not None:
                watch.cancel()
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._parts.scheme == SCHEME:
            return UnixConnection(path_of(self._parts), self._try_s / 2)
        secure = self._parts.scheme != "http"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=self._try_s / 2)

    def handed_in(self, body: bytes, notebook: Notebook) -> HandedIn:
        """The answer, if it is the receipt of these bytes. Raises `NotHandedIn`."""
        odd = NotHandedIn(
            "The course's service answered something that is no receipt of this notebook. Look on "
            "the course's page whether it was handed in, and tell your teacher."
        )
        node = _json(body)
        receipt, page = node.get("receipt"), node.get("page")
        if not isinstance(receipt, str) or not isinstance(page, str):
            raise odd
        told = _json(receipt.encode("utf-8", "replace"))
        if self._token in receipt + page or not _is_utf8(receipt):
            raise odd
        if any(type(told.get(key)) is not kind for key, kind in _KINDS.items()):
            raise odd
        sent = hashlib.sha256(notebook.data).hexdigest()
        if (told["sha256"], told["lab"]) != (sent, notebook.released.name):
            raise odd
        if not 0 < told["number"] < 1_000_000 or not _is_moment(told["submitted_at"]):
            raise odd
        address = self._page(page)
        if address is None:
            raise odd
        return HandedIn(receipt, address, told["lab"], told["number"], sent, told["submitted_at"])

    def _page(self, page: str) -> str | None:
        """The page's address as a browser reaches it, if it is one of the service's own.

        A path, so that it is found wherever the hub is; in full where the hub says its address.
        """
        parts = _web_address(page)
        path = parts.path if parts is not None else page
        if not re.fullmatch(r"[/\w.~-]+", path, re.ASCII) or not path.startswith(self._path):
            return None
        return f"{self._public}{path}"

    def said(self, body: bytes) -> str:
        """The service's own sentence on why it refuses; empty where it sent none."""
        detail = _json(body).get("detail")
        return one_line(detail.replace(self._token, "…"), 600) if isinstance(detail, str) else ""

    def refusal(self, status: int, body: bytes) -> str:
        """The service's own sentence; one of ours where it sent none."""
        if words := self.said(body):
            return words
        if status in (401, 403):
            return f"The course's service does not know you. {_RESTART}"
        if status == 413:
            return (
                "The file is too large for the course's service. Clear the notebook's outputs "
                "(Edit, Clear Outputs of All Cells), save, and hand in again."
            )
        if status == 404:
            return (
                f"The course's service has no such lab, or is not at {ADDRESS}. Tell your teacher."
            )
        return f"The course's service refused the file (status {status}). Tell your teacher."


_RESTART = (
    "Stop your server and start it again (File, Hub Control Panel, Stop My Server), then hand in "
    "again."
)


def _web_address(text: str, schemes: tuple[str, ...] = ("http", "https")) -> SplitResult | None:
    """The parts of an address of one of these kinds, or None."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if good else None


def _cut_off(connected: socket.socket, over: threading.Event) -> None:
    over.set()
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _name_for_url(path: Path) -> str:
    return quote(path.name.encode("utf-8", "replace")[-200:], safe="")


def _json(raw: bytes) -> dict[str, Any]:
    """The object that it is, or an empty one."""
    if len(raw) > _LONGEST:
        return {}
    try:
        node = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return node if isinstance(node, dict) else {}


def _is_moment(text: str) -> bool:
    """Whether it is ISO 8601 with an offset, of a year that every clock can show."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    return text.isascii() and at.tzinfo is not None and 1970 < at.year < 9999


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
