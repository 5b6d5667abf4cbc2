"""The page *Writing a lab*: its small lab is a good one, and what it says of settings is so."""

import dataclasses
import re
import tomllib

import numpy as np
import pytest

from introml.book.paths import ROOT
from introml.grader.authoring.lab_test import prove_lab
from introml.grader.authoring.mutants import Fate, Fates, grade, mutants, told
from introml.grader.checks.checks import CheckFailed, load_checks
from introml.grader.checks.speed import Speed
from introml.grader.lab.lab import load_lab
from introml.grader.lab.settings import LabLimits, LabSettings, LateRule, Tier
from introml.grader.lab.source import _KINDS
from introml.grader.run.checker import Checker, Setup

PAGE = (ROOT / "book" / "writing-a-lab.md").read_text(encoding="utf-8")
FILE = re.compile(
    r"^`labs/straight-line/(?P<name>[\w./-]+)`[^\n]*:\n\n(?P<fence>`{3,})\w+\n(?P<body>.*?)^(?P=fence)$",
    re.DOTALL | re.MULTILINE,
)
FILES = {one["name"]: one["body"] for one in FILE.finditer(PAGE)}


@pytest.fixture
def lab(tmp_path):
    folder = tmp_path / "straight-line"
    for name, body in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    return load_lab(folder)


def test_the_page_has_every_file_of_its_lab():
    table = PAGE.partition("## 1.")[0]
    named = set(re.findall(r"^\| `([\w./]+)` \|", table, re.MULTILINE))
    assert {name.partition("/")[0] for name in FILES} == {one.rstrip("/") for one in named}
    assert {"wrong/sum-for-mean.toml", "wrong/one-after-the-other.py"} < set(FILES)


def test_the_small_lab_is_good(lab):
    report = prove_lab(lab, seeds=3, mutants_s=0)
    assert report.good, report.problems


def test_its_mutants_are_caught(lab):
    """A tenth of them; the whole is `introml lab test`."""
    with Checker(Setup(str(lab.folder), 0)) as checker:
        fates = grade(checker, mutants(lab)[::10], 600)
    assert fates.tried == fates.total > 20
    assert told(fates, []) == []


def test_a_survivor_is_told_as_on_the_page(lab):
    summed = "return ((w * x + b - y) ** 2).sum()"
    made = [one for one in mutants(lab) if one.answer == "solution" and one.new == summed]
    fates = Fates(1, 1, [Fate(made[0], survives=True)])
    fates.caught["loss"]["loss_is_a_mean"] += 1
    (problem,) = told(fates, [])
    assert f"✗ {problem}\n" in PAGE
    for number in re.findall(r"some (\d+), a lab of ordinary size", PAGE):
        assert abs(len(mutants(lab)) - int(number)) < 40


def fields(kind: type) -> dict:
    return {one.name: one.default for one in dataclasses.fields(kind)}


def test_its_lab_toml_has_every_setting_with_its_default():
    values = tomllib.loads(FILES["lab.toml"])
    (tier,) = values.pop("tier")
    late, limits = values.pop("late"), values.pop("limits")
    settings = fields(LabSettings)
    assert values.keys() == settings.keys() - {"tiers", "late", "limits"}
    assert late.keys() == fields(LateRule).keys() - {"zone"}  # the course says which
    assert limits.keys() == fields(LabLimits).keys()
    assert tier.keys() == fields(Tier).keys()
    shown = {"policy": values["policy"], "compiler": values["compiler"]}
    assert shown == {name: settings[name] for name in shown}
    sizes = fields(LabLimits)
    assert all(
        limits[name] == sizes[name] for name in sizes if sizes[name] is not dataclasses.MISSING
    )
    assert limits["cpu_s"] == limits["wall_s"]
    assert settings["attempts"] == 0
    assert settings["families"] == ()
    assert settings["late"].max == 0


def test_what_must_be_in_lab_toml_is_what_the_page_says(lab, tmp_path):
    said = re.search(r"^(`title`.*?) must be there\.", PAGE, re.MULTILINE)[1]
    names = set(re.findall(r"`(\w+)`", said)) - {"cpu"}
    values = tomllib.loads(FILES["lab.toml"])
    flat = {*values, *values["limits"]} - {"limits", "late", "tier"}
    for name in flat:
        text = re.sub(rf"^{name} = .*$", "", FILES["lab.toml"], count=1, flags=re.MULTILINE)
        (lab.folder / "lab.toml").write_text(text, encoding="utf-8")
        if name in names:
            with pytest.raises(Exception, match=f"{name} is missing"):
                load_lab(lab.folder)
        else:
            load_lab(lab.folder)


def test_the_tags_on_the_page_are_those_that_there_are():
    table = re.search(r"^\| tag \|.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)[0]
    tags = [
        frozenset(re.findall(r"\w+", one)) for one in re.findall(r"^\| `(.+?)` \|", table, re.M)
    ]
    assert {*tags, frozenset()} == set(_KINDS)


BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
(TIMED,) = (one for one in BLOCKS if "assert_growth" in one)


class Counted:
    """A submission whose calls take as long as is said."""

    def __init__(self, seconds):
        self.seconds = seconds

    def timed(self, name, w, b, x, y):
        assert (name, w.shape, x.shape) == ("gradient", (), y.shape)
        return self.seconds(len(x)), None


def test_the_checks_of_time_on_the_page_are_checks(tmp_path, monkeypatch):
    path = tmp_path / "hidden_checks.py"
    path.write_text(TIMED, encoding="utf-8")
    grows, quick = load_checks(path, hidden=True)
    rng = np.random.default_rng(0)
    grows.run(Counted(lambda n: n * 1e-9 + 0.001), rng)
    with pytest.raises(CheckFailed, match="One pass"):
        grows.run(Counted(lambda n: n * n * 1e-12 + 0.001), rng)
    seen = []

    def compared(submission, target, reference, make_inputs, rng, *, hint):
        seen.append((target, [one.shape for one in make_inputs(rng)]))
        namespace = {}
        exec(reference, namespace)
        assert target in namespace
        return Speed(2.0, 1.2, 3.0, 0.01)

    monkeypatch.setitem(quick.run.__globals__, "compare_speed", compared)
    assert quick.run(None, rng) == 1
    assert seen == [("gradient", [(), (), (500_000,), (500_000,)])]
