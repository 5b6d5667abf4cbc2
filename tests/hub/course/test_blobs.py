"""Submitted bytes: kept once, never changed, and noticed when the disk changed them."""

import hashlib

import pytest

from introml.hub.course.blobs import BlobDamaged, Blobs


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def test_what_is_kept_can_be_read_and_is_kept_once(blobs):
    name = blobs.keep(b"work")
    assert name == hashlib.sha256(b"work").hexdigest()
    assert blobs.keep(b"work") == name
    assert blobs.read(name) == b"work"
    assert list(blobs.all()) == [name]


def test_only_the_owner_can_read(blobs):
    name = blobs.keep(b"work")
    path = blobs.folder / name[:2] / name
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_changed_file_is_noticed_and_so_is_a_missing_one(blobs):
    name = blobs.keep(b"work")
    (blobs.folder / name[:2] / name).write_bytes(b"fake")
    with pytest.raises(BlobDamaged, match="was changed on disk"):
        blobs.read(name)
    blobs.remove(name)
    blobs.remove(name)
    with pytest.raises(BlobDamaged, match="is missing"):
        blobs.read(name)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_only_a_hash_names_a_file(blobs, name):
    with pytest.raises(ValueError, match="no sha256"):
        blobs.read(name)
