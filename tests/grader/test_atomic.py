"""`introml.grader.atomic`: a file is old or new, never half, and links are not followed."""

import os
import stat

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


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_private_file_can_be_read_by_its_owner_alone(tmp_path, umask):
    (tmp_path / "open.json").write_text("old")
    (tmp_path / "open.json").chmod(0o666)
    (tmp_path / ".open.json.new").write_text("left by a killed writer")
    (tmp_path / ".open.json.new").chmod(0o666)
    before = os.umask(umask)
    try:
        for name in ("open.json", "new.json"):
            atomic.write(tmp_path / name, "secret", private=True)
    finally:
        os.umask(before)
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}


def test_who_had_a_killed_writers_file_open_reads_nothing_of_the_next(tmp_path):
    (tmp_path / ".a.json.new").write_text("")
    with (tmp_path / ".a.json.new").open() as opened:
        atomic.write(tmp_path / "a.json", "secret", private=True)
        assert opened.read() == ""


def test_under_sudo_it_belongs_to_who_typed_the_command(tmp_path, monkeypatch):
    owners = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda place, user, group: owners.append((user, group)))
    monkeypatch.setenv("SUDO_UID", "1234")
    atomic.write(tmp_path / "a.json", "secret", private=True)
    assert owners == [(1234, -1)]
    assert mode(tmp_path / "a.json") == 0o600
