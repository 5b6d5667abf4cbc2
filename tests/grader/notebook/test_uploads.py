"""`notebook.uploads`: safe names for hostile ones, and files read without following links."""

import errno
import hashlib
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introml.grader.notebook import MAX_BYTES, uploads
from introml.grader.notebook.uploads import RESERVED, folder_name, read

HOSTILE_STEMS = [
    "..", ".", "", "-rf", "--out", "a\nb", "=cmd()", "a/b", "\x1b[31m", "x" * 255, "é" * 127,
    os.fsdecode(b"\xff\xfe"), "grades.csv", "run.json", ".hidden", "a\u202eb", "con ", "a\x00b",
]  # fmt: skip


@pytest.mark.parametrize("stem", HOSTILE_STEMS)
def test_hostile_stems_get_harmless_names(stem, tmp_path):
    name = folder_name(stem)
    assert name not in (".", "..", *RESERVED)
    assert not name.startswith((".", "-"))
    assert "/" not in name
    assert name.isprintable()
    assert len(name.encode("utf-8")) <= 150
    (tmp_path / name).mkdir()
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()


@given(st.text(st.characters(codec=None), max_size=300))
def test_every_stem_gets_a_harmless_name(stem):
    name = folder_name(stem)
    assert name
    assert name not in (".", "..", *RESERVED)
    assert not name.startswith((".", "-"))
    assert "/" not in name
    assert name.isprintable()
    assert len(name.encode("utf-8")) <= 150


@pytest.mark.parametrize("stem", ["ada", "hw 1 (final)", "Åsa-Märta", "=1", "a.b", "张伟"])
def test_ordinary_stems_are_kept(stem):
    assert folder_name(stem) == stem


def test_a_file_is_read_and_hashed(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b"{}")
    content = read(tmp_path / "a.ipynb")
    assert (content.data, content.refused) == (b"{}", "")
    assert content.sha256 == hashlib.sha256(b"{}").hexdigest()


def test_a_huge_file_is_cut_and_hashed_whole(tmp_path):
    with (tmp_path / "a.ipynb").open("wb") as file:
        file.truncate(60_000_000)
    content = read(tmp_path / "a.ipynb")
    assert len(content.data) == MAX_BYTES + 1
    assert content.sha256 == hashlib.sha256(bytes(60_000_000)).hexdigest()


def test_a_file_of_holes_takes_no_hours(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "_HASHED", 1 << 22)
    sizes = []
    for size in (1 << 40, 1 << 41):
        with (tmp_path / "a.ipynb").open("wb") as file:
            file.truncate(size)
        sizes.append(read(tmp_path / "a.ipynb").sha256)
    assert sizes[0] != sizes[1]


def test_links_pipes_and_folders_are_refused_in_words(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "secret")
    (tmp_path / "gone.ipynb").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.ipynb"))
    for name, words in (("link", "symbolic link"), ("gone", "symbolic link"), ("pipe", "not a f"),
                        ("folder", "not a f"), ("socket", "not a f")):  # fmt: skip
        content = read(tmp_path / f"{name}.ipynb")
        assert words in content.refused
        assert content.data == b""


def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path, monkeypatch):
    (tmp_path / "loop.ipynb").symlink_to(tmp_path / "loop.ipynb")
    assert "symbolic link" in read(tmp_path / "loop.ipynb").refused
    absent = read(tmp_path / "absent.ipynb")
    assert absent.refused.startswith("The file cannot be read: No such file or directory.")
    (tmp_path / "a.ipynb").write_bytes(b"{}")

    def denied(path, flags):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "open", denied)  # as root, no file denies
    content = read(tmp_path / "a.ipynb")
    assert content.refused.startswith("The file cannot be read: Permission denied.")
    assert content.data == b""


def test_a_file_that_fails_while_it_is_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.ipynb").write_bytes(b"{}")

    class Failing:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, size):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdopen", lambda descriptor, mode: Failing())
    assert "Input/output error" in read(tmp_path / "a.ipynb").refused
