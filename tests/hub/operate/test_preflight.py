"""What stops a hub is said in the first seconds, all of it at once, and before anything is made."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from introml.hub.operate import preflight

NOBODY = 65534


def look(course, *arguments, **more):
    """As `make hub` runs it on a machine with Python alone: by its path, without our packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", preflight.__file__, *arguments],
        env={"PATH": os.environ["PATH"], "INTROML_COURSE": str(course)},
        capture_output=True, text=True, timeout=60, check=False, **more,
    )  # fmt: skip


@pytest.fixture
def found(tmp_path):
    """`found(**settings)`: what stands in the way of a course in a checkout of its own."""
    root = tmp_path / "book"
    for name in (".venv/installed", "_build/html/index.html"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()

    def one(text="", **options):
        course = tmp_path / "course"
        course.mkdir(mode=0o700, exist_ok=True)
        (course / "course.toml").write_text(text)
        return preflight.problems(course, root=root, **{"port": 0, **options})

    one.root = root
    return one


def test_where_nothing_is_amiss_nothing_is_said_and_nothing_made(tmp_path):
    done = look(tmp_path / "new", "--port", "0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "new").exists()


def test_all_that_is_amiss_is_said_at_once(tmp_path):
    course = tmp_path / "course"
    course.mkdir(mode=0o755)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = look(course, "--port", str(port))
    assert done.returncode == 1
    first, *rest = done.stderr.strip().splitlines()
    assert first == "make hub: 2 things stand in the way:"
    assert any(f"run: chmod 700 {course}" in line for line in rest)
    (line,) = (line for line in rest if f"port {port} cannot be used" in line)
    free = int(line.rpartition("PORT=")[2])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free))


def test_the_port_is_course_toml_s_unless_one_is_given(found):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = f"[hub]\nport = {taken.getsockname()[1]}\n"
        (one,) = found(text, port=None)
        assert "cannot be used" in one
        assert found(text, port=0) == []


def test_a_running_hub_is_named_by_its_process(tmp_path):
    course = tmp_path / "course"
    course.mkdir(mode=0o700)
    with (course / "hub.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        done = look(course)
        assert done.returncode == 1
        assert "running already (process 4711)" in done.stderr
        assert look(course, "--teacher", "grace").returncode == 0
    assert "4711" not in look(course, "--port", "0").stderr


def test_settings_that_are_no_toml(found):
    assert ["course.toml is not TOML" in one for one in found("title = ")] == [True]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = found("title = ", port=taken.getsockname()[1])
    assert len(said) == 2, "the others were left for later"


def test_homes_in_the_checkout_or_around_it_are_refused(found):
    for homes in (found.root, found.root / "labs", found.root.parent):
        (one,) = found(f'[hub]\nhomes = "{homes}"\n')
        assert f"the homes of students would be in {homes}" in one
    assert found(f'[hub]\nhomes = "{found.root.parent}/homes"\n') == []


def test_too_small_a_disk_is_told_before_it_is_full(found, monkeypatch):
    shutil.rmtree(found.root / ".venv")
    monkeypatch.setattr("shutil.disk_usage", lambda place: shutil._ntuple_diskusage(9e9, 8e9, 1e9))
    (one,) = found()
    assert f"the disk of {found.root} has 1.0 GB free" in one


def test_where_no_sandbox_can_be_made_it_is_said(found, monkeypatch):
    monkeypatch.setattr(preflight, "_works", lambda command: False)
    (one,) = found()
    assert "apt install bubblewrap" in one
    assert found("workers = 0\n") == []


def test_a_course_s_folder_of_somebody_else(found, tmp_path, monkeypatch):
    if os.geteuid() != 0:
        pytest.fail("only root can give a folder away: run these tests as root")
    monkeypatch.delenv("SUDO_UID", raising=False)
    found()
    os.chown(tmp_path / "course", NOBODY, NOBODY)
    (one,) = found()
    assert "belongs to nobody" in one


def test_what_an_earlier_sudo_left_in_the_checkout_is_named(found, monkeypatch):
    monkeypatch.setattr("os.access", lambda place, mode: Path(place).name != "_build")
    (one,) = found()
    assert f"run: sudo chown -R root {found.root}/_build" in one
    assert found(builds=False) == []  # what is there already can be run by anyone


def test_solutions_in_a_folder_of_another_s_are_told_with_what_to_run(found, monkeypatch):
    if os.geteuid() != 0:
        pytest.fail("only root can give a folder away: run these tests as root")
    monkeypatch.delenv("SUDO_UID", raising=False)
    folders = [found.root / name for name in ("labs", ".git", "tests")]
    for folder in folders:
        folder.mkdir(mode=0o755)
    monkeypatch.setattr(preflight, "_is_open", Path.is_dir)
    assert found() == []  # one's own are closed by the start itself
    for folder in folders:
        os.chown(folder, NOBODY, NOBODY)
    (one,) = found()
    assert one.endswith(f"run: chmod o-rwx {' '.join(map(str, folders))}")
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    assert found() == []


def test_a_folder_below_a_closed_one_is_not_open(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o755)
    tmp_path.chmod(0o700)
    assert not preflight._is_open(inner)
    assert preflight._is_open(Path("/usr/bin"))
