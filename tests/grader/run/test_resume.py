"""Killed at random instants and started again, grading comes to the same grades."""

import random
import threading

import psutil
import pytest
from crowd import hand_in, members
from runs import kill_and_resume
from tiny import FOLDER, cell_of, notebook, written

from introml.grader.box.boxes import GraderFault
from introml.grader.box.template import Template
from introml.grader.results.results import Verdict
from introml.grader.run.checker import Checker, Setup


@pytest.fixture
def ten(tmp_path):
    """Ten submissions for the fake checker, each slow in its own way."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(10):
        (folder / f"s{number}.ipynb").write_text(f"slow:0.0{number}")
    return folder


def test_the_whole_run_is_killed(ten, tmp_path):
    done = kill_and_resume(ten, tmp_path / "runs", 5, random.Random(1), fake=True)
    assert not done.problems
    assert done.kills >= 5
    assert done.whole >= 1


def test_true_checkers_templates_and_boxes_end_with_the_run(tmp_path):
    hand_in(tmp_path / "in", members(4, hostile_every=5))
    done = kill_and_resume(tmp_path / "in", tmp_path / "runs", 1, random.Random(2), jobs=1)
    assert not done.problems
    assert done.kills >= 1


def test_a_killed_checker_costs_nobody_a_point(tmp_path):
    hand_in(tmp_path / "in", members(4, hostile_every=5))
    done = kill_and_resume(
        tmp_path / "in", tmp_path / "runs", 1, random.Random(3), checkers=True, jobs=1
    )
    assert not done.problems
    assert done.kills >= 1


SLOW_STEP = """
class Descent:
    def __init__(self, dimensions, rate=0.1):
        self.w, self.rate, self.steps = torch.zeros(dimensions), rate, 0

    def step(self, x, y):
        self.steps += 1
        if self.steps == 2:
            import time
            time.sleep(3)
        self.w = self.w - self.rate * gradient(self.w, x, y)
        return self.w
"""


def kill(template: Template) -> None:
    """Kill the process that forks boxes; it is the only child of the one that was started."""
    (forks,) = psutil.Process(template._process.pid).children()
    forks.kill()


def test_a_template_killed_in_the_last_check_is_a_fault_of_the_grader():
    book = notebook()
    cell_of(book, "descent")["source"] = SLOW_STEP
    said = []

    def at(what, *_):
        said.append(what)
        if what == "check steps_go_on":
            threading.Timer(1, kill, [checker._template]).start()

    with Checker(Setup(str(FOLDER), 1), at) as checker:
        result = checker.grade("ada", "0", written(book))
    assert said[-1] == "check steps_go_on"
    assert result.verdict == Verdict.FAULT


def test_a_reply_cut_off_because_the_template_died_is_no_crash():
    with Template() as template, template.box() as box:
        box.send({"op": "has", "name": "x"}, 20)
        kill(template)
        box.kill("no reply")
        with pytest.raises(GraderFault, match="the template ended"):
            box.ended()
