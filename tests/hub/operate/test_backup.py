"""Backup and restore: of any moment, on both databases and between them, and past hostile files."""

import io
import json
import os
import shutil
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from full_disk import small_disk
from tiny_course import grade_next, make_course

from introml.hub.course.course import Course
from introml.hub.course.database import now
from introml.hub.course.models import Base, Event, Extension, Person, Submission
from introml.hub.grades.submissions import NotAccepted, dates_of, hand_in
from introml.hub.operate.backup import BackupError, back_up, read_backup, restore
from introml.hub.people import people


def busy(course: Course) -> list[str]:
    """A course with something in each table; returns the receipts."""
    receipts = []
    for name, data in (("ann", b"one"), ("ann", b"two"), ("bob", b"one")):
        receipts.append(hand_in(course, name, course.labs["tiny"], "é ☃.ipynb", data).receipt)
    grade_next(course, 7.0)
    with course.database.writing() as session:
        ann = people.find(session, "ann")
        session.add(Extension(person_id=ann.id, lab="tiny", due_at=now(), reason="ill, ⚠"))
        people.invite(session, people.find(session, "bob"), "tess")
    return receipts


def rows(course: Course) -> dict[str, list]:
    """All rows of all tables."""
    with course.database.reading() as session:
        return {
            table.name: sorted(map(repr, session.execute(sa.select(table)).all()))
            for table in Base.metadata.sorted_tables
        }


def empty_url(request, kind: str) -> str:
    return request.getfixturevalue("postgres").database() if kind == "postgresql" else "sqlite"


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_restored_course_is_the_same_on_either_database(course, request, tmp_path, target):
    receipts = busy(course)
    kept = course.secret("worker")
    made = back_up(course, tmp_path / "b.tar")
    assert os.stat(tmp_path / "b.tar").st_mode & 0o777 == 0o600
    assert (made.submissions, made.rows["person"], made.rows["submission"]) == (2, 3, 3)
    folder = tmp_path / "again"
    assert restore(tmp_path / "b.tar", folder, empty_url(request, target)) == made
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(x.stat().st_mode & 0o077 == 0 for x in folder.iterdir())
    assert not list(folder.glob(".*"))
    other = Course.at(folder)
    try:
        assert other.database.is_sqlite == (target == "sqlite")
        assert rows(other) == rows(course)
        assert other.secret("worker") == kept
        for text in receipts:
            receipt = other.signer.read(text)
            assert other.blobs.read(receipt.sha256) in (b"one", b"two")
        # It goes on: what comes next gets fresh numbers, and what waits is graded.
        hand_in(other, "bob", other.labs["tiny"], "x.ipynb", b"three")
        for _ in range(3):
            grade_next(other)
    finally:
        other.database.close()


def test_each_receipt_given_before_a_backup_began_is_in_it(course, tmp_path, monkeypatch):
    with course.database.writing() as session:
        people.add_people(session, [people.Entry(f"s{n}") for n in range(40)], "test")
        dates_of(session, "tiny")  # as the service does at its start
    receipts, stop = [], threading.Event()

    def student(name):
        for turn in range(4):
            if stop.is_set():
                return
            data = f"{name} {turn}".encode()
            receipts.append(hand_in(course, name, course.labs["tiny"], "a.ipynb", data).receipt)

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(student, f"s{n}") for n in range(40)]
        backups = []
        for number in range(3):
            while len(receipts) < 10 * (number + 1):
                assert not all(future.done() for future in futures)
            before = list(receipts)
            back_up(course, tmp_path / f"{number}.tar")
            backups.append((number, before))
            # Otherwise the backup may have seen a course in which nothing happened.
            while len(receipts) == len(before):
                assert not all(future.done() for future in futures)
        stop.set()
        for future in futures:
            future.result()
    for number, before in backups:
        restore(tmp_path / f"{number}.tar", tmp_path / f"again-{number}", "sqlite")
        other = Course.at(tmp_path / f"again-{number}")
        with other.database.reading() as session:
            there = {one.id: one.sha256 for one in session.scalars(sa.select(Submission))}
        for text in before:
            receipt = other.signer.read(text)
            assert there[receipt.submission] == receipt.sha256
        for sha256 in there.values():
            other.blobs.read(sha256)
        other.database.close()


def test_a_backup_holds_up_nobody(course, tmp_path, monkeypatch):
    """While the tables are being read, a student hands in: at once, and not into this backup."""
    from introml.hub.operate import backup

    whole = backup._write_table
    handed_in = []

    def slow(archive, connection, table, scratch):
        if not handed_in:
            connection.execute(sa.text("SELECT count(*) FROM person"))
            with ThreadPoolExecutor(1) as pool:
                done = pool.submit(hand_in, course, "ann", course.labs["tiny"], "x", b"meanwhile")
                handed_in.append(done.result(timeout=10))
        return whole(archive, connection, table, scratch)

    monkeypatch.setattr(backup, "_write_table", slow)
    made = back_up(course, tmp_path / "b.tar")
    assert handed_in
    assert made.rows["submission"] == 0


def test_nothing_is_written_over(sqlite_course, tmp_path):
    out = tmp_path / "b.tar"
    back_up(sqlite_course, out)
    before = out.read_bytes()
    with pytest.raises(BackupError, match="there already"):
        back_up(sqlite_course, out)
    assert out.read_bytes() == before
    dangling = tmp_path / "link.tar"
    dangling.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BackupError, match="there already"):
        back_up(sqlite_course, dangling)
    folder = tmp_path / "used"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    with pytest.raises(BackupError, match="not empty"):
        restore(out, folder)
    assert [x.name for x in folder.iterdir()] == ["mine"]
    with pytest.raises(BackupError, match="no such folder"):
        back_up(sqlite_course, tmp_path / "absent" / "b.tar")
    assert not list(tmp_path.glob(".b*"))


def test_a_database_in_use_is_refused_and_left_as_it_is(request, tmp_path, sqlite_course):
    url = empty_url(request, "postgresql")
    used = make_course(tmp_path / "used", url)
    before = rows(used)
    back_up(sqlite_course, tmp_path / "b.tar")
    with pytest.raises(BackupError, match="is not empty"):
        restore(tmp_path / "b.tar", tmp_path / "again", url)
    assert not (tmp_path / "again").exists()
    assert rows(used) == before
    used.database.close()


def test_a_restore_that_fails_leaves_nothing(request, tmp_path, sqlite_course, monkeypatch):
    from introml.hub.operate import backup

    busy(sqlite_course)
    back_up(sqlite_course, tmp_path / "b.tar")
    whole = backup._insert

    def broken(connection, table, path):
        if table.name == "submission":
            raise OSError(28, "No space left on device")
        whole(connection, table, path)

    url = empty_url(request, "postgresql")
    monkeypatch.setattr(backup, "_insert", broken)
    for database in ("sqlite", url):
        with pytest.raises(BackupError, match="is full: nothing was restored"):
            restore(tmp_path / "b.tar", tmp_path / "again", database)
        assert list((tmp_path / "again").iterdir()) == []
    monkeypatch.setattr(backup, "_insert", whole)
    restore(tmp_path / "b.tar", tmp_path / "again", url)


def test_the_other_settings_stay_when_the_database_moves(sqlite_course, request, tmp_path):
    settings = sqlite_course.folder / "course.toml"
    settings.write_text(settings.read_text() + "\n# mine\n[hub]\nport = 9000\n")
    back_up(sqlite_course, tmp_path / "b.tar")
    url = empty_url(request, "postgresql")
    restore(tmp_path / "b.tar", tmp_path / "pg", url)
    moved = Course.at(tmp_path / "pg")
    assert moved.settings.database == url
    assert moved.settings.title == "Tiny course"
    assert moved.settings.hub.model_dump(exclude_unset=True) == {"port": 9000}
    assert "# mine" in (tmp_path / "pg" / "course.toml").read_text()
    back_up(moved, tmp_path / "c.tar")
    moved.database.close()
    restore(tmp_path / "c.tar", tmp_path / "back", "sqlite")
    assert Course.at(tmp_path / "back").settings.database == ""


def test_an_older_schema_is_restored_and_brought_up_to_date(sqlite_course, tmp_path):
    """A backup of the first version of the schema, whatever came later."""
    old = tmp_path / "old"
    shutil.copytree(sqlite_course.folder, old)
    (old / "course.sqlite").unlink()
    course = Course.at(old)
    course.database.migrate("0001")
    with course.database.engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO lab (lab, seed) VALUES ('tiny', 4611686018427387904)")
        )
    _ = course.signer
    back_up(course, tmp_path / "old.tar")
    course.database.close()
    restore(tmp_path / "old.tar", tmp_path / "again")
    other = Course.at(tmp_path / "again")
    with other.database.writing() as session:
        session.add(Person(name="new", made_at=now()))
        assert session.scalar(sa.text("SELECT seed FROM lab")) == 4611686018427387904
    other.database.close()


# ---- hostile and damaged files -------------------------------------------------------------------


@pytest.fixture
def members(sqlite_course, tmp_path):
    """The members of a good backup, to be changed."""
    busy(sqlite_course)
    back_up(sqlite_course, tmp_path / "good.tar")
    with tarfile.open(tmp_path / "good.tar") as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}


def written(path, members, **more):
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for key, value in more.get(name, {}).items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data))
    return path


def refused(path, tmp_path, words):
    with pytest.raises(BackupError, match=words):
        restore(path, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def with_member(members, name, data=b"x", **more):
    """With one more member, which the manifest vouches for."""
    import hashlib

    changed = dict(members)
    manifest = json.loads(changed.pop("manifest.json"))
    manifest["members"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return changed | {name: data, "manifest.json": json.dumps(manifest).encode()}


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "submissions/../../evil", "tables/../evil.jsonl", "a/b.secret",
     "submissions/" + "g" * 64, ".secret", "hub.lock", "tables/x.jsonl/y", "course.toml/x",
     "submissions/" + "a" * 64 + "\n"],
)  # fmt: skip
def test_a_name_that_no_backup_has_is_refused(members, tmp_path, name):
    refused(written(tmp_path / "x.tar", with_member(members, name)), tmp_path, "no backup")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_links_pipes_and_folders_are_refused(members, tmp_path, kind):
    odd = {"type": kind, "linkname": "/etc/passwd"}
    path = written(tmp_path / "x.tar", members, **{"receipt.key": odd})
    refused(path, tmp_path, "no backup")


def test_a_member_twice_is_refused(members, tmp_path):
    with tarfile.open(written(tmp_path / "x.tar", members), "a") as tar:
        member = tarfile.TarInfo("receipt.key")
        member.size = 32
        tar.addfile(member, io.BytesIO(b"k" * 32))
    refused(tmp_path / "x.tar", tmp_path, "no backup")


def test_each_changed_byte_is_found(members, tmp_path):
    for name in members:
        if name == "manifest.json":
            continue
        changed = members[name][:-1] + bytes([(members[name] or b"x")[-1] ^ 1])
        refused(written(tmp_path / "x.tar", members | {name: changed}), tmp_path, "damaged")
        less = {key: value for key, value in members.items() if key != name}
        refused(written(tmp_path / "y.tar", less), tmp_path, "damaged")


def test_a_submission_under_anothers_hash_is_refused(members, tmp_path):
    path = written(tmp_path / "x.tar", with_member(members, "submissions/" + "a" * 64))
    refused(path, tmp_path, "damaged")


def test_a_cut_file_is_refused_wherever_it_is_cut(members, tmp_path):
    whole = (tmp_path / "good.tar").read_bytes()
    end = whole.rindex(b"}") + 1
    for length in [0, 1, 511, 512, *range(600, end, end // 25)]:
        (tmp_path / "x.tar").write_bytes(whole[:length])
        refused(tmp_path / "x.tar", tmp_path, "backup")


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"[]", "manifest"),
        (b"[" * 100_000, "manifest"),
        (b"{}", "manifest"),
        (b'{"kind": "introml backup 9", "title": "", "made_at": "", "schema": "", "rows": {}, '
         b'"members": {}}', "introml backup 9"),
    ],
)  # fmt: skip
def test_an_odd_manifest_is_refused(members, tmp_path, manifest, words):
    refused(written(tmp_path / "x.tar", members | {"manifest.json": manifest}), tmp_path, words)


def test_a_newer_schema_is_refused_in_words(members, tmp_path):
    manifest = json.loads(members["manifest.json"]) | {"schema": "9999"}
    changed = members | {"manifest.json": json.dumps(manifest).encode()}
    path = written(tmp_path / "x.tar", changed)
    with pytest.raises(BackupError, match="newer introml"):
        restore(path, tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []


def test_what_is_no_tar_is_refused(tmp_path):
    (tmp_path / "x.tar").write_bytes(os.urandom(5000))
    refused(tmp_path / "x.tar", tmp_path, "no backup|no whole")
    refused(tmp_path / "absent.tar", tmp_path, "cannot be read")
    with pytest.raises(BackupError):
        read_backup(tmp_path)


def test_a_submission_missing_from_the_disk_is_no_backup(sqlite_course, tmp_path):
    text = hand_in(sqlite_course, "ann", sqlite_course.labs["tiny"], "x", b"gone").receipt
    sqlite_course.blobs.remove(sqlite_course.signer.read(text).sha256)
    with pytest.raises(BackupError, match="is missing"):
        back_up(sqlite_course, tmp_path / "b.tar")
    assert not list(tmp_path.glob("*b.tar*"))


def test_a_full_disk_makes_no_backup_and_no_half_course_and_is_called_so(sqlite_course, tmp_path):
    busy(sqlite_course)
    whole = tmp_path / "whole.tar"
    back_up(sqlite_course, whole)
    with small_disk(tmp_path / "disk") as disk:
        disk.fill(leave=4096)
        with pytest.raises(BackupError, match=f"the disk of {disk.folder} is full: no backup"):
            back_up(sqlite_course, disk.folder / "b.tar")
        with pytest.raises(BackupError, match=r"again is full: nothing was restored"):
            restore(whole, disk.folder / "again")
        disk.empty()
        assert not any(one.is_file() for one in disk.folder.rglob("*"))
        restore(whole, disk.folder / "again")
        assert back_up(sqlite_course, disk.folder / "b.tar").submissions == 2


def test_only_what_was_not_refused_is_in_a_backup(sqlite_course, tmp_path):
    with pytest.raises(NotAccepted):
        hand_in(sqlite_course, "nobody", sqlite_course.labs["tiny"], "x", b"a stranger's")
    _ = sqlite_course.signer
    assert back_up(sqlite_course, tmp_path / "b.tar").submissions == 0
    with sqlite_course.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Event))
