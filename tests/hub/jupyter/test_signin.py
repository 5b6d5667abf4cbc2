"""Who may sign in: people on the roster, by their own password, as often as is decent."""

import asyncio
import hashlib
from types import SimpleNamespace

import argon2.low_level
import pytest
from kept_before import BY_SCRYPT
from sqlalchemy.exc import OperationalError
from tornado import web

from introml.hub.jupyter.addresses import network_of
from introml.hub.jupyter.signin import CourseLti, CourseOAuth, Invitations, whom
from introml.hub.people import passwords, people

PASSWORD = "correct horse battery"


def set_password(course, name, password=PASSWORD):
    with course.database.writing() as session:
        people.set_password(session, name, password)


def sign_in(authenticator, name, password=PASSWORD, address="192.0.2.1"):
    handler = SimpleNamespace(request=SimpleNamespace(headers={"X-Forwarded-For": address}))
    data = {"username": name, "password": password}
    return asyncio.run(authenticator.get_authenticated_user(handler, data))


def leave(course, name):
    with course.database.writing() as session:
        people.find(session, name).active = False


@pytest.fixture
def signin(sqlite_course):
    set_password(sqlite_course, "ann")
    set_password(sqlite_course, "tess")
    return Invitations(course_folder=str(sqlite_course.folder))


def test_name_and_password(signin):
    assert sign_in(signin, "ann")["name"] == "ann"
    assert sign_in(signin, "ANN")["name"] == "ann"
    assert sign_in(signin, "ann", "correct horse battery ") is None
    assert sign_in(signin, "ann", "") is None
    assert sign_in(signin, "nobody") is None
    assert sign_in(signin, "") is None


def test_an_email_address_or_another_system_s_login_does_for_the_name(signin):
    for told in ("ann@example.edu", " Ann@Example.EDU ", "ann1", "ANN1"):
        assert sign_in(signin, told)["name"] == "ann"
    assert sign_in(signin, "ann@example.edu", "wrong password") is None
    assert sign_in(signin, "ann@example.org") is None
    assert sign_in(signin, "@") is None


def test_an_address_that_two_people_have_lets_nobody_in(signin, sqlite_course):
    with sqlite_course.database.writing() as session:
        people.find(session, "tess").email = "ann@example.edu"
    assert sign_in(signin, "ann@example.edu") is None
    assert sign_in(signin, "ann")["name"] == "ann"


def test_tries_at_a_person_count_however_that_person_is_called(signin):
    for told in ("ann", "ann@example.edu", "ann1", "ANN"):
        for _ in range(2):
            assert sign_in(signin, told, "wrong password") is None
    with pytest.raises(web.HTTPError, match="Too many"):
        sign_in(signin, "Ann@example.edu", "wrong password")


def test_nobody_is_an_administrator_and_teachers_are_in_their_group(signin):
    student, teacher = sign_in(signin, "ann"), sign_in(signin, "tess")
    assert (student["admin"], student["groups"]) == (None, [])
    assert (teacher["admin"], teacher["groups"]) == (None, ["teachers"])


def test_without_a_password_set_no_password_is_right(signin):
    assert sign_in(signin, "bob", "") is None
    assert sign_in(signin, "bob") is None


def test_who_has_left_cannot_come_in_and_is_sent_out(signin, sqlite_course):
    user = SimpleNamespace(name="ann", groups=[])
    assert asyncio.run(signin.refresh_user(user)) is True
    leave(sqlite_course, "ann")
    assert sign_in(signin, "ann") is None
    assert asyncio.run(signin.refresh_user(user)) is False


def test_who_becomes_a_teacher_is_one_at_the_next_look(signin, sqlite_course):
    with sqlite_course.database.writing() as session:
        people.find(session, "ann").role = "teacher"
    user = SimpleNamespace(name="ann", groups=[])
    assert asyncio.run(signin.refresh_user(user)) == {"name": "ann", "groups": ["teachers"]}


def test_nobody_is_sent_out_while_the_database_is_away(signin, monkeypatch):
    def away(name):
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr(signin, "person", away)
    assert asyncio.run(signin.refresh_user(SimpleNamespace(name="ann", groups=[]))) is True
    with pytest.raises(web.HTTPError) as refused:
        sign_in(signin, "ann")
    assert refused.value.status_code == 503


def test_where_users_cannot_be_apart_one_alone_signs_in(sqlite_course):
    set_password(sqlite_course, "ann")
    set_password(sqlite_course, "tess")
    signin = Invitations(course_folder=str(sqlite_course.folder), only="tess")
    assert sign_in(signin, "tess")["name"] == "tess"
    with pytest.raises(web.HTTPError, match="tess alone"):
        sign_in(signin, "ann")
    assert asyncio.run(signin.refresh_user(SimpleNamespace(name="ann", groups=[]))) is False


@pytest.fixture
def work(monkeypatch):
    """What was worked on: each hash that argon2's C code was run for, by its costs, and scrypt's.

    Counted, not timed: a clock tells little on a machine that others use.
    """
    done = []
    library, scrypt = argon2.low_level.lib, hashlib.scrypt

    class Counting:
        def __getattr__(self, name):
            return getattr(library, name)

        def argon2_verify(self, encoded, raw, length, kind):
            status = library.argon2_verify(encoded, raw, length, kind)
            if status in (library.ARGON2_OK, library.ARGON2_VERIFY_MISMATCH):
                costs = argon2.low_level.ffi.string(encoded).split(b"$")[3]
                done.append(("argon2", kind, costs))
            return status

    def by_scrypt(raw, **how):
        done.append(("scrypt", how["n"], how["r"], how["p"], how["dklen"]))
        return scrypt(raw, **how)

    monkeypatch.setattr(argon2.low_level, "lib", Counting())
    monkeypatch.setattr(hashlib, "scrypt", by_scrypt)
    return done


#: Who tries in vain: with a password, unknown, without one, who has left, with nonsense for a hash.
NOT_IN = ("ann", "nobody", "bob", "tess", "odd")


def costs_of_wrong_tries(signin, course, work):
    """What each of `NOT_IN` costs with a wrong password."""
    with course.database.writing() as session:
        people.add_people(session, [people.Entry("odd")], "test")
    keep(course, "odd", "$argon2id$v=19$m=65536,t=1,p=1$!!$!!")
    leave(course, "tess")
    found = []
    for number, name in enumerate(NOT_IN):
        work.clear()
        assert sign_in(signin, name, "wrong password", f"192.0.2.{number}") is None
        found.append(tuple(work))
    return found


def kept_of(course, name):
    with course.database.reading() as session:
        return people.find(session, name).password


def keep(course, name, kept):
    with course.database.writing() as session:
        people.find(session, name).password = kept


def test_an_unknown_name_costs_as_much_as_a_wrong_password(signin, sqlite_course, work):
    costs = costs_of_wrong_tries(signin, sqlite_course, work)
    assert [kind for kind, *_ in costs[0]] == ["argon2"]
    assert len(set(costs)) == 1, dict(zip(NOT_IN, costs, strict=True))


def test_while_some_are_kept_by_scrypt_nobody_can_tell_whose(signin, sqlite_course, work):
    with sqlite_course.database.writing() as session:
        people.add_people(session, [people.Entry("zoe")], "test")
    keep(sqlite_course, "zoe", BY_SCRYPT)
    costs = costs_of_wrong_tries(signin, sqlite_course, work)
    work.clear()
    assert sign_in(signin, "zoe", "wrong password", "192.0.2.99") is None
    assert [kind for kind, *_ in work] == ["argon2", "scrypt"]
    assert set(costs) == {tuple(work)}, dict(zip(NOT_IN, costs, strict=True))


def test_a_password_kept_by_scrypt_is_hashed_anew_when_its_owner_signs_in(
    signin, sqlite_course, work
):
    keep(sqlite_course, "ann", BY_SCRYPT)
    assert sign_in(signin, "ann", "wrong password") is None
    assert kept_of(sqlite_course, "ann") == BY_SCRYPT
    assert sign_in(signin, "ann")["name"] == "ann"
    anew = kept_of(sqlite_course, "ann")
    assert anew.startswith("$argon2id$")
    assert sign_in(signin, "ann")["name"] == "ann"
    assert sign_in(signin, "ann", "wrong password") is None
    assert kept_of(sqlite_course, "ann") == anew, "once is enough"
    work.clear()
    assert sign_in(signin, "ann")["name"] == "ann"
    assert [kind for kind, *_ in work] == ["argon2"], "no one has one of scrypt's any more"


def test_a_new_hash_does_not_undo_a_password_set_meanwhile(signin, sqlite_course, monkeypatch):
    keep(sqlite_course, "ann", BY_SCRYPT)
    hashed = passwords.hashed

    def meanwhile(password):
        monkeypatch.setattr(passwords, "hashed", hashed)
        set_password(sqlite_course, "ann", "set from elsewhere")
        return hashed(password)

    monkeypatch.setattr(passwords, "hashed", meanwhile)
    assert sign_in(signin, "ann")["name"] == "ann"
    assert sign_in(signin, "ann") is None
    assert sign_in(signin, "ann", "set from elsewhere")["name"] == "ann"


def test_who_cannot_have_a_new_hash_kept_signs_in_all_the_same(signin, sqlite_course, monkeypatch):
    keep(sqlite_course, "ann", BY_SCRYPT)

    def away(*_):
        raise OperationalError("update", {}, Exception("database is locked"))

    monkeypatch.setattr(people, "keep_anew", away)
    assert sign_in(signin, "ann")["name"] == "ann"
    assert kept_of(sqlite_course, "ann") == BY_SCRYPT


def refused_after(signin, name, address, most=200):
    """How many wrong tries are answered before one is refused."""
    for count in range(most):
        try:
            signin.take_tries(name, address)
        except web.HTTPError:
            return count
    return most


def test_a_name_can_be_tried_few_times_from_one_address(signin):
    assert refused_after(signin, "ann", "192.0.2.1") == 8
    assert sign_in(signin, "ann", address="192.0.2.2")["name"] == "ann", "shut out from elsewhere"
    with pytest.raises(web.HTTPError, match="Too many") as refused:
        sign_in(signin, "ann", address="192.0.2.1")
    assert refused.value.status_code == 429


def test_many_addresses_together_have_few_tries_at_a_name_too(signin):
    count = sum(refused_after(signin, "ann", f"198.51.100.{n}") for n in range(20))
    assert count == 40


def test_one_address_has_so_many_tries_whatever_the_names(signin):
    count = sum(refused_after(signin, f"name-{n}", "192.0.2.9") for n in range(40))
    assert 115 <= count <= 125


def test_good_sign_ins_use_no_tries_up(signin):
    for _ in range(20):
        assert sign_in(signin, "ann")["name"] == "ann"


def test_a_whole_ipv6_network_counts_as_one_address():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("<script>") == "unknown"


def test_changing_a_password_needs_the_old_one(signin):
    assert not signin.change("ann", "wrong password", "another password")
    assert sign_in(signin, "ann")["name"] == "ann"
    assert signin.change("ann", PASSWORD, "another password")
    assert sign_in(signin, "ann") is None
    assert sign_in(signin, "ann", "another password")["name"] == "ann"


def test_a_new_invitation_resets_a_password(signin, sqlite_course):
    with sqlite_course.database.writing() as session:
        secret = people.invite(session, people.find(session, "ann"), "tess")
    assert signin.accept(secret, "a new password").name == "ann"
    assert sign_in(signin, "ann") is None
    assert sign_in(signin, "ann", "a new password")["name"] == "ann"
    assert signin.accept(secret, "yet another one") is None


# --- other systems ----------------------------------------------------------------------------


def test_whom_another_system_means(sqlite_course):
    assert whom(sqlite_course, "ann").name == "ann"
    assert whom(sqlite_course, "ann1").name == "ann"
    assert whom(sqlite_course, "Ann@Example.edu").name == "ann"
    assert whom(sqlite_course, "ann@elsewhere.edu") is None
    assert whom(sqlite_course, "") is None
    leave(sqlite_course, "ann")
    assert whom(sqlite_course, "ann") is None


def test_whom_two_people_could_be_is_nobody(sqlite_course):
    with sqlite_course.database.writing() as session:
        people.find(session, "bob").lms_login = "ann1"
    assert whom(sqlite_course, "ann1") is None


@pytest.fixture
def oauth(sqlite_course, monkeypatch):
    """OAuth sign-in; what the provider says is put in by the test."""
    authenticator = CourseOAuth(
        course_folder=str(sqlite_course.folder),
        username_claim="email",
        userdata_url="http://127.0.0.1/",
    )

    def come(info):
        async def token(handler, parameters):
            return {"access_token": "x", "token_type": "Bearer"}

        async def user(told):
            return info

        monkeypatch.setattr(authenticator, "build_access_tokens_request_params", lambda *x: {})
        monkeypatch.setattr(authenticator, "get_token_info", token)
        monkeypatch.setattr(authenticator, "token_to_user", user)
        handler = SimpleNamespace(request=SimpleNamespace(headers={"X-Forwarded-For": "192.0.2.1"}))
        return asyncio.run(authenticator.get_authenticated_user(handler, None))

    return come


def test_oauth_lets_in_who_is_on_the_roster(oauth):
    model = oauth({"email": "Ann@example.edu", "email_verified": True})
    assert (model["name"], model["groups"], model["admin"]) == ("ann", [], None)
    assert oauth({"email": "tess@example.edu"})["groups"] == ["teachers"]


def test_oauth_refuses_everyone_else(oauth):
    for info in (
        {"email": "mallory@example.edu"},
        {"email": "ann@example.edu", "email_verified": False},
        {"email": "ann@elsewhere.edu"},
    ):
        with pytest.raises(web.HTTPError, match="not on this course's roster") as refused:
            oauth(info)
        assert refused.value.status_code == 403


def lti(course, claims, **settings):
    authenticator = CourseLti(course_folder=str(course.folder), username_key="email", **settings)
    handler = SimpleNamespace(request=SimpleNamespace(headers={"X-Forwarded-For": "192.0.2.1"}))
    return asyncio.run(authenticator.get_authenticated_user(handler, claims))


def test_lti_lets_in_who_is_on_the_roster(sqlite_course):
    assert lti(sqlite_course, {"email": "ann@example.edu", "sub": "1"})["name"] == "ann"
    with pytest.raises(web.HTTPError, match="roster"):
        lti(sqlite_course, {"email": "new.one@example.edu", "sub": "9"})


def test_lti_adds_students_where_it_may(sqlite_course):
    claims = {"email": "New.One@example.edu", "name": "New One", "sub": "9"}
    model = lti(sqlite_course, claims, add_students=True)
    assert (model["name"], model["groups"]) == ("new-one", [])
    with sqlite_course.database.reading() as session:
        person = people.find(session, "new-one")
    assert (person.role, person.full_name, person.lms_id) == ("student", "New One", "9")
    assert lti(sqlite_course, claims, add_students=True)["name"] == "new-one", "the second time"


def test_lti_takes_no_signs_that_cannot_be_seen_into_a_name(sqlite_course):
    """By them a student could look like somebody else, or turn the words that stand behind."""
    claims = {"email": "x@b.edu", "name": "\u202etseT\u202c\n Te\u200bacher\x1b", "sub": "9\u2066"}
    name = lti(sqlite_course, claims, add_students=True)["name"]
    with sqlite_course.database.reading() as session:
        person = people.find(session, name)
    assert (person.full_name, person.lms_id) == ("tseT Teacher", "9")
    with pytest.raises(web.HTTPError, match="roster"):
        lti(sqlite_course, {"email": "y\u202ez@b.edu", "sub": "10"}, add_students=True)


def test_lti_gives_nobody_anothers_name(sqlite_course):
    for email, name in (("tess@b.edu", "tess-2"), ("root@b.edu", "root-2"), ("ann@b.edu", "ann-2")):
        claims = {"email": email, "sub": email}
        assert lti(sqlite_course, claims, add_students=True)["name"] == name
        assert lti(sqlite_course, claims, add_students=True)["name"] == name, "the second time"
    with sqlite_course.database.reading() as session:
        assert people.find(session, "ann").email == "ann@example.edu"


def test_lti_adds_nobody_who_is_known_by_something_else_or_has_no_address(sqlite_course):
    with sqlite_course.database.writing() as session:
        people.find(session, "bob").active = False
    for claims in (
        {"email": "@example.edu", "sub": "9"},
        {"email": "bob@example.edu", "sub": "9"},
        {"email": "new@example.edu", "sub": "101"},
    ):
        with pytest.raises(web.HTTPError, match="roster"):
            lti(sqlite_course, claims, add_students=True)
