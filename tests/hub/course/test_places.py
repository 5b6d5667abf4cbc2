"""Without settings, no server of a student's writes into the checkout."""

from pathlib import Path

import pytest

from introml.hub.course import places
from introml.hub.course.course import Course


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """An ordinary user, whose home is empty."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_one_person_works_in_introml_in_the_home_folder(alone):
    assert places.default_homes(alone / "src/book") == alone / "introml"


@pytest.mark.parametrize("checkout", ["introml", "introml/book", "."])
def test_a_checkout_there_is_kept_clear_of(alone, checkout):
    (alone / checkout).mkdir(parents=True, exist_ok=True)
    home = places.default_homes(alone / checkout)
    assert home == alone / "introml-home"
    if checkout != ".":
        assert not places.overlap(home, alone / checkout)


def test_another_clone_there_is_no_home_either(alone):
    (alone / "introml/.git").mkdir(parents=True)
    assert places.default_homes(alone / "src/book") == alone / "introml-home"


def test_a_link_to_the_checkout_is_the_checkout(alone):
    (alone / "src").mkdir()
    (alone / "introml").symlink_to(alone / "src")
    assert places.default_homes(alone / "src") == alone / "introml-home"


def test_the_course_uses_it(alone, monkeypatch):
    monkeypatch.setattr("introml.hub.course.course.ROOT", alone / "introml")
    assert Course.at(alone / "c").hub_settings().homes == str(alone / "introml-home")


def test_for_root_homes_are_the_machine_s(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert places.default_homes(Path("/srv/introml")) == Path("/home/introml")
