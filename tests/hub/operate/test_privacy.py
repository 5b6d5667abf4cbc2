"""One student's data: all of it handed over, and none of it left when it is erased."""

import json
import threading
import zipfile

import pytest
import sqlalchemy as sa
from tiny_course import grade_next, result_of

from introml.grader.results.results import Flag
from introml.hub.course.database import now
from introml.hub.course.models import Event, Extension, Override, Person, Submission
from introml.hub.grades.submissions import NotAccepted, hand_in
from introml.hub.operate.privacy import (
    PrivacyError,
    erase_student,
    export_student,
    forget_in_jupyterhub,
)
from introml.hub.people import people
from introml.hub.queue import jobs

#: Words that stand for ann and nobody else, in each place where words can be.
NAME, FULL, MAIL = "ann-uniq7", "Annabel Uniquename", "annabel@unique.example"
MARKS = ("uniq7", "Uniquename", "annabel@", "LMSID-77", "lmslogin77", "NOTEBOOK-OF-ANN", "REASON77",
         "PRINTED77", "FILENAME77")  # fmt: skip


def handed_in(course, name, data, file_name="tiny.ipynb"):
    return hand_in(course, name, course.labs["tiny"], file_name, data).receipt


@pytest.fixture
def used(course):
    """A course in which the person has left a trace in every table."""
    entry = people.Entry(NAME, FULL, MAIL, lms_id="LMSID-77", lms_login="lmslogin77")
    with course.database.writing() as session:
        people.add_people(session, [entry], "tess")
        people.invite(session, people.find(session, NAME), "tess")
        person = people.find(session, NAME)
        session.add(Extension(person_id=person.id, lab="tiny", due_at=now(), reason="REASON77"))
        session.add(
            Override(
                person_id=person.id, lab="tiny", score=3, reason="REASON77", by="tess", at=now()
            )
        )
        session.add(
            Event(
                at=now(), who="tess", what="extension", person=NAME, lab="tiny", detail="REASON77"
            )
        )
        session.add(
            Event(at=now(), who="tess", what="note", detail=f"asked {FULL} and {NAME}, not {NAME}x")
        )
    handed_in(course, NAME, b"NOTEBOOK-OF-ANN 1" * 100, "FILENAME77.ipynb")
    lease = jobs.lease(course, "w", ["cpu"])
    flags = [Flag("suspicious code", "eval(x)"), Flag("grader fault", "SECRET-CHECK-77")]
    node = result_of(lease, 5.0, public_output="PRINTED77", flags=flags)
    jobs.report(course, lease.grading, lease.token, node)
    handed_in(course, NAME, b"NOTEBOOK-OF-ANN 2" * 100)
    handed_in(course, NAME, b"the same as bob's")
    handed_in(course, "bob", b"the same as bob's")
    return course


def bytes_of(course) -> bytes:
    """All bytes of the course's folder, and what PostgreSQL has in its tables."""
    found = [path.read_bytes() for path in sorted(course.folder.rglob("*")) if path.is_file()]
    if not course.database.is_sqlite:
        with course.database.reading() as session:
            for table in ("person", "submission", "grading", "event", "extension", "override"):
                found.append(
                    repr(session.execute(sa.text(f'SELECT * FROM "{table}"')).all()).encode()
                )
    return b"\0".join(found)


def test_all_that_the_course_holds_is_handed_over(used, tmp_path):
    assert export_student(used, NAME, tmp_path / "a.zip") == 3
    assert (tmp_path / "a.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    everything = b"\0".join(files.values()).decode()
    assert [mark for mark in MARKS if mark not in everything] == []
    person = json.loads(files["person.json"])
    assert person["email"] == MAIL
    assert "password" not in person
    first = json.loads(files["submissions.json"])[0]
    assert first["gradings"][0]["score"] == 5.0
    assert first["gradings"][0]["flags"][0]["evidence"] == "eval(x)"
    assert files["submissions/tiny-1.ipynb"] == b"NOTEBOOK-OF-ANN 1" * 100
    receipt = used.signer.read(files["submissions/tiny-1.receipt.json"])
    assert receipt.person == NAME
    assert b"PRINTED77" in files["submissions/tiny-1.feedback.html"]


def test_the_courses_secrets_and_other_people_are_not_handed_over(used, tmp_path):
    export_student(used, NAME, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        everything = b"\0".join(archive.read(name) for name in archive.namelist()).decode()
    with used.database.reading() as session:
        seed = session.scalar(sa.text("SELECT seed FROM lab"))
    for secret in (str(seed), "SECRET-CHECK-77", "bob@", "Bob Baker", "secret_hash"):
        assert secret not in everything


def test_an_export_replaces_no_file(used, tmp_path):
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(PrivacyError, match="there already"):
        export_student(used, NAME, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_text() == "mine"
    with pytest.raises(PrivacyError, match="nobody"):
        export_student(used, "nobody", tmp_path / "b.zip")


def test_nothing_is_left_of_someone_who_was_erased(used):
    held = bytes_of(used)
    assert [mark for mark in MARKS if mark.encode() not in held] == []
    done = erase_student(used, NAME)
    assert (done.submissions, done.files, done.shared) == (3, 2, 1)
    left = bytes_of(used)
    assert [mark for mark in MARKS if mark.encode() in left.replace(f"{NAME}x".encode(), b"")] == []
    assert b"the same as bob's" in left
    with used.database.reading() as session:
        assert session.scalar(sa.select(Person).filter_by(name=NAME)) is None
        assert session.scalars(sa.select(Submission.person_id)).all() != []
        events = session.scalars(sa.select(Event).filter_by(person=done.pseudonym)).all()
    assert {one.what for one in events} >= {"handed in", "graded", "extension", "erased", "invited"}
    assert all(one.detail == "" for one in events)


def test_what_was_deleted_or_changed_long_before_goes_too(sqlite_course):
    """SQLite keeps old rows in the gaps of its pages, until they are needed."""
    with sqlite_course.database.writing() as session:
        session.execute(sa.text("PRAGMA secure_delete=OFF"))
        ann = people.find(session, "ann")
        for number in range(30):
            reason = f"OLD-REASON-77 {number} " * 20
            session.add(Extension(person_id=ann.id, lab=f"lab{number}", reason=reason))
    with sqlite_course.database.writing() as session:
        session.execute(sa.text("PRAGMA secure_delete=OFF"))
        session.execute(sa.delete(Extension))
    assert b"OLD-REASON-77" in bytes_of(sqlite_course)
    erase_student(sqlite_course, "ann")
    assert b"OLD-REASON-77" not in bytes_of(sqlite_course)


def test_the_log_stays_whole(used):
    with used.database.reading() as session:
        before = session.execute(sa.select(Event.id, Event.at, Event.what).order_by(Event.id)).all()
    erase_student(used, NAME)
    with used.database.reading() as session:
        after = session.execute(sa.select(Event.id, Event.at, Event.what).order_by(Event.id)).all()
        note = session.scalar(sa.select(Event.detail).filter_by(what="note"))
    assert after[: len(before)] == before
    assert note.endswith(f"not {NAME}x")


def test_nothing_of_others_changes(used):
    def others():
        with used.database.reading() as session:
            return [
                repr(session.execute(sa.text(f"SELECT * FROM {table} WHERE {where}")).all())
                for table, where in (
                    ("person", f"name != '{NAME}'"),
                    ("submission", "person_id = (SELECT id FROM person WHERE name = 'bob')"),
                    ("lab", "1 = 1"),
                )
            ]

    before = others()
    erase_student(used, NAME)
    assert others() == before


def test_notebooks_that_were_refused_go_too(used):
    with used.database.writing() as session:
        people.find(session, NAME).active = False
    with pytest.raises(NotAccepted, match="NOT_ON_ROSTER"):
        handed_in(used, NAME, b"NOTEBOOK-OF-ANN refused")
    erase_student(used, NAME)
    assert b"NOTEBOOK-OF-ANN" not in bytes_of(used)


def test_a_teacher_who_is_erased_leaves_the_decisions(used):
    with used.database.writing() as session:
        boss = people.Entry("boss77", "Boss Seventyseven", role="teacher")
        people.add_people(session, [boss], "test")
        bob = people.find(session, "bob")
        session.add(
            Override(person_id=bob.id, lab="tiny", score=2, reason="r", by="boss77", at=now())
        )
        session.add(Event(at=now(), who="boss77", what="override", person="bob", detail="2"))
    done = erase_student(used, "boss77")
    with used.database.reading() as session:
        assert session.scalar(sa.select(Override.by).filter_by(reason="r")) == done.pseudonym
        event = session.scalar(sa.select(Event).filter_by(what="override", person="bob"))
    assert (event.who, event.detail) == (done.pseudonym, "2")
    assert b"oss77" not in bytes_of(used)


def test_a_worker_that_grades_it_loses_its_lease(used):
    lease = jobs.lease(used, "w", ["cpu"])
    assert lease is not None
    erase_student(used, NAME)
    with pytest.raises(jobs.LeaseLost):
        jobs.report(used, lease.grading, lease.token, result_of(lease))


def test_what_another_hands_in_at_that_moment_keeps_its_file(used, monkeypatch):
    """bob hands in the very bytes of ann's whose file is being erased: his receipt holds."""
    same = b"NOTEBOOK-OF-ANN 2" * 100
    from introml.hub.course.blobs import Blobs

    whole = Blobs.remove
    started, receipts = threading.Event(), []

    def bob():
        started.set()
        receipts.append(handed_in(used, "bob", same))

    thread = threading.Thread(target=bob)

    def remove(self, sha256):
        if not started.is_set():
            thread.start()
            started.wait()
            thread.join(0.5)  # it has found the file there, and waits for the database
            assert thread.is_alive()
        whole(self, sha256)

    monkeypatch.setattr(Blobs, "remove", remove)
    erase_student(used, NAME)
    thread.join(20)
    assert used.blobs.read(used.signer.read(receipts[0]).sha256) == same


def test_jupyterhub_forgets_one_user_and_no_other(sqlite_course):
    from jupyterhub import orm

    path = sqlite_course.folder / "jupyterhub.sqlite"
    assert not forget_in_jupyterhub(sqlite_course, "ann")
    session = orm.new_session_factory(f"sqlite:///{path}")()
    for name in ("ann", "ann-b"):
        user = orm.User(name=name)
        server = orm.Server(base_url=f"/user/{name}/")
        spawner = orm.Spawner(user=user, server=server, name="", state={"home": f"/home/{name}"})
        client = orm.OAuthClient(
            identifier=f"jupyterhub-user-{name}", redirect_uri=f"/user/{name}/oauth_callback",
            description=f"Server at /user/{name}/",
        )  # fmt: skip
        session.add_all([user, server, spawner, client])
        session.commit()
    session.get_bind().dispose()
    before = path.read_bytes().count(b"ann-b")
    assert forget_in_jupyterhub(sqlite_course, "ann")
    left = path.read_bytes()
    assert left.count(b"ann-b") >= before / 2
    assert b"/user/ann-b/" in left
    assert b"ann" not in left.replace(b"ann-b", b"").replace(b"channel", b"")
    assert not forget_in_jupyterhub(sqlite_course, "ann")


def test_erasing_twice_is_refused(used):
    erase_student(used, NAME)
    with pytest.raises(PrivacyError, match="nobody in this course is called"):
        erase_student(used, NAME)
    grade_next(used)
