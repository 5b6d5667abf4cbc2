"""A course's folder, settings and secrets."""

import re
import shutil
import subprocess
import sys

import pytest
from tiny_course import make_course

from introml.hub.course.course import Course, CourseError
from introml.hub.course.settings import TEMPLATE, Settings, read_settings


def test_a_new_course_is_for_its_owner_alone_and_its_settings_can_be_read(tmp_path):
    course = Course.at(tmp_path / "new")
    course.database.migrate()
    assert course.folder.stat().st_mode & 0o777 == 0o700
    assert course.settings.workers == 2
    assert set(course.labs) == {"attention", "autograd-engine", "convolution", "gradient-descent"}
    course.database.close()


def test_a_new_course_has_the_machines_time_zone_and_an_older_one_keeps_utc(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    new = Course.at(tmp_path / "new")
    assert new.settings.time_zone == "Asia/Tokyo"
    assert {f"{lab.settings.zone}" for lab in new.labs.values()} == {"Asia/Tokyo"}
    (tmp_path / "old").mkdir(mode=0o700)
    (tmp_path / "old/course.toml").write_text('title = "Before there were zones"\n')
    assert f"{Course.at(tmp_path / 'old').zone}" == "UTC"


def test_a_folder_that_others_can_read_is_refused_with_the_remedy(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    with pytest.raises(CourseError, match="chmod 700"):
        Course.at(folder)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("workers = 999", "line 2: workers is 999; it must be a whole number from 0 to 256"),
        ("workers = -1", "line 2: workers is -1; it must be a whole number from 0 to 256"),
        ("workers = true", "line 2: workers is True; it must be a whole number from 0 to 256"),
        ("workers = 2.0", "line 2: workers is 2.0; it must be a whole number from 0 to 256"),
        ('workers = "2"', "line 2: workers is '2'; it must be a whole number from 0 to 256"),
        ("title = 3", "line 2: title is 3; it must be a text"),
        ('labs = "attention"', "line 2: labs is 'attention'; it must be a list of texts"),
        ("gpu_labs = [\n 1]", "line 2: gpu_labs is [1]; it must be a list of texts"),
        (
            'labs = ["atention"]',
            "'atention' is no lab; did you mean attention? there are: "
            "attention, autograd-engine, convolution, gradient-descent",
        ),
        (
            "wrokers = 2",
            "line 2: wrokers is no setting; did you mean workers? Allowed are title, time_zone, "
            "labs, labs_folder, gpu_labs, database, hidden, workers, book_needs_sign_in, "
            "largest, hub, signin, slurm",
        ),
        ("x = 2", "line 2: x is no setting; allowed are title, time_zone, labs,"),
        ("largest = 5", "line 2: largest is 5; it must be a whole number from 1000 to 1000000000"),
        ('hidden = "/nowhere"', "line 2: hidden is '/nowhere'; there is no such folder"),
        ('labs_folder = "/nowhere"', "line 2: labs_folder is '/nowhere'; there is no such folder"),
        (
            'time_zone = "Europe/Berln"',
            "line 2: time_zone is 'Europe/Berln'; there is no such time zone; did you mean "
            "Europe/Berlin? write one such as Europe/Berlin",
        ),
        ('time_zone = "../../etc/passwd"', "there is no such time zone; write one such as"),
        ("hub = 3", "line 2: hub is 3; it must be a table, such as [hub]"),
        ("[[signin]]", "line 2: signin is [{}]; it must be a table, such as [signin]"),
        ("[hub]\nprot = 1", "line 3: hub.prot is no setting; did you mean port? Allowed are"),
        ("[hub]\nport = 70000", "line 3: hub.port is 70000; it must be a whole number from 0 to"),
        ("[hub]\nstudent_hosts = 1", "hub.student_hosts is 1; it must be true or false"),
        ("[hub]\nidle_minutes = -1", "hub.idle_minutes is -1; it must be a whole number, 0 or m"),
        ("title = ", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(tmp_path, line, words):
    path = tmp_path / "course.toml"
    path.write_text(f"# A comment.\n{line}\n")
    with pytest.raises(CourseError, match=re.escape(words)) as refused:
        read_settings(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_all_that_is_wrong_is_named_at_once_each_with_its_line(tmp_path):
    path = tmp_path / "course.toml"
    path.write_text(
        'title = """\nworkers = 3\n"""\nworkers = 999\n\n[hub]\nport = "80"\n'
        'base_url = "x"\n[slurm]\ncpu = {workers = 501}\n'
    )
    with pytest.raises(CourseError) as refused:
        read_settings(path)
    said = sorted(line.removeprefix(f"{path}: ") for line in str(refused.value).splitlines())
    assert said == [
        "line 10: slurm.cpu.workers is 501; it must be a whole number from 0 to 500",
        "line 4: workers is 999; it must be a whole number from 0 to 256",
        "line 7: hub.port is '80'; it must be a whole number from 0 to 65535",
        "line 8: hub.base_url is 'x'; it begins and ends with /",
        "line 9: slurm.python is missing; it must be an absolute path, as it is on the nodes",
        "line 9: slurm.token_file is missing; it must be an absolute path, as it is on the nodes",
        "line 9: slurm.url is missing; it must be the service's address, such as "
        "https://hub.example.edu/services/course/",
    ]


def test_a_long_value_is_not_told_in_full(tmp_path):
    path = tmp_path / "course.toml"
    path.write_text(f'workers = "{"x" * 100_000}"')
    with pytest.raises(CourseError, match="workers is 'xxx") as refused:
        read_settings(path)
    assert len(str(refused.value)) < 500


def test_what_is_read_cannot_be_changed_and_is_of_its_type(tmp_path):
    path = tmp_path / "course.toml"
    path.write_text('labs = ["attention"]\n[hub]\nport = 1\n[signin]\nkind = "oauth"\nx = 2\n')
    read = read_settings(path)
    assert (read.labs, read.gpu_labs, read.hub.port) == (("attention",), (), 1)
    assert (read.hub.address, read.slurm) == ("127.0.0.1", None)
    assert (read.signin.kind, read.signin.others) == ("oauth", {"x": 2})
    with pytest.raises(ValueError, match="frozen"):
        read.workers = 7


def test_each_setting_that_a_new_course_explains_is_one(tmp_path):
    """All that the comments of a new course.toml offer is taken once it is no comment."""
    (tmp_path / "labs").mkdir()
    lines = [re.sub(r"^# (?=\[|\w+ = )", "", line) for line in TEMPLATE.splitlines()]
    text = "\n".join(line for line in lines if not line.startswith("labs_folder"))
    path = tmp_path / "course.toml"
    path.write_text(text.replace("/srv/introml-hidden", str(tmp_path)))
    read = read_settings(path)
    assert read.model_fields_set == set(Settings.model_fields) - {"labs_folder"}
    assert read.hub.student_hosts
    assert read.slurm.cuda.gres == "gpu:1"


def test_students_servers_do_not_pay_for_the_settings():
    """What runs in a student's server, or before it, loads neither pydantic nor a course."""
    code = (
        "import sys\n"
        "from introml.hub.servers import clone_packages, quick, singleuser, slurm_singleuser\n"
        "from introml.hub.servers import students_env\n"
        "import introml.hub.course, introml.hub.people\n"
        "print(*sorted({'pydantic', 'sqlalchemy', 'argon2', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stdout.split() == []


def test_a_secret_is_made_once_and_for_its_owner_alone(sqlite_course):
    secret = sqlite_course.secret("worker")
    assert len(secret) >= 40
    assert sqlite_course.secret("worker") == secret != sqlite_course.secret("other")
    assert (sqlite_course.folder / "worker.secret").stat().st_mode & 0o777 == 0o600


def test_the_labs_stand_in_the_books_order_unless_the_settings_have_another(tmp_path):
    from introml.book.paths import ROOT

    contents = (ROOT / "_toc.yml").read_text()
    ours = list(Course.at(tmp_path / "course").labs)
    assert len(ours) >= 2
    assert ours == sorted(ours, key=lambda name: contents.index(f"labs/{name}/handout"))
    assert ours != sorted(ours), "this order tells nothing from that of the names"
    (tmp_path / "other").mkdir(mode=0o700)
    listed = ", ".join(f'"{name}"' for name in reversed(ours))
    (tmp_path / "other" / "course.toml").write_text(f"labs = [{listed}]\n")
    assert list(Course.at(tmp_path / "other").labs) == ours[::-1]


def test_labs_that_no_contents_list_come_last_by_name(tmp_path):
    course = make_course(tmp_path)
    course.database.close()
    labs = tmp_path / "labs"
    for name in ("b-lab", "a-lab"):
        shutil.copytree(labs / "tiny", labs / name)
    assert list(Course.at(course.folder).labs) == ["a-lab", "b-lab", "tiny"]
    (tmp_path / "_toc.yml").write_text(
        "chapters:\n- file: labs/tiny/handout\n  # - file: labs/a-lab/handout\n"
        "- file: labs/gone/handout\n"
    )
    assert list(Course.at(course.folder).labs) == ["tiny", "a-lab", "b-lab"]


def test_links_name_the_port_at_which_the_hub_was_last_started(sqlite_course):
    assert sqlite_course.url == "http://127.0.0.1:8000/"
    sqlite_course.runs_at("http://127.0.0.1:8001/")
    assert Course.at(sqlite_course.folder).url == "http://127.0.0.1:8001/"
    path = sqlite_course.folder / "course.toml"
    path.write_text(f'{path.read_text()}[hub]\npublic_url = "https://hub.example.edu"\n')
    assert Course.at(sqlite_course.folder).url == "https://hub.example.edu/"
