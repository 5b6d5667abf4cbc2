"""Which line of a roster is whom: the same person again, somebody new, or unclear."""

import pytest

from introml.hub.people import matching, people, roster_file
from introml.hub.people.matching import Entry
from introml.hub.people.names import RosterError


def matched(course, text):
    """Each line's name, with what would change, or None for somebody new."""
    file = roster_file.read(text)
    with course.database.reading() as session:
        found = matching.match(session, file.entries, file.problems)
        return [(one.name, one.changes if one.person else None) for one in found]


def problems(course, text):
    with pytest.raises(RosterError) as refused:
        matched(course, text)
    return list(refused.value.problems)


def add(course, *entries):
    with course.database.writing() as session:
        return people.add_people(session, entries, "test")


def test_two_people_with_the_same_part_before_the_at_are_two_people(course):
    assert add(course, Entry(email="an@a.org", full_name="An A")).added == ("an",)
    assert add(course, Entry(email="an@b.org", full_name="An B")).added == ("an-2",)
    both = "email,full_name\nan@b.org,An B\nan@a.org,An A\n"
    assert matched(course, both) == [("an-2", ()), ("an", ())], "each found again, in any order"
    with course.database.reading() as session:
        assert people.find(session, "an").email == "an@a.org"
        assert people.find(session, "an").full_name == "An A"


def test_long_addresses_that_begin_alike_get_names_of_their_own(sqlite_course):
    start = "abcdefghijklmnopqrstuvwxyz.abcde"
    names = [x for x, _ in matched(sqlite_course, f"email\n{start}fgh@x.edu\n{start}XYZ@x.edu\n")]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 30


def test_who_has_a_safe_user_name_keeps_it_before_names_that_are_made_up(sqlite_course):
    text = "name\nada_l\nada-l\nada.l\n"
    assert [name for name, _ in matched(sqlite_course, text)] == ["ada-l-2", "ada-l", "ada-l-3"]


def test_a_made_up_name_is_never_what_somebody_else_signs_in_by(sqlite_course):
    add(sqlite_course, Entry("x1", lms_login="zoe"))
    assert matched(sqlite_course, "email\nzoe@a.edu\n") == [("zoe-2", None)]


def test_user_names_differ_in_more_than_capitals(sqlite_course):
    assert problems(sqlite_course, "name\nAda\nada\n") == [
        "line 3: the user name 'ada' is in line 2 already; each person has their own"
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("name,email\nx,same@a.edu\ny,Same@A.edu\n", "e-mail"),
        ("email,lms_id\nx@a.edu,7\ny@a.edu,7\n", "ID"),
        ("email,SIS Login ID\nx@a.edu,q\ny@a.edu,q\n", "user name"),
        ("username,email\nx@a.edu,\ny,x@a.edu\n", "e-mail"),
    ],
)
def test_what_one_person_alone_can_have_is_refused_in_two_lines(sqlite_course, text, word):
    (problem,) = problems(sqlite_course, text)
    assert problem.startswith(f"line 3: the {word} ")
    assert "is in line 2 already" in problem


def test_a_line_that_is_there_twice_word_for_word_counts_once(sqlite_course):
    assert matched(sqlite_course, "name,email\nx,x@a.edu\nx,x@a.edu\n") == [("x", None)]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("name,full_name\nANN,Ann Able\n", ()),
        ("email,full_name\nAnn@Example.edu,Ann Baker\n",
         (("full_name", "Ann Able", "Ann Baker"), ("email", "ann@example.edu", "Ann@Example.edu"))),
        ("name,full_name,email\nann,Ann Baker,ann.baker@example.edu\n",
         (("full_name", "Ann Able", "Ann Baker"),
          ("email", "ann@example.edu", "ann.baker@example.edu"))),
        ("ID,SIS Login ID,Student\n101,ann1,\"Able, Ann\"\n", ()),
        ("SIS Login ID,ID\nann,\n", (("lms_login", "ann1", "ann"),)),
        ("ID,email\n101,new@example.edu\n", (("email", "ann@example.edu", "new@example.edu"),)),
        ("username,email\nann.able,ann@example.edu\n", (("login", "ann", "ann.able"),)),
    ],
)  # fmt: skip
def test_somebody_known_is_found_again_by_name_id_or_address(sqlite_course, text, changes):
    assert matched(sqlite_course, text) == [("ann", changes)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,email\nann,bob@example.edu\n", ["name is that of ann", "e-mail is that of bob"]),
        ("email,lms_id\nann@example.edu,102\n", ["ID is that of bob", "e-mail is that of ann"]),
        ("name,full_name,email\nann,Zhou An,zhou@b.org\n",
         ["user name is that of ann (Ann Able, ann@example.edu)", "Zhou An (zhou@b.org)"]),
        ("full_name,email,ID\nZhou An,zhou@b.org,101\n", ["the ID is that of ann"]),
        ("ID,email\n999,\n", ["nobody here has the ID '999'"]),
        ("full_name,email\nZhou An,\n", ["neither a user name nor an e-mail address of 'Zhou An'"]),
        ("name,email\nann,\nx,ann@example.edu\n", ["line 3", "so is line 2"]),
    ],
)  # fmt: skip
def test_where_it_is_not_clear_who_is_meant_the_line_is_refused(sqlite_course, text, words):
    (problem,) = problems(sqlite_course, text)
    assert all(word in problem for word in words), problem


def test_lines_that_cannot_be_read_and_people_who_are_unclear_are_told_together(sqlite_course):
    text = "name,email,role\na;b,,\nann,bob@example.edu,\nx,x,\ny,,king\n"
    assert [one[:6] for one in problems(sqlite_course, text)] == [
        "line 2", "line 3", "line 4", "line 5",
    ]  # fmt: skip


def test_what_people_call_themselves_is_kept_beside_the_safe_name(course):
    add(course, Entry("Ada.L"), Entry(lms_login="77"), Entry("bo@a.edu"), Entry(email="cy@a.edu"))
    with course.database.reading() as session:
        told = [
            (one.name, people.login_of(one), one.email)
            for one in (people.find(session, x) for x in ("ada-l", "u77", "bo", "cy"))
        ]
    assert told == [("ada-l", "Ada.L", ""), ("u77", "77", ""), ("bo", "bo@a.edu", "bo@a.edu"),
                    ("cy", "cy@a.edu", "cy@a.edu")]  # fmt: skip


@pytest.mark.parametrize("told", ["ada-l", "Ada.L", "ADA.L", "al9", "ADA@a.edu", "ada@a.edu"])
def test_one_person_is_found_by_whatever_they_are_called(course, told):
    add(course, Entry("Ada.L", email="Ada@a.edu", lms_login="al9"))
    with course.database.reading() as session:
        assert people.whom(session, told).name == "ada-l"


@pytest.mark.parametrize("told", ["", "nobody", "x" * 300, "a\0b", "%", "ada@b.edu"])
def test_nobody_is_found_by_what_nobody_is_called(course, told):
    with course.database.reading() as session:
        assert people.whom(session, told) is None


def test_who_shares_an_address_from_before_is_found_by_name_alone(sqlite_course):
    with sqlite_course.database.writing() as session:
        people.find(session, "bob").email = "ANN@example.edu"
    with sqlite_course.database.reading() as session:
        assert people.whom(session, "ann@example.edu") is None
        assert people.whom(session, "ann").name == "ann"
    assert matched(sqlite_course, "name,email\nann,ann@example.edu\n") == [("ann", ())]


def test_an_account_on_the_cluster_is_of_the_user_name_that_the_roster_gives(sqlite_course):
    add(
        sqlite_course, Entry("ada_l", email="an@c.org"), Entry(email="an@a.org"),
        Entry(email="an@b.org"), Entry(email="cy@b.org"), Entry("zed", email="cyx@b.org"),
    )  # fmt: skip
    with sqlite_course.database.reading() as session:

        def account(name):
            return people.cluster_account(session, people.find(session, name))

        assert [account(x) for x in ("ada-l", "cy", "zed")] == ["ada_l", "cy", "zed"]
        for name in ("an", "an-2"):
            with pytest.raises(people.Refused, match="not known whose the account 'an' is"):
                account(name)


def test_a_name_typed_with_signs_of_their_own_is_the_same_name(course):
    """Macs write é as e and an accent; both are one name, shown as one letter."""
    composed, apart = "Jos\u00e9 \u00c5ngstr\u00f6m", "Jose\u0301 A\u030angstro\u0308m"
    assert Entry(name="jose", full_name=apart) == Entry(name="jose", full_name=composed)
    add(course, Entry(name="jose", full_name=apart))
    with course.database.reading() as session:
        assert people.find(session, "jose").full_name == composed
    assert matched(course, f"name,full_name\njose,{apart}\n") == [("jose", ())]
