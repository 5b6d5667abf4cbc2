"""A worker's labs: warm where nothing changed, fresh where something did."""

import shutil
import sys
from dataclasses import replace

import pytest
from tiny_course import labs_folder

from introml.book.paths import ROOT
from introml.grader.lab.source import LabError
from introml.grader.notebook.uploads import Content
from introml.grader.run.fingerprint import Fingerprint
from introml.grader.run.session import Options, Stopped
from introml.hub.queue.pool import Pool

FAKE = Options(command=(
    sys.executable, "-I", str(ROOT / "tests" / "grader" / "fake_checker.py")
))  # fmt: skip


@pytest.fixture
def labs(tmp_path):
    folder = labs_folder(tmp_path)
    for name in ("second", "third"):
        shutil.copytree(folder / "tiny", folder / name)
    return folder


@pytest.fixture
def pool(labs):
    pool = Pool(labs, most=2, options=FAKE)
    yield pool
    pool.close()


def pid(session):
    return session.grade("s", Content(b"good", "0")).measured["pid"]


def test_a_checker_stays_warm(pool):
    first = pid(pool.at("tiny", 1))
    assert pid(pool.at("tiny", 1)) == first


def test_a_mended_check_holds_from_the_next_grading_on(pool, labs):
    before = pool.at("tiny", 1)
    first = pid(before)
    checks = labs / "tiny" / "hidden_checks.py"
    checks.write_text(checks.read_text().replace("points=2", "points=3"))
    after = pool.at("tiny", 1)
    assert after.lab.version != before.lab.version
    assert pid(after) != first


def test_a_mended_grader_grades_from_the_next_submission_on(pool, monkeypatch):
    first = pid(pool.at("tiny", 1))
    today = pool.at("tiny", 1).fingerprint
    for mended in (replace(today, grader="mended"), replace(today, packages={})):
        monkeypatch.setattr(Fingerprint, "of", classmethod(lambda cls, lab, now=mended: now))
        second = pid(pool.at("tiny", 1))
        assert second != first
        assert pid(pool.at("tiny", 1)) == second
        first = second


def test_changed_cells_are_read_anew(pool, labs):
    pool.at("tiny", 1)
    lab = labs / "tiny" / "lab.md"
    lab.write_text(lab.read_text().replace("# Least squares", "# Smallest squares"))
    cells = pool.at("tiny", 1).lab.cells
    assert any("Smallest squares" in cell.source for cell in cells)


def test_another_seed_takes_another_checker(pool):
    assert pid(pool.at("tiny", 1)) != pid(pool.at("tiny", 2))


def test_only_so_many_are_kept_the_one_used_longest_ago_goes(pool):
    pids = {name: pid(pool.at(name, 1)) for name in ("tiny", "second")}
    pool.at("tiny", 1)
    pool.at("third", 1)
    assert pid(pool.at("tiny", 1)) == pids["tiny"]
    assert pid(pool.at("second", 1)) != pids["second"]


@pytest.mark.parametrize("name", ["none", "../tiny", "/etc", ""])
def test_what_is_no_lab_here_is_refused(pool, name):
    with pytest.raises(LabError, match="no such lab"):
        pool.at(name, 1)


def test_a_broken_lab_is_refused_and_a_mended_one_taken(pool, labs):
    settings = labs / "tiny" / "lab.toml"
    text = settings.read_text()
    settings.write_text("title = ")
    with pytest.raises(LabError):
        pool.at("tiny", 1)
    settings.write_text(text)
    assert pid(pool.at("tiny", 1))


def test_after_the_stop_nothing_is_graded(pool):
    session = pool.at("tiny", 1)
    pool.stop()
    for one in (session, pool.at("tiny", 1), pool.at("second", 1)):
        with pytest.raises(Stopped):
            pid(one)
