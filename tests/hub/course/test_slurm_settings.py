"""The table [slurm]: what is taken, and what is refused with a sentence that helps."""

import pytest

from introml.hub.course.course import CourseError
from introml.hub.course.settings import read_settings
from introml.hub.course.slurm_settings import TEMPLATE

GOOD = """
[slurm]
url = "http://127.0.0.1:8000/services/course/"
token_file = "/shared/token"
python = "/shared/python"
cpu = {workers = 8, minutes = 30, options = ["--qos=low", "--exclusive"]}
cuda = {partition = "gpu,big"}
"""


def read(tmp_path, text):
    path = tmp_path / "course.toml"
    path.write_text(text)
    return read_settings(path).slurm


def test_what_is_left_out_has_its_default(tmp_path):
    slurm = read(tmp_path, GOOD)
    cpu, cuda = slurm.tiers["cpu"], slurm.tiers["cuda"]
    assert (cpu.workers, cpu.minutes, cpu.gres) == (8, 30, "")
    assert cpu.options == ("--qos=low", "--exclusive")
    assert (cuda.workers, cuda.partition, cuda.gres) == (4, "gpu,big", "gpu:1")
    assert (slurm.user, slurm.logs) == ("", None)


def test_a_course_without_slurm_has_none(tmp_path):
    assert read(tmp_path, "") is None


def test_the_template_is_right_once_it_is_no_comment(tmp_path):
    lines = [line.removeprefix("# ") for line in TEMPLATE.splitlines()[2:]]
    assert read(tmp_path, "\n".join(lines)).tiers["cuda"].minutes == 60


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('url = "http://127.0.0.1:8000/services/course/"', "", "url is missing"),
        ("http:", "file:", "slurm.url"),
        ("course/", "course", "slurm.url"),
        ("/shared/token", "token", "absolute"),
        ("workers = 8", "workers = 501", "slurm.cpu.workers"),
        ("workers = 8", "workers = true", "slurm.cpu.workers"),
        ("workers = 8", "wrokers = 8", "slurm.cpu.wrokers is no setting; did you mean workers"),
        ("gpu,big", "gpu --uid=root", "slurm.cuda.partition"),
        ("--qos=low", "--uid=0", "cannot be given"),
        ("--qos=low", "-p x", "cannot be given"),
        ("--qos=low", "--wrap=id", "cannot be given"),
        ("--qos=low", "--comment=a b", "cannot be given"),
        ("cuda =", "gpu =", "slurm.gpu is no setting; did you mean cpu"),
        (
            "cpu = {",
            "cpu = {cpus = 0, ",
            "slurm.cpu.cpus is 0; it must be a whole number from 1 to",
        ),
        ('"--qos=low"', "3", "slurm.cpu.options is .3, '--exclusive'.; it must be a list of texts"),
        ("gpu,big", "gpu\\nbig", "slurm.cuda.partition is 'gpu.*; it must be a text of letters"),
        ("/shared/python", "", "slurm.python is ''; it must be an absolute path"),
        ("cpu = {", "cpu = 3 #", "slurm.cpu is 3"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, words):
    assert old in GOOD
    with pytest.raises(CourseError, match=words):
        read(tmp_path, GOOD.replace(old, new))


def test_a_number_is_no_table(tmp_path):
    with pytest.raises(CourseError, match="must be a table"):
        read(tmp_path, "slurm = 3")


def test_without_a_tier_there_is_nothing_to_start(tmp_path):
    text = "".join(line for line in GOOD.splitlines(keepends=True) if "= {" not in line)
    with pytest.raises(CourseError, match="slurm: no tier is there; write cpu = "):
        read(tmp_path, text)
