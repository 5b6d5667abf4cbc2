"""The students' Python: everyone can run it, and no lab's secret is in it."""

import os
import re
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from introml.grader.lab.lab import labs, load_lab
from introml.hub.servers import students_env
from introml.hub.servers.students_env import build_wheel
from introml.site.node import ROOT


def secrets():
    """Lines that stand in hidden checks and solutions alone: long ones, none of the starter's."""
    for name in labs():
        lab = load_lab(name)
        public = lab.public_checks.read_text() + "".join(cell.starter for cell in lab.cells)
        texts = [lab.hidden_checks.read_text(), *(c.solution for c in lab.cells if c.has_regions)]
        for line in "\n".join(texts).splitlines():
            if len(line.strip()) > 50 and line.strip() not in public:
                yield line.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    with zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp("wheel"))) as file:
        yield {name: file.read(name) for name in file.namelist()}


def test_there_are_secrets_to_look_for():
    assert len(list(secrets())) > 40


def test_the_package_holds_no_hidden_check_and_no_solution(wheel):
    assert not any("hidden" in name or name.startswith("labs/") for name in wheel)
    everything = "\n".join(data.decode("utf-8", "replace") for data in wheel.values())
    assert [line for line in secrets() if line in everything] == []


def test_the_package_holds_what_the_hub_and_the_students_need(wheel):
    for name in (
        "introml/hub/servers/singleuser.py", "introml/hub/servers/quick.py",
        "introml/hub/jupyter/pages/templates/login.html", "introml/hub/web/templates/base.html",
        "introml/widgets/dist/kit.js",
    ):  # fmt: skip
        assert any(one.endswith(name) for one in wheel) or "dist" in name, name
    assert any(name.startswith("introml/widgets/dist/") for name in wheel)


def test_what_the_hub_made_for_students(real_hub):
    python = students_env.FOLDER / "bin/python"
    if os.geteuid() != 0:
        pytest.fail("only root makes the students' Python: run these tests as root")
    code = "import introml, torch, jupyterhub.singleuser; print(introml.__file__)"
    done = subprocess.run(
        [str(python), "-P", "-c", code], user="nobody", group=65534, extra_groups=[], cwd="/",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    place = Path(done.stdout.strip())
    assert place.is_relative_to(students_env.FOLDER), "it runs the folder with the solutions in it"
    texts = [p.read_text(errors="replace") for p in place.parent.rglob("*") if p.is_file()]
    everything = "\n".join(texts)
    assert [line for line in secrets() if line in everything] == []
    assert str(ROOT) not in everything
    assert (
        str(ROOT)
        not in subprocess.run(
            [str(python), "-P", "-c", "import sys; print(sys.path)"], capture_output=True, text=True
        ).stdout
    )


def test_nothing_is_done_a_second_time(real_hub):
    students_env.make_ready(students_env.FOLDER, print)
    said = []
    students_env.make_ready(students_env.FOLDER, said.append)
    assert said == []
    assert sys.executable != str(students_env.FOLDER / "bin/python")


@pytest.fixture
def made(monkeypatch, tmp_path):
    """`made(copied)`: the commands that make an environment; `copied` met these requirements."""

    def make(copied, kind=lambda python, code: "the same"):
        commands = []
        python = tmp_path / "env/bin/python"

        def run(command, what):
            commands.append(command)
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()

        monkeypatch.setattr(students_env, "find_interpreter", lambda: "/usr/bin/python3")
        monkeypatch.setattr(students_env, "_run", run)
        monkeypatch.setattr(students_env, "said_by", kind)
        monkeypatch.setattr(students_env, "others_can_run", lambda *x: True)
        monkeypatch.setattr(students_env, "build_wheel", lambda folder: folder / "introml.whl")
        monkeypatch.setattr(students_env, "copy_packages", lambda wanted, folder: copied(wanted))
        students_env.make_ready(tmp_path / "env", print)
        return [" ".join(command) for command in commands]

    return make


def test_what_was_copied_is_not_installed_again(made):
    venv, package = made(set)
    assert " -m venv " in venv
    assert package.endswith("introml.whl")


def test_the_pins_are_read_at_the_first_start_alone(made, monkeypatch):
    made(set)
    monkeypatch.setattr(students_env, "_requirements", lambda: pytest.fail("they were read again"))
    assert made(lambda wanted: pytest.fail("packages were copied again")) == []


def test_what_could_not_be_copied_is_installed_by_pip(made):
    _, install, torch, _ = made(lambda wanted: set(list(wanted)[1:]))
    assert f"-r {ROOT / 'requirements.txt'} -r {ROOT / 'requirements-hub.txt'}" in install
    assert torch.endswith(f"install -q -r {ROOT / 'requirements-torch.txt'}")


def test_what_is_copied_are_the_pins_that_hold_here(made):
    asked = set()
    made(lambda wanted: asked.update(wanted) or wanted)
    assert {one.partition("==")[0] for one in asked} >= {"torch", "jupyterlab", "jupyterhub"}
    for one in asked:
        requirement = Requirement(one)
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), one
        assert requirement.marker is None or requirement.marker.evaluate(), one


def test_nothing_is_copied_to_another_kind_of_python(made):
    def copied(wanted):
        pytest.fail("packages were copied")

    assert len(made(copied, kind=lambda python, code: str(python))) == 4


def test_two_that_start_at_once_take_turns(monkeypatch, tmp_path):
    inside, most = [], []

    def slow(folder, say):
        inside.append(folder)
        most.append(len(inside))
        time.sleep(0.1)
        inside.pop()
        return folder

    monkeypatch.setattr(students_env, "_made_ready", slow)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: students_env.make_ready(tmp_path / "new/env", print), range(3)))
    assert most == [1, 1, 1]
