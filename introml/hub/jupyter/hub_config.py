"""JupyterHub's configuration for a course, for the thin files in `deploy/` to use.

common(c, course, settings)     # sign-in, the service, the proxy, roles: everywhere the same
local(c, course, settings)      # servers on this machine
configure_local(c)              # both, as `introml.hub.operate.start` chose
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.utils import subdomain_hook_idna

from introml.book.paths import ROOT
from introml.hub.course import (
    Course,
    CourseError,
    HubSettings,
    bytes_in,
    default_folder,
    has_room,
    nearest,
)
from introml.hub.jupyter import signed_in_as
from introml.hub.jupyter.proxy import CourseProxy
from introml.hub.jupyter.signin import TEACHERS, CourseLti, CourseOAuth, Invitations, OnRoster
from introml.hub.jupyter.signin_pages import course_files
from introml.hub.jupyter.sockets import Sockets, url_of
from introml.hub.jupyter.spawner import OnePersonSpawner, StudentSpawner
from introml.site.node import node_path

_PROXY_START = Path(__file__).with_name("proxy_start.mjs")
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


def common(c: Any, course: Course, hub: HubSettings, hub_url: str = "") -> None:
    """What holds wherever students' servers run. Sets this process's umask.

    `hub_url` is where the hub itself listens, if that is not at its socket.
    """
    os.umask(0o077)
    folder = course.folder
    app = c.JupyterHub
    app.bind_url = f"http{'s' * bool(hub.ssl_cert)}://{_host(hub.address)}:{hub.port}{hub.base_url}"
    sockets = Sockets(course)
    hub_url = hub_url or url_of(sockets.hub)
    app.hub_bind_url = app.hub_connect_url = hub_url
    app.hub_socket_mode = 0o666 if sockets.open_to_all else 0o600
    if hub.public_url:
        app.public_url = hub.url
    if hub.student_hosts:
        app.subdomain_host = hub.public_url.rstrip("/")
        app.subdomain_hook = student_host
        # A browser takes such cookies from this very host alone: a student's server, at a name
        # below it, can put none of its own in their place.
        app.cookie_host_prefix_enabled = hub.public_url.startswith("https:")
    if hub.ssl_cert:
        app.ssl_key, app.ssl_cert = hub.ssl_key, hub.ssl_cert
    app.db_url = f"sqlite:///{folder / 'jupyterhub.sqlite'}"
    app.cookie_secret_file = str(folder / "jupyterhub-cookie.secret")
    app.default_url = f"{hub.base_url}services/course/"
    app.concurrent_spawn_limit = hub.starting_at_once
    app.active_server_limit = hub.most_servers
    app.tornado_settings = {"headers": {"X-Content-Type-Options": "nosniff"}}
    secure = bool(hub.ssl_cert) or hub.public_url.startswith("https:")
    cookie = signed_in_as.install(course, hub.base_url, secure=secure, bound=hub.bind_sessions)
    _pages(c, course, hub)
    _proxy(c, course, hub)
    _services(c, course, hub, f"{hub_url}{hub.base_url}hub/api", cookie)
    _sign_in(c, course)
    c.Spawner.cmd = [hub.students_python, "-P", "-m", "introml.hub.servers.singleuser"]
    c.Spawner.default_url = "/lab"
    # Twice what a loaded machine of two cores was seen to need for its first server.
    c.Spawner.start_timeout = c.Spawner.http_timeout = 120
    c.Spawner.environment = {
        "INTROML_SUBMIT_URL": f"{url_of(sockets.service)}{hub.base_url}services/course/",
        "INTROML_SHARED": hub.shared,
        "TZ": course.settings.time_zone,
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
        c.StudentSpawner.mem_limit = bytes_in(hub.mem_limit) or None
        c.StudentSpawner.cpu_limit = hub.cpu_limit or None
        c.StudentSpawner.most_processes = hub.process_limit
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
    local(c, course, course.hub_settings(**chosen), only)


def _pages(c: Any, course: Course, hub: HubSettings) -> None:
    c.JupyterHub.template_paths = [str(_PAGES / "templates")]
    c.JupyterHub.logo_file = str(ROOT / "introml/site/static/icon.svg")
    c.JupyterHub.template_vars = {
        "course_title": course.settings.title,
        "course_page": f"{hub.base_url}services/course/",
        "course_files": {name: file.version for name, file in course_files().items()},
        # Called for each page: where the hub cannot keep a sign-in, this is mostly why.
        "course_disk_is_full": lambda user: not has_room(course.folder),
        "can_change_password": course.settings.signin.kind == "invitations",
    }


def _proxy(c: Any, course: Course, hub: HubSettings) -> None:
    script = ROOT / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
    if not script.exists():
        raise CourseError("the proxy is missing; `make hub` installs it (configurable-http-proxy)")
    sockets = Sockets(course)
    c.JupyterHub.proxy_class = CourseProxy
    proxy = c.ConfigurableHTTPProxy
    proxy.command = [*DIE_WITH_PARENT, node_path(), "--import", str(_PROXY_START), str(script)]
    proxy.api_url = url_of(sockets.proxy)
    host = urlsplit(hub.public_url).hostname or "" if hub.student_hosts else ""
    proxy.extra_routes = {f"{host}{hub.base_url}services/course/": url_of(sockets.service)}
    proxy.auth_token = course.secret("proxy")
    proxy.pid_file = str(course.folder / "proxy.pid")
    proxy.log_level = "warn"


def _services(c: Any, course: Course, hub: HubSettings, hub_api: str, cookie: str) -> None:
    prefix = f"{hub.base_url}services/course/"
    origin = hub.public_url.rstrip("/") if hub.student_hosts else ""
    callback = f"{origin}{prefix}oauth_callback"
    # What JupyterHub would say itself of a service that it knew to have an address: it takes none
    # that is a socket's, so the route to it is the proxy's (`extra_routes`).
    environment = {
        "INTROML_COURSE": str(course.folder),
        "INTROML_SIGNED_IN_AS": cookie,
        "PYTHONUNBUFFERED": "1",
        "JUPYTERHUB_API_URL": hub_api,
        "JUPYTERHUB_SERVICE_NAME": "course",
        "JUPYTERHUB_SERVICE_URL": url_of(Sockets(course).service),
        "JUPYTERHUB_SERVICE_PREFIX": prefix,
        "JUPYTERHUB_OAUTH_CALLBACK_URL": callback,
        "JUPYTERHUB_PUBLIC_URL": f"{hub.url}services/course/" if hub.public_url else "",
    }
    culler = ["jupyterhub_idle_culler", f"--url={hub_api}"]
    if hub_api.startswith("http+unix"):
        at = str(Sockets(course).hub)
        culler = ["introml.hub.jupyter.idle_culler", at, f"--url=http://hub{hub.base_url}hub/api"]
    idle = hub.idle_minutes * 60
    c.JupyterHub.services = [
        {
            "name": "course",
            "oauth_client_id": "service-course",
            "oauth_redirect_uri": callback,
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
                *DIE_WITH_PARENT, *QUICK, *culler,
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
    signin = course.settings.signin
    cls = _SIGN_IN[signin.kind]
    allowed = set(cls.class_trait_names(config=True)) - _NOT_IN_SIGNIN
    for key, value in signin.others.items():
        if key not in allowed:
            why = "the course's roster decides who comes in, and as what"
            if key not in _NOT_IN_SIGNIN:
                why = f"{nearest(key, sorted(allowed))}JupyterHub knows no such setting"
            raise CourseError(
                f"{course.folder / 'course.toml'}: signin.{key} cannot be set for "
                f"{signin.kind!r}: {why}"
            )
        c[cls.__name__][key] = value
    c.JupyterHub.authenticator_class = cls
    c.OnRoster.course_folder = str(course.folder)


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


#: The environment variable in which `introml.hub.operate.start` says what it chose.
CHOSEN = "INTROML_HUB"
#: Before a command: it ends when the hub does.
DIE_WITH_PARENT = [sys.executable, "-P", "-m", "introml.hub.jupyter.die_with_parent"]
#: Before a module's name: it is run without imports that are slow and unused.
QUICK = [sys.executable, "-P", "-m", "introml.hub.servers.quick"]
