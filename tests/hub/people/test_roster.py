"""What a teacher does to the roster, with its line in the log."""

import pytest
import sqlalchemy as sa

from introml.hub.course.models import Event, Invitation, Person
from introml.hub.course.refused import Refused
from introml.hub.people import people, roster


def person(course, name):
    with course.database.reading() as session:
        return people.find(session, name)


def log_of(course, what):
    with course.database.reading() as session:
        found = session.scalars(sa.select(Event).filter_by(what=what).order_by(Event.id))
        return [(one.who, one.person, one.detail) for one in found]


ROSTER = """\
name,full_name,email,role
ann,Ann Able-Baker,ann@example.edu,teacher
bob,Bob Baker,,
cy,Cy 王,cy@example.edu,student
dee,Dee,dee@example.edu,teacher
"""


def planned(course, text):
    with course.database.reading() as session:
        return roster.plan(session, roster.read(text))


def put(course, text):
    return roster.put(course, "tess", roster.read(text), planned(course, text).digest)


def changes(plan):
    return {one.name: one.changes for one in plan.changed}


def test_a_plan_tells_what_the_import_then_does(course):
    plan = planned(course, ROSTER)
    assert [one.name for one in plan.added] == ["cy", "dee"]
    assert [one.name for one in plan.teachers] == ["dee"]
    assert changes(plan) == {"ann": (("full_name", "Ann Able", "Ann Able-Baker"),)}
    assert (plan.same, plan.kept_role, plan.absent) == (1, ("ann",), ())
    assert person(course, "cy") is None, "a plan changes nothing"
    done = put(course, ROSTER)
    assert done == people.Imported(("cy", "dee"), ("ann",), ("bob",))
    assert (person(course, "ann").full_name, person(course, "ann").role) == (
        "Ann Able-Baker",
        "student",
    )
    assert log_of(course, "roster: added") == [("test", x, "") for x in ("tess", "ann", "bob")] + [
        ("tess", "cy", ""),
        ("tess", "dee", ""),
    ]
    again = planned(course, ROSTER)
    assert (again.added, again.changed, again.same) == ((), (), 4)


def test_a_plan_tells_who_comes_back_and_who_is_not_in_the_file(sqlite_course):
    roster.set_active(sqlite_course, "tess", "bob", False)
    plan = planned(sqlite_course, "name\nbob\n")
    assert changes(plan) == {"bob": (("active", "no", "yes"),)}
    assert plan.absent == ("Ann Able",)


def test_an_import_that_would_do_something_else_by_now_is_refused(sqlite_course):
    text = "name,full_name\nann,Ann New\n"
    seen = planned(sqlite_course, text).digest
    with sqlite_course.database.writing() as session:
        people.find(session, "ann").full_name = "Ann Meanwhile"
    with pytest.raises(Refused, match="changed since you looked"):
        roster.put(sqlite_course, "tess", roster.read(text), seen)
    assert person(sqlite_course, "ann").full_name == "Ann Meanwhile"


def test_a_plan_in_plain_words_names_everybody(sqlite_course):
    text = "name,full_name,email,role\nann,Ann New,,\nC.Y,Cy 王,cy@a.edu,\ndee,,,TA\n"
    assert roster.told(planned(sqlite_course, text)) == [
        "+ C.Y (account c-y), Cy 王, cy@a.edu",
        "+ dee, TEACHER",
        "~ ann: full name: Ann Able → Ann New",
        "Not in this file, and stay: Bob Baker",
        "2 would be added (1 as a teacher), 1 changed, 0 as before",
    ]


def test_invitations_work_once_and_end_earlier_ones(course):
    (first,) = roster.invite(course, "tess", ["ann"])
    second, other = roster.invite(course, "tess", ["ann", "bob"])
    with course.database.reading() as session:
        assert people.invited(session, first.secret) is None
        assert people.invited(session, second.secret).name == "ann"
        assert people.invited(session, other.secret).name == "bob"
        assert roster.open_invitations(session) == {
            people.find(session, "ann").id,
            people.find(session, "bob").id,
        }
        kept = [one.secret_hash for one in session.scalars(sa.select(Invitation))]
    assert not {second.secret, other.secret} & set(kept)
    assert log_of(course, "invited") == [("tess", x, "") for x in ("ann", "ann", "bob")]


def test_inviting_many_is_all_or_nothing(sqlite_course):
    with pytest.raises(Refused, match="'zoe'"):
        roster.invite(sqlite_course, "tess", ["ann", "zoe"])
    with sqlite_course.database.reading() as session:
        assert session.scalars(sa.select(Invitation)).all() == []


def test_who_has_no_password_yet(sqlite_course):
    with sqlite_course.database.writing() as session:
        session.scalar(sa.select(Person).filter_by(name="bob")).password = "set"
    put(sqlite_course, "name\ncy\n")
    roster.set_active(sqlite_course, "tess", "cy", False)
    with sqlite_course.database.reading() as session:
        assert roster.without_password(session) == ["ann", "tess"]


def test_a_role_is_set_and_logged(course):
    roster.set_role(course, "tess", "ann", "teacher")
    assert person(course, "ann").role == "teacher"
    assert log_of(course, "role") == [("tess", "ann", "student → teacher")]


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        ("tess", "student", "your own role"),
        ("ann", "admin", "one of student, teacher"),
        ("ann", "student", "already"),
        ("zoe", "teacher", "'zoe'"),
    ],
)
def test_roles_that_are_refused(sqlite_course, name, role, words):
    with pytest.raises(Refused, match=words):
        roster.set_role(sqlite_course, "tess", name, role)
    assert log_of(sqlite_course, "role") == []


def test_who_is_let_go_can_no_longer_use_an_invitation_and_comes_back(course):
    (invited,) = roster.invite(course, "tess", ["ann"])
    roster.set_active(course, "tess", "ann", False)
    assert not person(course, "ann").active
    roster.set_active(course, "tess", "ann", True)
    with course.database.reading() as session:
        assert people.invited(session, invited.secret) is None, "the old link stays ended"
    assert log_of(course, "let go") == [("tess", "ann", "")]
    assert log_of(course, "brought back") == [("tess", "ann", "")]


def test_nobody_lets_themselves_go_and_who_left_is_not_invited(sqlite_course):
    with pytest.raises(Refused, match="yourself"):
        roster.set_active(sqlite_course, "tess", "tess", False)
    roster.set_active(sqlite_course, "tess", "bob", False)
    with pytest.raises(Refused, match="no longer"):
        roster.invite(sqlite_course, "tess", ["bob"])
    with pytest.raises(Refused, match="already"):
        roster.set_active(sqlite_course, "tess", "bob", False)
