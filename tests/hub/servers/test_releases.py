"""What students can read: labs that are open, the book's pages, and nothing else."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from introml.hub.course.database import now
from introml.hub.grades.submissions import dates_of
from introml.hub.servers.releases import prepare, publish


@pytest.fixture
def html(tmp_path):
    folder = tmp_path / "html"
    for name in ("chapters/a/page", "labs/tiny/tiny"):
        path = folder / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(f'{{"name": "{name}"}}')
    return folder


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def open_at(course, moment):
    with course.database.writing() as session:
        dates_of(session, "tiny").opens_at = moment


def test_labs_and_pages(sqlite_course, html, tmp_path):
    shared = tmp_path / "shared"
    prepare(sqlite_course, shared, html)
    assert files(shared) == [
        "book/chapters/a/page.ipynb", "releases/tiny/tiny.ipynb", "releases/tiny/tiny_checks.py"
    ]  # fmt: skip


def test_no_solution_and_no_hidden_check_is_among_them(sqlite_course, html, tmp_path):
    shared = tmp_path / "shared"
    prepare(sqlite_course, shared, html)
    for path in (shared / "releases").rglob("*.*"):
        text = path.read_text()
        assert "introml-canary" not in text
        assert "tiny_solution" not in text


def test_others_can_read_all_of_it_whatever_the_umask(sqlite_course, html, tmp_path):
    shared = tmp_path / "shared"
    before = os.umask(0o077)
    try:
        prepare(sqlite_course, shared, html)
    finally:
        os.umask(before)
    for path in [shared, *shared.rglob("*")]:
        wanted = 0o755 if path.is_dir() else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    waiting = sqlite_course.folder / "releases"
    assert all(not p.stat().st_mode & 0o077 for p in waiting.rglob("*") if p.is_dir())


def test_a_lab_appears_when_it_opens_and_goes_when_that_is_put_off(sqlite_course, html, tmp_path):
    shared = tmp_path / "shared"
    lab = shared / "releases" / "tiny"
    open_at(sqlite_course, now() + timedelta(hours=1))
    prepare(sqlite_course, shared, html)
    assert not lab.exists()
    assert not any("labs" in name for name in files(shared)), "the book's pages give it away"
    open_at(sqlite_course, now() - timedelta(seconds=1))
    publish(sqlite_course, shared)
    assert (lab / "tiny.ipynb").exists()
    open_at(sqlite_course, now() + timedelta(hours=1))
    publish(sqlite_course, shared)
    assert not lab.exists()


def test_what_is_no_more_goes(sqlite_course, html, tmp_path):
    shared = tmp_path / "shared"
    prepare(sqlite_course, shared, html)
    (html / "notebooks/chapters/a/page.ipynb").unlink()
    (shared / "releases/tiny/old_checks.py").write_text("old")
    old = shared / "releases" / "gone"
    old.mkdir()
    prepare(sqlite_course, shared, html)
    assert files(shared) == ["releases/tiny/tiny.ipynb", "releases/tiny/tiny_checks.py"]
    assert not old.exists()


def test_what_is_the_same_stays_untouched(sqlite_course, html, tmp_path):
    shared = tmp_path / "shared"
    prepare(sqlite_course, shared, html)
    before = {p: p.stat().st_ino for p in Path(shared).rglob("*")}
    prepare(sqlite_course, shared, html)
    assert {p: p.stat().st_ino for p in Path(shared).rglob("*")} == before
