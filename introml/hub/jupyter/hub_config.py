"""JupyterHub's configuration for a course, for the thin files in `deploy/` to use.

common(c, course, settings)     # sign-in, the service, the proxy, roles: everywhere the same
local(c, course, settings)      # servers on this machine
configure_local(c)              # both, as `introml.hub.operate.start` chose
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from jupyterhub.utils import subdomain_hook_idna

from introml.book.paths import ROOT
from introml.hub.course import Course, CourseError, default_folder
from introml.hub.jupyter.accounts import HOMES
from introml.hub.jupyter.signin import TEACHERS, CourseLti, CourseOAuth, Invitations, OnRoster
from introml.hub.jupyter.signin_pages import course_files
from introml.hub.jupyter.spawner import OnePersonSpawner, StudentSpawner
from introml.site.node import node_path

_PAGES = Path(__file__).parent / "pages"
_SIGN_IN: dict[str, type[OnRoster]] = {
    "invitations": Invitations, "oauth": CourseOAuth, "lti13": CourseLti,
}  # fmt: skip
#: What would let people in past the roster, or make someone an administrator of the hub.
_NOT_IN_SIGNIN = {
    "allow_all", "allow_existing_users", "any_allow_config", "admin_users", "admin_groups",
    "manage_groups", "manage_roles", "course_folder", "only", "username_map", "post_auth_hook",
}  # fmt: skip
#: The scope by which a user, or a user's server, may talk to the service.
COURSE_SCOPE = "access:services!service=course"


@dataclass(frozen=True)
class HubSettings:
    """The table [hub] of `course.toml`. A port 0 is chosen by `introml.hub.operate.start`."""

    address: str = "127.0.0.1"
    port: int = 8000
    base_url: str = "/"
    #: What people type where it isn't http://address:port, such as https://hub.example.edu.
    public_url: str = ""
    #: Each student's server at a host name of its own, name.hub.example.edu: a page that a student
    #: puts on theirs can then do nothing here in the browser of a teacher who looks at it. Needs
    #: public_url, and that all names under its host (a wildcard in DNS and certificate) lead here.
    student_hosts: bool = False
    ssl_key: str = ""
    ssl_cert: str = ""
    idle_minutes: int = 60
    #: How many servers run at once; 0 for as many as come.
    most_servers: int = 0
    starting_at_once: int = 20
    #: Where students read labs and pages; their Python; their homes.
    shared: str = ""
    students_python: str = ""
    homes: str = ""
    hub_port: int = 0
    proxy_port: int = 0
    service_port: int = 0

    @classmethod
    def of(cls, course: Course, **changes: Any) -> HubSettings:
        """The settings of a course, with changes. Raises `CourseError`."""
        where = f"{course.folder / 'course.toml'}, [hub]"
        values = _checked(cls(), {**course.settings.hub, **changes}, where)
        given = cls(**values)
        for name in ("port", "hub_port", "proxy_port", "service_port"):
            if not 0 <= getattr(given, name) <= 65535:
                raise CourseError(f"{where}: {name} must be 0 to 65535")
        if not (given.base_url.startswith("/") and given.base_url.endswith("/")):
            raise CourseError(f"{where}: base_url is {given.base_url!r}; it begins and ends with /")
        if given.student_hosts and not given.public_url:
            raise CourseError(f"{where}: student_hosts needs public_url, to which names are added")
        if bool(given.ssl_key) != bool(given.ssl_cert):
            raise CourseError(f"{where}: ssl_key and ssl_cert go together")
        root = os.geteuid() == 0
        fallback = {
            "shared": "/opt/introml/shared" if root else str(course.folder / "shared"),
            "students_python": "/opt/introml/env/bin/python" if root else sys.executable,
            "homes": str(HOMES if root else Path.home() / "introml"),
        }
        return cls(**(values | {key: values.get(key) or x for key, x in fallback.items()}))

    @property
    def url(self) -> str:
        """Where people find the hub, with a / at its end."""
        if self.public_url:
            return self.public_url.rstrip("/") + self.base_url
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http{'s' * bool(self.ssl_cert)}://{host}:{self.port}{self.base_url}"

    @property
    def service_url(self) -> str:
        """Where programs on this machine find the submission service, with a / at its end."""
        return f"http://127.0.0.1:{self.service_port}{self.base_url}services/course/"


def common(c: Any, course: Course, hub: HubSettings) -> None:
    """What holds wherever students' servers run. Sets this process's umask."""
    os.umask(0o077)
    folder = course.folder
    app = c.JupyterHub
    app.bind_url = f"http{'s' * bool(hub.ssl_cert)}://{_host(hub.address)}:{hub.port}{hub.base_url}"
    app.hub_ip, app.hub_port = "127.0.0.1", hub.hub_port
    if hub.public_url:
        app.public_url = hub.url
    if hub.student_hosts:
        app.subdomain_host = hub.public_url.rstrip("/")
        app.subdomain_hook = student_host
    if hub.ssl_cert:
        app.ssl_key, app.ssl_cert = hub.ssl_key, hub.ssl_cert
    app.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
    app.cookie_secret_file = str(folder / "jupyterhub-cookie.secret")
    app.default_url = f"{hub.base_url}services/course/"
    app.concurrent_spawn_limit = hub.starting_at_once
    app.active_server_limit = hub.most_servers
    app.tornado_settings = {"headers": {"X-Content-Type-Options": "nosniff"}}
    _pages(c, course, hub)
    _proxy(c, course, hub)
    _services(c, course, hub)
    _sign_in(c, course)
    c.Spawner.cmd = [hub.students_python, "-P", "-m", "introml.hub.servers.singleuser"]
    c.Spawner.default_url = "/lab"
    c.Spawner.start_timeout = c.Spawner.http_timeout = 60
    c.Spawner.environment = {
        "INTROML_SUBMIT_URL": hub.service_url,
        "INTROML_SHARED": hub.shared,
        "PATH": f"{Path(hub.students_python).parent}:/usr/local/bin:/usr/bin:/bin",
    }


def student_host(name: str, domain: str, kind: str) -> str:
    """The host of a user's server; the course's own pages stay at the hub's."""
    return subdomain_hook_idna(name, domain, kind) if kind == "user" else domain


def local(c: Any, course: Course, hub: HubSettings, only: str = "") -> None:
    """Servers on this machine: each as its own unix user, or for the person `only` alone."""
    common(c, course, hub)
    if os.geteuid() == 0:
        c.JupyterHub.spawner_class = StudentSpawner
        c.StudentSpawner.homes = hub.homes
        # A student's settings for Jupyter cannot keep their own server from starting.
        c.StudentSpawner.disable_user_config = True
    elif only:
        c.JupyterHub.spawner_class = OnePersonSpawner
        c.OnePersonSpawner.home = hub.homes
        c.OnePersonSpawner.notebook_dir = hub.homes
        c.OnRoster.only = only
    else:
        raise CourseError("without root, students cannot be kept apart: name the one person")
    c.CourseSpawner.course_folder = str(course.folder)
    c.CourseSpawner.shared = hub.shared
    c.LocalProcessSpawner.interrupt_timeout = c.LocalProcessSpawner.term_timeout = 5


def configure_local(c: Any) -> None:
    """The configuration under `make hub`: what was chosen at its start is in the environment."""
    course = Course.at(default_folder())
    chosen = json.loads(os.environ.get(CHOSEN, "{}"))
    only = chosen.pop("only", "")
    local(c, course, HubSettings.of(course, **chosen), only)


def _pages(c: Any, course: Course, hub: HubSettings) -> None:
    c.JupyterHub.template_paths = [str(_PAGES / "templates")]
    c.JupyterHub.logo_file = str(ROOT / "introml/site/static/icon.svg")
    c.JupyterHub.template_vars = {
        "course_title": course.settings.title,
        "course_page": f"{hub.base_url}services/course/",
        "course_files": {name: file.version for name, file in course_files().items()},
        "can_change_password": _kind(course) == "invitations",
    }


def _proxy(c: Any, course: Course, hub: HubSettings) -> None:
    script = ROOT / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
    if not script.exists():
        raise CourseError("the proxy is missing; `make hub` installs it (configurable-http-proxy)")
    proxy = c.ConfigurableHTTPProxy
    proxy.command = [*DIE_WITH_PARENT, node_path(), str(script)]
    proxy.api_url = f"http://127.0.0.1:{hub.proxy_port}"
    proxy.auth_token = course.secret("proxy")
    proxy.pid_file = str(course.folder / "proxy.pid")
    proxy.log_level = "warn"


def _services(c: Any, course: Course, hub: HubSettings) -> None:
    environment = {"INTROML_COURSE": str(course.folder), "PYTHONUNBUFFERED": "1"}
    idle = hub.idle_minutes * 60
    c.JupyterHub.services = [
        {
            "name": "course",
            "url": f"http://127.0.0.1:{hub.service_port}",
            "command": [*DIE_WITH_PARENT, *QUICK, "introml.hub.web.service"],
            "environment": environment,
            "cwd": str(course.folder),
            # A student who is signed in to the hub is signed in here: it is one course.
            "oauth_no_confirm": True,
            "display": False,  # the pages of the hub link to it by name
        },
        {
            "name": "idle-culler",
            "command": [
                *DIE_WITH_PARENT, *QUICK, "jupyterhub_idle_culler",
                f"--timeout={idle}", f"--cull-every={min(300, max(30, idle // 4))}",
            ],
            "cwd": str(course.folder),
        },
    ]  # fmt: skip
    if not idle:
        c.JupyterHub.services = c.JupyterHub.services[:1]
    c.JupyterHub.load_roles = [
        {"name": "user", "scopes": ["self", COURSE_SCOPE]},
        {
            "name": "server",
            "scopes": ["users:activity!user", "access:servers!server", COURSE_SCOPE],
        },
        {
            "name": "idle-culler",
            "services": ["idle-culler"] if idle else [],
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        },
        {
            "name": "teachers",
            "description": "See whose servers run, and stop them",
            "groups": [TEACHERS],
            "scopes": ["admin-ui", "list:users", "read:users", "read:servers", "delete:servers"],
        },
    ]


def _sign_in(c: Any, course: Course) -> None:
    where = f"{course.folder / 'course.toml'}, [signin]"
    kind = _kind(course)
    if kind not in _SIGN_IN:
        raise CourseError(f"{where}: kind is {kind!r}; allowed are {', '.join(_SIGN_IN)}")
    cls = _SIGN_IN[kind]
    allowed = set(cls.class_trait_names(config=True)) - _NOT_IN_SIGNIN
    for key, value in course.settings.signin.items():
        if key == "kind":
            continue
        if key not in allowed:
            raise CourseError(f"{where}: {key} cannot be set for {kind!r}")
        c[cls.__name__][key] = value
    c.JupyterHub.authenticator_class = cls
    c.OnRoster.course_folder = str(course.folder)


def _kind(course: Course) -> str:
    return course.settings.signin.get("kind", "invitations")


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _checked(defaults: HubSettings, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    kinds = {field.name: type(getattr(defaults, field.name)) for field in fields(defaults)}
    for key, value in given.items():
        if key not in kinds:
            raise CourseError(f"{where}: {key} is no setting; allowed are {', '.join(kinds)}")
        if type(value) is not kinds[key]:
            raise CourseError(f"{where}: {key} is {value!r}; it must be a {kinds[key].__name__}")
    return dict(given)


#: The environment variable in which `introml.hub.operate.start` says what it chose.
CHOSEN = "INTROML_HUB"
#: Before a command: it ends when the hub does.
DIE_WITH_PARENT = [sys.executable, "-P", "-m", "introml.hub.jupyter.die_with_parent"]
#: Before a module's name: it is run without imports that are slow and unused.
QUICK = [sys.executable, "-P", "-m", "introml.hub.servers.quick"]
