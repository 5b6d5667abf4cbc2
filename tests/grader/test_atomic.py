"""`introml.grader.atomic`: a file is old or new, never half, and links are not followed."""

import os

import pytest

from introml.grader import atomic


def test_a_file_is_replaced_whole_and_nothing_is_left_over(tmp_path):
    atomic.write(tmp_path / "a.json", "old")
    atomic.write(tmp_path / "a.json", b"new\xff")
    assert (tmp_path / "a.json").read_bytes() == b"new\xff"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    atomic.write(tmp_path / "a.json", "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic.write(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_link_is_replaced_and_its_target_untouched(tmp_path):
    (tmp_path / "precious").write_text("old")
    (tmp_path / "a.json").symlink_to(tmp_path / "precious")
    atomic.write(tmp_path / "a.json", "new")
    assert (tmp_path / "precious").read_text() == "old"
    assert not (tmp_path / "a.json").is_symlink()


def test_the_data_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), sync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
    atomic.write(tmp_path / "a.json", "new")
    assert order == ["sync", "rename", "sync"]


def test_what_a_killed_writer_left_is_taken_away_by_the_next(tmp_path):
    if os.fork() == 0:
        os.replace = lambda *_: os._exit(9)
        atomic.write(tmp_path / "a.json", "half of it")
    os.wait()
    assert len(list(tmp_path.iterdir())) == 1
    atomic.write(tmp_path / "a.json", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "new"
