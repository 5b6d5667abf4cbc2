"""The hub's configuration: what may be set, and what follows."""

import json
import os
import stat
import sys
from pathlib import Path

import jinja2
import pytest
from full_disk import small_disk
from jupyterhub._data import DATA_FILES_PATH
from tiny_course import make_course
from traitlets.config import Config

from introml.hub.course.course import CourseError
from introml.hub.jupyter import hub_config
from introml.hub.jupyter.hub_config import COURSE_SCOPE, common, local
from introml.hub.jupyter.proxy import CourseProxy
from introml.hub.jupyter.slurm_config import slurm
from introml.hub.jupyter.spawner import OnePersonSpawner, StudentSpawner
from introml.hub.web.browser_places import key_from

SLURM = """
[slurm]
url = "http://127.0.0.1:8000/services/course/"
token_file = "/shared/token"
python = "/shared/python"
cpu = {workers = 1}
"""


@pytest.fixture(autouse=True)
def _umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def with_tables(tmp_path, text):
    from introml.hub.course.course import Course

    course = make_course(tmp_path)
    path = course.folder / "course.toml"
    path.write_text(path.read_text() + text)
    return Course.at(course.folder)


def configured(course, **changes):
    c = Config()
    common(c, course, course.hub_settings(**changes))
    return c


def test_what_is_not_a_setting_is_named(tmp_path):
    for number, (line, words) in enumerate(
        [
            ("prot = 1", "hub.prot is no setting; did you mean port"),
            ('port = "80"', "hub.port is '80'; it must be a whole number from 0 to 65535"),
            ("port = 70000", "hub.port is 70000; it must be a whole number from 0 to 65535"),
            ('base_url = "x"', "begins and ends with /"),
            ('ssl_key = "k"', "go together"),
            ("student_hosts = true", "needs public_url"),
        ]
    ):
        with pytest.raises(CourseError, match=words):
            with_tables(tmp_path / str(number), f"[hub]\n{line}\n")


def test_what_is_chosen_at_the_start_is_checked_as_well(tmp_path):
    course = with_tables(tmp_path, '[hub]\nssl_key = "k"\nssl_cert = "c"\nport = 9\n')
    assert (course.hub_settings().port, course.hub_settings(port=10).port) == (9, 10)
    for change, words in (
        ({"port": 70000}, "hub.port is 70000; it must be a whole number from 0 to 65535"),
        ({"ssl_key": ""}, "hub: ssl_key and ssl_cert go together"),
        ({"prot": 1}, "hub.prot is no setting"),
    ):
        with pytest.raises(CourseError, match=words):
            course.hub_settings(**change)


def test_a_host_for_each_students_server_and_the_hubs_own_for_the_course(sqlite_course):
    app = configured(
        sqlite_course, public_url="https://hub.example.edu", student_hosts=True
    ).JupyterHub
    assert app.subdomain_host == "https://hub.example.edu"
    assert app.subdomain_hook("ann", "hub.example.edu", kind="user") == "ann.hub.example.edu"
    assert app.subdomain_hook("course", "hub.example.edu", kind="service") == "hub.example.edu"
    assert app.cookie_host_prefix_enabled is True
    shared = configured(sqlite_course).JupyterHub
    assert "subdomain_host" not in shared
    assert "cookie_host_prefix_enabled" not in shared


def test_addresses(sqlite_course):
    assert sqlite_course.hub_settings().url == "http://127.0.0.1:8000/"
    hub = sqlite_course.hub_settings(public_url="https://hub.example.edu", base_url="/ml/")
    assert hub.url == "https://hub.example.edu/ml/"
    assert sqlite_course.hub_settings(address="::1").url == "http://[::1]:8000/"


def test_roles_give_what_is_needed_and_never_everything(sqlite_course):
    roles = {
        role["name"]: role["scopes"] for role in configured(sqlite_course).JupyterHub.load_roles
    }
    assert roles["user"] == ["self", COURSE_SCOPE]
    assert COURSE_SCOPE in roles["server"]
    assert not any("inherit" in scopes for scopes in roles.values())
    # Nobody may enter a student's server but the student.
    others = [scope for name in ("user", "teachers", "idle-culler") for scope in roles[name]]
    assert not any(scope.startswith("access:servers") for scope in others)


def test_all_state_is_in_the_courses_folder_and_others_can_read_none_of_it(sqlite_course):
    c = configured(sqlite_course)
    folder = str(sqlite_course.folder)
    assert c.JupyterHub.db_url.startswith(f"sqlite:///{folder}/")
    assert c.JupyterHub.cookie_secret_file.startswith(folder)
    assert c.ConfigurableHTTPProxy.pid_file.startswith(folder)
    path = sqlite_course.folder / "made-now"
    path.touch()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_everything_within_listens_at_sockets_and_at_no_port(sqlite_course):
    c = configured(sqlite_course, address="0.0.0.0")
    assert c.JupyterHub.bind_url == "http://0.0.0.0:8000/"
    service = c.JupyterHub.services[0]
    within = [
        c.JupyterHub.hub_bind_url, c.JupyterHub.hub_connect_url, c.ConfigurableHTTPProxy.api_url,
        *c.ConfigurableHTTPProxy.extra_routes.values(), c.Spawner.environment["INTROML_SUBMIT_URL"],
        service["environment"]["JUPYTERHUB_SERVICE_URL"],
        service["environment"]["JUPYTERHUB_API_URL"],
    ]  # fmt: skip
    assert all(one.startswith("http+unix://%2F") for one in within), within
    assert c.JupyterHub.proxy_class is CourseProxy
    assert c.JupyterHub.hub_socket_mode == (0o666 if os.geteuid() == 0 else 0o600)
    assert "url" not in service


def test_a_clusters_hub_is_found_by_its_nodes_and_the_rest_is_at_sockets(tmp_path):
    course = with_tables(tmp_path, SLURM)
    c = Config()
    slurm(c, course, course.hub_settings(hub_port=900), "hub.cluster")
    assert c.JupyterHub.hub_bind_url == "http://0.0.0.0:900"
    assert c.JupyterHub.hub_connect_url == "http://hub.cluster:900"
    service, culler = c.JupyterHub.services[:2]
    assert service["environment"]["JUPYTERHUB_API_URL"] == "http://hub.cluster:900/hub/api"
    assert "--url=http://hub.cluster:900/hub/api" in culler["command"]
    assert service["environment"]["JUPYTERHUB_SERVICE_URL"].startswith("http+unix:")


def test_the_service_is_where_the_proxy_looks_for_it(sqlite_course):
    for changes, route, callback in (
        ({}, "/services/course/", "/services/course/oauth_callback"),
        ({"base_url": "/ml/"}, "/ml/services/course/", "/ml/services/course/oauth_callback"),
        (
            {"public_url": "https://hub.example.edu:8443", "student_hosts": True},
            "hub.example.edu/services/course/",
            "https://hub.example.edu:8443/services/course/oauth_callback",
        ),
    ):
        c = configured(sqlite_course, **changes)
        assert list(c.ConfigurableHTTPProxy.extra_routes) == [route]
        service = c.JupyterHub.services[0]
        assert service["oauth_redirect_uri"] == callback
        assert service["environment"]["JUPYTERHUB_OAUTH_CALLBACK_URL"] == callback


@pytest.mark.parametrize("bound", [True, False])
def test_proxy_and_service_know_what_binds_sessions(sqlite_course, bound):
    changes = {} if bound else {"bind_sessions": False}
    c = configured(sqlite_course, public_url="https://hub.example.edu", **changes)
    told = json.loads(os.environ["INTROML_PLACES"])
    assert told["bound"] is bound
    assert told["cookie"] == "__Host-introml-signed-in-as"
    assert told["key"] == key_from(sqlite_course.secret("session"))
    service = c.JupyterHub.services[0]
    assert service["environment"]["INTROML_SIGNED_IN_AS"] == told["cookie"]


def test_no_idle_time_means_no_culler(sqlite_course):
    names = [one["name"] for one in configured(sqlite_course, idle_minutes=0).JupyterHub.services]
    assert names == ["course"]


def test_oauth_and_lti_by_configuration(tmp_path):
    course = with_tables(
        tmp_path / "oauth", '[signin]\nkind = "oauth"\nclient_id = "x"\nusername_claim = "email"\n'
    )
    c = configured(course)
    assert c.JupyterHub.authenticator_class.__name__ == "CourseOAuth"
    assert (c.CourseOAuth.client_id, c.CourseOAuth.username_claim) == ("x", "email")
    assert c.OnRoster.course_folder == str(course.folder)
    course = with_tables(
        tmp_path / "lti",
        (
            '[signin]\nkind = "lti13"\nissuer = "https://lms"\n'
            'client_id = ["1"]\nadd_students = true\n'
        ),
    )
    c = configured(course)
    assert c.JupyterHub.authenticator_class.__name__ == "CourseLti"
    assert c.CourseLti.add_students is True


@pytest.mark.parametrize(
    "line",
    ["allow_all = true", 'admin_users = ["ann"]', 'only = "ann"', 'nonsense = "x"',
     'course_folder = "/"', "allow_existing_users = true", "manage_groups = false",
     'clientid = "x"'],
)  # fmt: skip
def test_nothing_in_signin_goes_past_the_roster(tmp_path, line):
    course = with_tables(tmp_path, f'[signin]\nkind = "oauth"\n{line}\n')
    with pytest.raises(CourseError, match="cannot be set") as refused:
        configured(course)
    assert ("did you mean client_id?" in str(refused.value)) == line.startswith("clientid")


def test_an_unknown_way_to_sign_in_is_named(tmp_path):
    with pytest.raises(CourseError, match="must be one of invitations, oauth, lti13"):
        with_tables(tmp_path, '[signin]\nkind = "pam"\n')


def test_without_root_it_is_for_one_person(sqlite_course, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    c = Config()
    hub = sqlite_course.hub_settings()
    assert hub.students_python == sys.executable
    local(c, sqlite_course, hub, only="tess")
    assert c.JupyterHub.spawner_class is OnePersonSpawner
    assert c.OnRoster.only == "tess"
    with pytest.raises(CourseError, match="cannot be kept apart"):
        local(Config(), sqlite_course, hub)


def test_with_root_everyone_is_a_user_of_their_own(sqlite_course, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    c = Config()
    local(c, sqlite_course, sqlite_course.hub_settings())
    assert c.JupyterHub.spawner_class is StudentSpawner
    assert "only" not in c.OnRoster


def test_the_settings_limits_are_those_of_students_servers(tmp_path):
    course = with_tables(tmp_path, '[hub]\nmem_limit = "512M"\ncpu_limit = 0\nprocess_limit = 99\n')
    c = Config()
    local(c, course, course.hub_settings(hub_port=1), only="tess")
    if os.geteuid() == 0:
        asked = c.StudentSpawner
        assert (asked.mem_limit, asked.cpu_limit, asked.most_processes) == (512 << 20, None, 99)


def test_the_hubs_pages_are_told_whether_the_disk_is_full(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        is_full = configured(make_course(disk.folder)).JupyterHub.template_vars[
            "course_disk_is_full"
        ]
        assert not is_full(None)
        disk.fill()
        assert is_full(None)


@pytest.mark.parametrize("name", ["error.html", "login.html", "not_running.html"])
@pytest.mark.parametrize("full", [True, False])
def test_a_failure_of_the_hubs_on_a_full_disk_is_called_so(name, full):
    own = Path(hub_config.__file__).parent / "pages/templates"
    theirs = Path(DATA_FILES_PATH) / "templates"
    loaders = [
        jinja2.PrefixLoader({"templates": jinja2.FileSystemLoader(theirs)}),
        jinja2.FileSystemLoader([own, theirs]),
    ]
    page = jinja2.Environment(loader=jinja2.ChoiceLoader(loaders), autoescape=True)
    source = page.get_template(name).blocks["message" if name == "not_running.html" else "main"]
    values = {
        "status_code": 500, "login_error": "Internal Server Error", "failed": True,
        "course_disk_is_full": full, "message": "It failed.",
    }  # fmt: skip
    shown = "".join(source(page.get_template(name).new_context(values)))
    assert ("The disk of the course is full" in shown) == full
    assert "<p" in shown
