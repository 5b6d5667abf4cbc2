"""A course's folder, settings and secrets."""

import pytest

from introml.hub.course.course import Course, CourseError, read_settings


def test_a_new_course_is_for_its_owner_alone_and_its_settings_can_be_read(tmp_path):
    course = Course.at(tmp_path / "new")
    course.database.migrate()
    assert course.folder.stat().st_mode & 0o777 == 0o700
    assert course.settings.workers == 2
    assert list(course.labs) == ["attention", "gradient-descent"]
    course.database.close()


def test_a_folder_that_others_can_read_is_refused_with_the_remedy(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    with pytest.raises(CourseError, match="chmod 700"):
        Course.at(folder)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("workers = 999", "must be 0 to 256"),
        ("workers = true", "must be a int"),
        ('labs = "attention"', "must be a list"),
        ('labs = ["atention"]', "'atention' is no lab; there are: attention, gradient-descent"),
        ("wrokers = 2", "wrokers is no setting; allowed are title"),
        ("largest = 5", "must be 1000"),
        ('hidden = "/nowhere"', "there is no such folder"),
        ('labs_folder = "/nowhere"', "there is no such folder"),
        ("title = ", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(tmp_path, line, words):
    path = tmp_path / "course.toml"
    path.write_text(line)
    with pytest.raises(CourseError, match=words):
        read_settings(path)


def test_a_secret_is_made_once_and_for_its_owner_alone(sqlite_course):
    secret = sqlite_course.secret("worker")
    assert len(secret) >= 40
    assert sqlite_course.secret("worker") == secret != sqlite_course.secret("other")
    assert (sqlite_course.folder / "worker.secret").stat().st_mode & 0o777 == 0o600
