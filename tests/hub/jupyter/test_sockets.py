"""The sockets of a hub: whose the folders are, and what is refused."""

import os
import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_course import make_course

from introml.hub.course.course import CourseError
from introml.hub.jupyter import sockets
from introml.hub.jupyter.sockets import Sockets, anyone_can_take, listen, url_of


@pytest.fixture
def run_folder(monkeypatch):
    monkeypatch.setattr(sockets, "_RUN", Path("/tmp") / f"introml-{os.getpid()}")
    yield
    sockets._RUN.exists() and sockets._RUN.rmdir()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("run_folder")
def test_everybody_passes_through_and_only_the_owner_makes_files(sqlite_course):
    some = Sockets(sqlite_course)
    some.make_ready()
    some.make_folder("ann", 12345, 12345)
    folder = some.server("ann").parent
    assert [mode(one) for one in (some.folder, folder.parent)] == [0o711, 0o711]
    assert (mode(folder), folder.stat().st_uid) == (0o700, 12345)
    some.remove()
    assert not some.folder.exists()


@pytest.mark.usefixtures("run_folder")
def test_what_a_killed_hub_left_is_in_nobodys_way(sqlite_course):
    some = Sockets(sqlite_course)
    some.make_ready()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(some.proxy))
    assert some.proxy.exists()
    some.make_ready()
    assert not some.proxy.exists()
    some.remove()


@pytest.mark.usefixtures("run_folder")
def test_each_course_has_sockets_of_its_own(tmp_path):
    one, other = (Sockets(make_course(tmp_path / name)) for name in "ab")
    assert one.folder != other.folder


def test_without_root_they_are_in_the_courses_own_folder(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    course = SimpleNamespace(folder=Path("/home/nora/.local/share/introml"))
    assert Sockets(course).hub.is_relative_to(course.folder)


@pytest.mark.parametrize("name", ["x" * 100, "Capital"])
def test_where_the_courses_path_can_be_no_sockets_they_are_in_a_folder_of_ones_own(
    name, tmp_path, monkeypatch
):
    course = make_course(tmp_path / name)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    elsewhere = Sockets(course)
    assert elsewhere.folder.parent == Path("/tmp")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    some = Sockets(course)
    some.folder.mkdir()  # root's, who is not the one who starts this hub
    try:
        with pytest.raises(CourseError, match="is someone else's"):
            some.make_ready()
    finally:
        some.folder.rmdir()


def test_an_address_of_a_socket():
    assert url_of(Path("/run/introml/a.sock")) == "http+unix://%2Frun%2Fintroml%2Fa.sock"


def test_a_kept_address_is_nobody_elses():
    with listen("127.0.0.1", 0) as kept, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", kept.getsockname()[1])


def test_whose_a_port_can_be():
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    assert anyone_can_take(first)
    assert not anyone_can_take(first - 1)
