"""What a student has handed in, back from the course's service."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from introml.grader.student.hand_in import NoAnswer, NotHandedIn, Service

#: Bytes of a file that are read; no course takes so many.
_LARGEST = 200_000_000


class NotFetched(Exception):
    """The service did not say, or did not give, what was handed in; the text says why."""


@dataclass(frozen=True)
class LastHandIn:
    """The newest attempt at a lab: its number, when it was handed in, and the file's bytes."""

    number: int
    submitted_at: datetime
    data: bytes


def last_hand_in(lab: str, environment: Mapping[str, str] = os.environ) -> LastHandIn | None:
    """The student's newest attempt at a lab, None if there is none. Raises `NotFetched`."""
    try:
        service = Service(environment)
        attempts = _json(service, *service.get(f"api/labs/{quote(lab, safe='')}/submissions"))
        if not attempts["submissions"]:
            return None
        newest = attempts["submissions"][-1]
        if not re.fullmatch(r"[0-9a-f]{1,64}", newest["submission"]):
            raise ValueError
        status, data = service.get(f"api/submissions/{newest['submission']}/file", _LARGEST)
        if status != 200:
            _json(service, status, data)
        if hashlib.sha256(data).hexdigest() != newest["sha256"]:
            raise ValueError
        return LastHandIn(
            int(newest["number"]), datetime.fromisoformat(newest["submitted_at"]), data
        )
    except NotHandedIn as problem:
        raise NotFetched(str(problem)) from None
    except NoAnswer:
        raise NotFetched("The course's service does not answer. Try again in a minute.") from None
    except (KeyError, TypeError, ValueError):
        raise NotFetched("The course's service answered something else than asked for.") from None


def _json(service: Service, status: int, body: bytes) -> dict[str, Any]:
    """The answer. Raises `NotFetched` with the service's own words, or `ValueError`."""
    node = json.loads(body)
    if status != 200:
        ours = f"The course's service refused it (status {status}). Tell your teacher."
        raise NotFetched(service.said(body) or ours)
    return node
