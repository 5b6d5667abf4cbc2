"""The tables `[hub]` and `[signin]` of course.toml: where the hub is, and how people sign in."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from introml.hub.course.settings_table import SettingsTable

_UNITS = {unit: 1 << 10 * power for power, unit in enumerate(("", "K", "M", "G", "T"))}


def bytes_in(size: str) -> int:
    """What "4G" or "512M" is in bytes; 0 for "", which is no limit. Raises `ValueError`."""
    if not size:
        return 0
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([KMGT])", size)
    count = float(found[1]) * _UNITS[found[2]] if found else 0
    if count < _UNITS["M"]:
        raise ValueError('it must be a size, such as "4G" or "512M" (1M or more), or "" for none')
    return int(count)


def _with_slashes(path: str) -> str:
    if not (path.startswith("/") and path.endswith("/")):
        raise ValueError("it begins and ends with /")
    return path


def _is_size(text: str) -> str:
    bytes_in(text)
    return text


_Size = Annotated[str, AfterValidator(_is_size)]
_Port = Annotated[int, Field(ge=0, le=65535)]
_Count = Annotated[int, Field(ge=0)]


class HubSettings(SettingsTable):
    """The table [hub] of `course.toml`. A port 0 is chosen by `introml.hub.operate.start`."""

    address: str = "127.0.0.1"
    port: _Port = 8000
    base_url: Annotated[str, AfterValidator(_with_slashes)] = "/"
    #: What people type where it isn't http://address:port, such as https://hub.example.edu.
    public_url: str = ""
    #: Each student's server at a host name of its own, name.hub.example.edu: a page that a student
    #: puts on theirs can then do nothing here in the browser of a teacher who looks at it. Needs
    #: public_url, and that all names under its host (a wildcard in DNS and certificate) lead here.
    student_hosts: bool = False
    #: Whether a session is good only where its browser signed in, so that a copy of its cookies is
    #: no use. False where people's addresses change all the time.
    bind_sessions: bool = True
    ssl_key: str = ""
    ssl_cert: str = ""
    idle_minutes: _Count = 60
    #: How many servers run at once; 0 for as many as come.
    most_servers: _Count = 0
    starting_at_once: _Count = 20
    #: What each student's server may use on this machine; "" and 0 are no limit. What of it is in
    #: force on the machine is told by `introml hub status`.
    mem_limit: _Size = "4G"
    cpu_limit: Annotated[
        float, Field(ge=0, le=1024, description="a number of processors, such as 2 or 0.5")
    ] = 2.0
    process_limit: Annotated[int, Field(ge=50, le=1_000_000)] = 1000
    disk_limit: _Size = "10G"
    #: Where students read labs and pages; their Python; their homes.
    shared: str = ""
    students_python: str = ""
    homes: str = ""
    #: Where nodes of a cluster find the hub itself. On one machine it listens at a socket.
    hub_port: _Port = 0

    @model_validator(mode="after")
    def _goes_together(self) -> HubSettings:
        if self.student_hosts and not self.public_url:
            raise ValueError("student_hosts needs public_url, to which names are added")
        if bool(self.ssl_key) != bool(self.ssl_cert):
            raise ValueError("ssl_key and ssl_cert go together; give both, or neither")
        return self

    @property
    def url(self) -> str:
        """Where people find the hub, with a / at its end."""
        if self.public_url:
            return self.public_url.rstrip("/") + self.base_url
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http{'s' * bool(self.ssl_cert)}://{host}:{self.port}{self.base_url}"


class SigninSettings(SettingsTable):
    """The table [signin]: the way to sign in, and what JupyterHub is told of it.

    Which other keys there are depends on the way; `hub_config` knows, and hands them on.
    """

    model_config = ConfigDict(extra="allow")

    kind: Literal["invitations", "oauth", "lti13"] = "invitations"

    @property
    def others(self) -> dict[str, Any]:
        """What JupyterHub is told, as it stands in the table."""
        return dict(self.model_extra or {})
