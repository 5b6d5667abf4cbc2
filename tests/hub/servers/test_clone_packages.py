"""Packages copied to the students' Python: whole, readable, and nothing that was not asked for."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

from introml.hub.servers import clone_packages
from introml.hub.servers.clone_packages import copy_packages

PIN = ["Plain_Package==1.0"]


def install(here, name, version, files):
    """What pip leaves behind: `files` (paths from site-packages, contents) and their record."""
    site = here / "lib/site"
    files = {f"{name}-{version}.dist-info/METADATA": f"Name: {name}\nVersion: {version}\n"} | files
    record = f"{name}-{version}.dist-info/RECORD"
    for path, content in (files | {record: "".join(f"{p},,\n" for p in [*files, record])}).items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(content)
        (site / path).chmod(0o700 if "/bin/" in path else 0o600)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The environment that runs, with one package in it."""
    here = tmp_path / "here"
    monkeypatch.setattr(sys, "prefix", str(here))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(here / "lib/site"))
    script = f"#!{here}/bin/python3\nprint('{here}/bin/python3')\n"
    files = {
        "plain/__init__.py": "answer = 42\n",
        "plain/data/a.txt": "a",
        "../../bin/plain": script,
    }
    install(here, "plain.package", "1.0", files)
    return here


@pytest.fixture
def there(tmp_path):
    (tmp_path / "there/bin").mkdir(parents=True)
    return tmp_path / "there"


def test_a_package_is_copied_whole_and_all_can_read_it(here, there):
    before = os.umask(0o077)
    try:
        assert copy_packages(PIN, there) == set(PIN)
    finally:
        os.umask(before)
    for path in ("plain/__init__.py", "plain/data/a.txt", "plain.package-1.0.dist-info/RECORD"):
        source, target = here / "lib/site" / path, there / "lib/site" / path
        assert target.read_bytes() == source.read_bytes()
        assert target.stat().st_mode & 0o777 == 0o644
        assert target.parent.stat().st_mode & 0o777 == 0o755
        assert target.stat().st_mtime_ns == source.stat().st_mtime_ns


def test_a_program_is_run_by_the_python_it_lies_beside(here, there):
    copy_packages(PIN, there)
    program = there / "bin/plain"
    assert program.stat().st_mode & 0o777 == 0o755
    lines = program.read_text().splitlines()
    assert lines == [f"#!{there}/bin/python3", f"print('{here}/bin/python3')"]


@pytest.mark.parametrize("wanted", ["plain-package==1.1", "other==1.0"])
def test_another_version_or_package_is_left(wanted, here, there):
    assert copy_packages([wanted], there) == set()
    assert not (there / "lib").exists()


def test_what_a_new_environment_has_of_that_name_gives_way(here, there):
    """Python 3.11's venv comes with a setuptools of its own."""
    install(there, "plain_package", "0.9", {"plain/__init__.py": "", "plain/gone.py": ""})
    install(there, "other", "0.9", {"other.py": ""})
    assert copy_packages(PIN, there) == set(PIN)
    site = there / "lib/site"
    assert (site / "plain/__init__.py").read_text() == "answer = 42\n"
    assert not (site / "plain/gone.py").exists()
    found = importlib.metadata.distributions(path=[str(site)])
    assert {one.name: one.version for one in found} == {"plain.package": "1.0", "other": "0.9"}


def test_a_build_of_the_version_is_the_version(here, there):
    """A build of torch for the CPU is called 2.13.0+cpu."""
    install(here, "torch", "2.13.0+cpu", {"torch/__init__.py": ""})
    assert copy_packages(["torch==2.13.0"], there) == {"torch==2.13.0"}


def test_what_a_record_names_outside_is_left(here, there):
    (here.parent / "secret.txt").write_text("hidden checks")
    (here.parent / "here-too").mkdir()
    (here.parent / "here-too/secret.txt").write_text("hidden checks")
    outside = {"../../../secret.txt": "x", "../../../here-too/secret.txt": "x"}
    install(here, "sly", "1.0", {"sly.py": ""} | outside)
    copy_packages(["sly==1.0"], there)
    assert sorted(p.name for p in there.rglob("*") if p.is_file()) == [
        "METADATA",
        "RECORD",
        "sly.py",
    ]


def test_what_was_compiled_and_taken_away_is_not_missed(here, there):
    (here / "lib/site/plain/data/a.txt").unlink()
    assert copy_packages(PIN, there) == set(PIN)


def test_a_package_without_a_record_is_not_met(here, there):
    (here / "lib/site/plain.package-1.0.dist-info/RECORD").unlink()
    assert copy_packages(PIN, there) == set()


def test_a_copy_that_is_cut_off_is_not_taken_for_installed(here, there, monkeypatch):
    copyfile = shutil.copyfile

    def full(source, target):
        if str(source).endswith("a.txt"):
            raise OSError("no space left on device")
        copyfile(source, target)

    monkeypatch.setattr(clone_packages.shutil, "copyfile", full)
    with pytest.raises(OSError, match="no space"):
        copy_packages(PIN, there)
    assert list(there.rglob("METADATA")) == []


def test_a_copied_package_runs_in_a_real_environment(tmp_path):
    """The test runner itself, with its console script, from the environment of these tests."""
    there = tmp_path / "there"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(there)], check=True)
    wanted = ["pytest", "iniconfig", "packaging", "pluggy", "pygments"]
    assert copy_packages(wanted, there) == set(wanted)
    run = [str(there / "bin/pytest"), "--version"]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=tmp_path, env={})
    assert f"pytest {pytest.__version__}" in done.stdout + done.stderr
