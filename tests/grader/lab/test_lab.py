"""A lab's folder: settings, checks, wrong solutions, version."""

import datetime
import shutil

import pytest
from tiny import copy_of_tiny, tiny

from introml.grader.lab import lab as lab_module
from introml.grader.lab.lab import labs, load_lab
from introml.grader.lab.source import LabError
from introml.site.labs import write_handouts


def test_settings():
    settings = tiny().settings
    assert settings.title == "Least squares by hand"
    assert settings.solutions_from == datetime.date(2999, 1, 1)
    assert (settings.limits.wall_s, settings.limits.cpu_s, settings.limits.check_s) == (30, 30, 5)
    assert settings.late.max == 0.5
    assert [tier.name for tier in settings.tiers] == ["cpu", "cuda"]
    assert settings.families == ("losses", "autograd")
    assert "torch.nn.MSELoss" in {one.name for one in settings.forbidden}


def test_checks_are_listed_without_running_them(tmp_path):
    folder = copy_of_tiny(tmp_path, checks_py=lambda text: text + "\nraise SystemExit('ran')\n")
    listed = load_lab(folder).check_list()
    assert [(one.name, one.points, one.tier) for one in listed if not one.hidden] == [
        ("loss_is_a_mean", 2.0, "cpu"), ("gradient_is_right", 2.0, "cpu"),
        ("gradient_on_a_gpu", 1.0, "cuda"), ("step_goes_downhill", 1.0, "cpu"),
    ]  # fmt: skip
    assert sum(one.hidden for one in listed) == 3


def test_the_list_is_that_of_the_checks_themselves():
    from introml.grader.checks.checks import load_checks

    lab = tiny()
    loaded = load_checks(lab.public_checks) + load_checks(lab.hidden_checks, hidden=True)
    assert [(x.name, x.title, x.points, x.tier, x.hidden) for x in loaded] == [
        (x.name, x.title, x.points, x.tier, x.hidden) for x in lab.check_list()
    ]


@pytest.mark.parametrize("name", ["lab.md", "lab.toml", "checks.py", "hidden_checks.py"])
def test_the_version_changes_with_each_file(tmp_path, name):
    folder = copy_of_tiny(tmp_path)
    before = load_lab(folder).version
    assert before == load_lab(folder).version == tiny().version
    path = folder / name
    path.write_text(path.read_text() + "\n")
    assert load_lab(folder).version != before


def test_the_version_changes_with_what_checks_may_import_and_not_with_answers_to_try(tmp_path):
    folder = copy_of_tiny(tmp_path)
    before = load_lab(folder).version
    (folder / "wrong" / "sum_for_mean.toml").unlink()
    (folder / "right" / "loops.py").unlink()
    assert load_lab(folder).version == before
    (folder / "drawn.py").write_text("def draw(rng): ...\n")
    assert load_lab(folder).version != before


def test_the_version_is_the_same_before_and_after_the_site_is_built(tmp_path):
    """The build writes the lab's page into the lab's folder, another one each term."""
    root = tmp_path / "book"
    folder = copy_of_tiny(root / "labs")
    before = load_lab(folder).version
    (page,) = write_handouts(root)
    assert page.parent == folder
    assert load_lab(folder).version == before
    private = tmp_path / "private"
    private.mkdir()
    shutil.copy(folder / "hidden_checks.py", private)
    with_page = load_lab(folder, hidden=private).version
    page.unlink()
    assert load_lab(folder, hidden=private).version == with_page


def test_private_hidden_checks_take_the_place_of_the_labs_own(tmp_path):
    private = tmp_path / "private"
    private.mkdir()
    text = tiny().hidden_checks.read_text().replace("steps_go_on", "steps_never_stop")
    (private / "hidden_checks.py").write_text(text)
    lab = load_lab(tiny().folder, hidden=private)
    assert lab.hidden_checks == private / "hidden_checks.py"
    assert "steps_never_stop" in [one.name for one in lab.check_list()]
    assert "steps_go_on" not in [one.name for one in lab.check_list()]
    assert lab.version != tiny().version
    before = lab.version
    (private / "data.py").write_text("beside = 1\n")
    assert load_lab(tiny().folder, hidden=private).version != before


def test_private_checks_may_lie_in_a_folder_of_the_labs_name(tmp_path):
    (tmp_path / "tiny").mkdir()
    path = tmp_path / "tiny" / "hidden_checks.py"
    path.write_text(tiny().hidden_checks.read_text())
    assert load_lab(tiny().folder, hidden=tmp_path).hidden_checks == path
    with pytest.raises(LabError, match=r"neither tiny/hidden_checks\.py nor"):
        load_lab(tiny().folder, hidden=tiny().folder / "wrong")


def test_a_lab_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(lab_module, "LABS", tmp_path)
    copy_of_tiny(tmp_path)
    assert labs(tmp_path) == ["tiny"]
    assert load_lab("tiny").name == "tiny"
    with pytest.raises(LabError, match=r"tinny: is no lab"):
        load_lab("tinny")
    with pytest.raises(LabError, match=r"is no lab"):
        load_lab("../tiny/wrong")
    with pytest.raises(LabError, match=r"is no lab"):
        load_lab(tmp_path)


SETTINGS = {
    "no title": ('title = "Least squares by hand"\n', "", "title is missing"),
    "an unknown setting": ("attempts = 10", "atempts = 10", "atempts is not a setting"),
    "negative attempts": ("attempts = 10", "attempts = -1", "attempts is -1"),
    "half an attempt": ("attempts = 10", "attempts = 1.5", "must be a whole number"),
    "an unknown policy": ('"best"', '"mean"', "one of 'best', 'last'"),
    "a date with a time": ("2999-01-01", "2999-01-01T10:00:00", "must be a date"),
    "a share above one": ("per_day = 0.1", "per_day = 10", "per_day is 10"),
    "a lateness that is not finite": ("max = 0.5", "max = nan", "late.max is nan"),
    "no limit": ("wall_s = 30\n", "", "limits.wall_s is missing"),
    "a limit of the wrong kind": ("wall_s = 30", "wall_s = true", "limits.wall_s is True"),
    "an unknown limit": ("check_s = 5", "chek_s = 5", "limits.chek_s is not a setting"),
    "little memory": ("memory_mb = 1500", "memory_mb = 1", "limits.memory_mb is 1"),
    "no cpu tier": ('name = "cpu"', 'name = "cuda"', "there must be one named cpu"),
    "an unknown tier": ('name = "cuda"', 'name = "tpu"', "tier.name is 'tpu'"),
    "a family that is none": ('"losses"', '"loss"', "families names 'loss', which is none"),
    "one family for a list": ('["losses", "autograd"]', '"losses"', "must be a list of names"),
    "not TOML": ("attempts = 10", "attempts: 10", "is not TOML"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_wrong_with_the_settings_is_said(tmp_path, name):
    old, new, said = SETTINGS[name]

    def change(text):
        assert old in text
        return text.replace(old, new, 1)

    with pytest.raises(LabError) as caught:
        load_lab(copy_of_tiny(tmp_path, lab_toml=change))
    assert said in str(caught.value)
    assert "lab.toml" in str(caught.value)


CHECKS = {
    "computed points": ("points=2,", "points=1 + 1,", "points of check 'loss_is_a_mean'"),
    "no title": (', title="A step goes downhill"', "", "needs points=<number> and title=<text>"),
    "a name twice": ("def gradient_is_right", "def loss_is_a_mean", "is there twice"),
    "not Python": ("import torch\n", "import torch torch\n", "is not Python"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_wrong_with_the_checks_is_said(tmp_path, name):
    old, new, said = CHECKS[name]
    folder = copy_of_tiny(tmp_path, checks_py=lambda text: text.replace(old, new, 1))
    with pytest.raises(LabError) as caught:
        load_lab(folder).check_list()
    assert said in str(caught.value)
