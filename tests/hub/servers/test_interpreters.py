"""A Python for students is one that any user can run; without one it is said what helps."""

import os

import pytest

from introml.hub.servers import interpreters
from introml.hub.servers.interpreters import NoPython, find_interpreter, others_can_run


def test_a_python_is_found_that_others_can_run():
    assert others_can_run(find_interpreter(), "import venv")


def test_without_one_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(interpreters, "_PLACES", (str(tmp_path),))
    with pytest.raises(NoPython, match="apt install python3 python3-venv"):
        find_interpreter()


def test_a_python_without_venv_is_named(monkeypatch, tmp_path):
    fake = tmp_path / "python3"
    fake.write_text('#!/bin/sh\ncase "$2$4" in *ensurepip*) exit 1;; *version*) echo 3.12;; esac\n')
    fake.chmod(0o755)
    monkeypatch.setattr(interpreters, "_PLACES", (str(tmp_path),))
    monkeypatch.setattr(interpreters, "others_can_run", lambda *x: True)
    with pytest.raises(NoPython, match=r"apt install python3\.12-venv"):
        find_interpreter()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as another user")
def test_what_others_cannot_reach_they_cannot_run(tmp_path):
    hidden = tmp_path / "python"
    hidden.symlink_to("/usr/bin/python3")
    tmp_path.chmod(0o700)
    assert not others_can_run(str(hidden))
