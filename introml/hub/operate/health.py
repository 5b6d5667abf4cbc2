"""Whether a course's hub runs and answers, for whoever sits at its machine."""

from __future__ import annotations

import contextlib
import fcntl
import json
import ssl
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from introml.hub.course import Course, HubSettings, State, health_file, now

#: Seconds for an answer on this machine.
_PATIENCE_S = 5.0
#: After which time what the service has said of itself is old.
_OLD = timedelta(seconds=90)


def parts_of(course: Course) -> State:
    """Whether the hub, its proxy and the course's service run, and what the service says."""
    if not is_running(course):
        return State((), ("the hub is not running on this machine; start it: make hub",))
    hub, lines, worries = _as_started(course), ["the hub is running"], []
    asked = {
        "hub": f"{local_url(hub)}hub/health",
        "service": f"{local_url(hub)}services/course/health",
    }
    said = {name: answer(url, urlsplit(hub.url).netloc) for name, url in asked.items()}
    lines.append(f"people reach it at {hub.url}")
    if said["hub"] == said["service"] == 0:
        worries.append(f"the hub's proxy does not answer at {local_url(hub)}; hub.log says more")
    else:
        for name, called in (("hub", "JupyterHub"), ("service", "the course's service")):
            if said[name] != 200:
                worries.append(
                    f"{called} does not answer (status {said[name]} behind the proxy); hub.log "
                    "says more"
                )
    try:
        node = json.loads(health_file(course).read_text(encoding="utf-8"))
        age = now() - datetime.fromisoformat(node["at"])
    except (OSError, ValueError, KeyError, TypeError):
        worries.append("the course's service has not said yet how it is; ask again in a minute")
        return State(tuple(lines), tuple(worries))
    if age > _OLD:
        minutes = int(age.total_seconds() // 60)
        worries.append(f"the course's service has not said for {minutes} minutes how it is")
    else:
        lines += node["lines"]
        worries += node["worries"]
    return State(tuple(lines), tuple(worries))


def started_file(course: Course) -> Path:
    """Where a start writes what it chose: it may listen elsewhere than the settings say."""
    return course.folder / "started.json"


def _as_started(course: Course) -> HubSettings:
    try:
        chosen = json.loads(started_file(course).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        chosen = {}
    known = {key: chosen[key] for key in ("address", "port") if key in chosen}
    return course.hub_settings(**known)


def local_url(hub: HubSettings) -> str:
    """The hub's address as seen from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(hub.address, hub.address)
    host = f"[{host}]" if ":" in host and "[" not in host else host
    return f"http{'s' * bool(hub.ssl_cert)}://{host}:{hub.port}{hub.base_url}"


def answer(url: str, host: str) -> int:
    """The status of the answer there, for a browser that knows it as `host`; 0 if none comes."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE  # it is this machine
    try:
        asked = urllib.request.Request(url, headers={"Host": host})
        with urllib.request.urlopen(asked, timeout=_PATIENCE_S, context=anyone) as said:
            return said.status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except OSError:
        return 0


def is_running(course: Course) -> bool:
    """Whether a hub of this course runs on this machine: it holds the course's lock."""
    with contextlib.suppress(FileNotFoundError), (course.folder / "hub.lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
