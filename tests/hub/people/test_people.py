"""The roster, invitations and passwords."""

import base64
from datetime import timedelta

import argon2
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from kept_before import BY_SCRYPT

from introml.hub.course.database import now
from introml.hub.course.models import Event, Invitation, Person
from introml.hub.people import passwords, people

GOOD = "correct horse battery"
NO_HASHES = [
    "", "scrypt$1$1$1$AA==$AA==", "plain", GOOD, "a$b$c$d$e$f", "$argon2id$", "$argon2id$v=19$x",
    "$argon2id$v=19$m=65536,t=1,p=1$!!$!!", "$argon2id$é", "scrypt$é",
]  # fmt: skip


def test_a_roster_is_refused_with_all_that_is_wrong_in_it():
    text = "name,email,role\n-rf,x@a.edu,\nann,no address,\nbob,x@a.edu,owner\ncy,X@A.edu,\n"
    with pytest.raises(people.RosterError) as refused:
        people.read_roster(text)
    assert [one.partition(": ")[0] for one in refused.value.problems] == [
        "line 2", "line 3", "line 4", "line 5",
    ]  # fmt: skip


def test_an_import_adds_and_changes_but_never_promotes_or_removes(course):
    entries = people.read_roster("name,full_name,role\nann,Ann New,teacher\nkim,Kim,\n")
    with course.database.writing() as session:
        done = people.add_people(session, entries, "tess")
    assert (done.added, done.changed, done.same) == (("kim",), ("ann",), ())
    with course.database.reading() as session:
        ann = people.find(session, "ann")
        assert (ann.full_name, ann.email, ann.role) == ("Ann New", "ann@example.edu", "student")
        assert people.find(session, "bob").active
        logged = set(session.scalars(sa.select(Event.person).filter_by(who="tess")))
        assert logged == {"ann", "kim"}


def invited(course, name="ann"):
    with course.database.writing() as session:
        return people.invite(session, people.find(session, name), "tess")


def accepted(course, secret, password=GOOD):
    with course.database.writing() as session:
        person = people.accept(session, secret, password)
        return person and person.name


def test_an_invitation_works_once_for_the_one_it_is_for(course):
    secret = invited(course)
    assert accepted(course, secret) == "ann"
    assert accepted(course, secret, "another password") is None
    with course.database.reading() as session:
        assert passwords.matches(GOOD, people.find(session, "ann").password)
        assert not people.find(session, "bob").password


def test_a_new_invitation_ends_the_one_before(course):
    old, new = invited(course), invited(course)
    assert accepted(course, old) is None
    assert accepted(course, new) == "ann"


def test_an_invitation_ends_by_time_and_when_someone_leaves(course):
    late, gone = invited(course, "ann"), invited(course, "bob")
    with course.database.writing() as session:
        ann = people.find(session, "ann")
        row = session.scalar(sa.select(Invitation).filter_by(person_id=ann.id))
        row.expires_at = now() - timedelta(seconds=1)
        people.find(session, "bob").active = False
    assert accepted(course, late) is None
    assert accepted(course, gone) is None
    assert accepted(course, "x" * 43) is None


def test_too_short_a_password_leaves_the_invitation_good(course):
    secret = invited(course)
    with pytest.raises(ValueError, match="9 characters; use 10 or more"):
        accepted(course, secret, "too short")
    assert accepted(course, secret) == "ann"


def test_the_database_holds_neither_secret_nor_password(sqlite_course):
    secret = invited(sqlite_course)
    accepted(sqlite_course, secret)
    sqlite_course.database.close()
    kept = b"".join(p.read_bytes() for p in sqlite_course.folder.glob("course.sqlite*"))
    assert b"ann@example.edu" in kept
    assert secret.encode() not in kept
    assert GOOD.encode() not in kept


def test_a_password_matches_itself_alone():
    kept = passwords.hashed(GOOD)
    assert passwords.matches(GOOD, kept)
    assert not passwords.matches(GOOD + "!", kept)
    assert kept != passwords.hashed(GOOD), "each has its own salt"


@pytest.mark.parametrize("kept", NO_HASHES)
def test_nothing_matches_what_is_no_hash(kept):
    assert not passwords.matches(GOOD, kept)
    assert not passwords.matches("", kept)


def test_passwords_are_hashed_by_argon2id_at_the_cost_that_owasp_asks_for():
    """OWASP's Password Storage Cheat Sheet: 46 MiB at least where there is one pass."""
    kept = passwords.hashed(GOOD)
    asked = argon2.extract_parameters(kept)
    assert (asked.type, asked.version, asked.salt_len, asked.hash_len) == (
        argon2.Type.ID, 19, 16, 32,
    )  # fmt: skip
    assert asked.memory_cost >= 47_104
    assert len(kept) <= Person.password.type.length
    assert not passwords.is_outdated(kept)


def test_any_implementation_of_argon2id_finds_the_same_hash():
    """OpenSSL's, by `cryptography`, from the salt and the costs that stand in the hash."""
    _, _, _, costs, salt, digest = passwords.hashed("pässwörd ☃ 10").split("$")
    memory, passes, lanes = (int(part.partition("=")[2]) for part in costs.split(","))
    raw = Argon2id(
        salt=base64.b64decode(salt + "=="), length=32, iterations=passes, lanes=lanes,
        memory_cost=memory,
    ).derive("pässwörd ☃ 10".encode())  # fmt: skip
    assert base64.b64decode(digest + "=") == raw


def test_a_password_kept_by_scrypt_still_matches_itself_alone_and_is_outdated():
    assert passwords.matches(GOOD, BY_SCRYPT)
    assert not passwords.matches(GOOD + "!", BY_SCRYPT)
    assert not passwords.matches("", BY_SCRYPT)
    assert passwords.is_outdated(BY_SCRYPT)


def test_a_password_hashed_at_another_cost_matches_and_is_outdated():
    kept = argon2.PasswordHasher(time_cost=2, memory_cost=1 << 10, parallelism=1).hash(GOOD)
    assert passwords.matches(GOOD, kept)
    assert passwords.is_outdated(kept)


def test_what_is_longer_than_a_password_can_be_matches_nothing():
    longest = "x" * passwords.LONGEST
    kept = passwords.hashed(longest)
    assert passwords.matches(longest, kept)
    assert not passwords.matches(longest + "x", kept)
    for wrong in ("x" * 9, longest + "x"):
        with pytest.raises(ValueError, match="use 10 or more, 1000 at most"):
            passwords.hashed(wrong)
