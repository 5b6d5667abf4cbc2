"""A worker's labs: warm where nothing changed, fresh where something did."""

import shutil
import sys
from pathlib import Path

import pytest
from tiny_course import labs_folder

from introml.grader.desk import Options, Stopped
from introml.grader.lab import LabError
from introml.grader.uploads import Content
from introml.hub.desks import Desks

FAKE = Options(command=(
    sys.executable, "-I", str(Path(__file__).parents[1] / "grader" / "fake_checker.py")
))  # fmt: skip


@pytest.fixture
def labs(tmp_path):
    folder = labs_folder(tmp_path)
    for name in ("second", "third"):
        shutil.copytree(folder / "tiny", folder / name)
    return folder


@pytest.fixture
def desks(labs):
    desks = Desks(labs, most=2, options=FAKE)
    yield desks
    desks.close()


def pid(desk):
    return desk.grade("s", Content(b"good", "0")).measured["pid"]


def test_a_checker_stays_warm(desks):
    first = pid(desks.at("tiny", 1))
    assert pid(desks.at("tiny", 1)) == first


def test_a_mended_check_holds_from_the_next_grading_on(desks, labs):
    before = desks.at("tiny", 1)
    first = pid(before)
    checks = labs / "tiny" / "hidden_checks.py"
    checks.write_text(checks.read_text().replace("points=2", "points=3"))
    after = desks.at("tiny", 1)
    assert after.lab.version != before.lab.version
    assert pid(after) != first


def test_changed_cells_are_read_anew(desks, labs):
    desks.at("tiny", 1)
    lab = labs / "tiny" / "lab.md"
    lab.write_text(lab.read_text().replace("# Least squares", "# Smallest squares"))
    cells = desks.at("tiny", 1).lab.cells
    assert any("Smallest squares" in cell.source for cell in cells)


def test_another_seed_takes_another_checker(desks):
    assert pid(desks.at("tiny", 1)) != pid(desks.at("tiny", 2))


def test_only_so_many_are_kept_the_one_used_longest_ago_goes(desks):
    pids = {name: pid(desks.at(name, 1)) for name in ("tiny", "second")}
    desks.at("tiny", 1)
    desks.at("third", 1)
    assert pid(desks.at("tiny", 1)) == pids["tiny"]
    assert pid(desks.at("second", 1)) != pids["second"]


@pytest.mark.parametrize("name", ["none", "../tiny", "/etc", ""])
def test_what_is_no_lab_here_is_refused(desks, name):
    with pytest.raises(LabError, match="no such lab"):
        desks.at(name, 1)


def test_a_broken_lab_is_refused_and_a_mended_one_taken(desks, labs):
    settings = labs / "tiny" / "lab.toml"
    text = settings.read_text()
    settings.write_text("title = ")
    with pytest.raises(LabError):
        desks.at("tiny", 1)
    settings.write_text(text)
    assert pid(desks.at("tiny", 1))


def test_after_the_stop_nothing_is_graded(desks):
    desk = desks.at("tiny", 1)
    desks.stop()
    for one in (desk, desks.at("tiny", 1), desks.at("second", 1)):
        with pytest.raises(Stopped):
            pid(one)
