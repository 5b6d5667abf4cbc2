"""Under which account a student's server runs on a cluster."""

import os
import pwd
from types import SimpleNamespace

import pytest

from introml.hub.course.refused import Refused
from introml.hub.jupyter import accounts
from introml.hub.jupyter.slurm_spawner import CourseSlurmSpawner, account_of
from introml.hub.people import people

ON_CLUSTER = ("ada.l", "bo_b", "s1", "an")


@pytest.fixture
def cluster(sqlite_course, monkeypatch):
    """A course whose students have accounts on a cluster."""

    def existing(name):
        if name not in ON_CLUSTER:
            raise accounts.AccountError(f"there is no account {name!r} on this machine")
        return SimpleNamespace(pw_name=name, pw_dir=f"/home/{name}", pw_shell="/bin/sh")

    monkeypatch.setattr(accounts, "existing", existing)
    with sqlite_course.database.writing() as session:
        entries = [
            people.Entry("Ada.L"), people.Entry("bo_b"), people.Entry("s1"), people.Entry("o'neil"),
            people.Entry("ghost"), people.Entry(email="an@a.org"), people.Entry(email="an@b.org"),
        ]  # fmt: skip
        people.add_people(session, entries, "test")
    return sqlite_course


@pytest.mark.parametrize(("name", "account"), [("ada-l", "ada.l"), ("bo-b", "bo_b"), ("s1", "s1")])
def test_a_student_runs_under_the_account_that_the_roster_names(cluster, name, account):
    assert account_of(cluster, name).pw_name == account


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ghost", "there is no account 'ghost'"),
        ("o-neil", "cannot be an account's name"),
        ("an", "not known whose the account 'an' is"),
        ("an-2", "not known whose the account 'an' is"),
    ],
)
def test_nobody_runs_under_an_account_that_may_be_anothers(cluster, name, words):
    with pytest.raises((accounts.AccountError, Refused), match=words):
        account_of(cluster, name)


def test_the_account_of_a_running_job_is_remembered():
    me = pwd.getpwuid(os.getuid())
    spawner = CourseSlurmSpawner()
    spawner.user = SimpleNamespace(name="somebody-else")
    spawner.become(me)
    later = CourseSlurmSpawner()
    later.user = spawner.user
    later.load_state(spawner.get_state())
    assert (later.req_username, later.req_homedir) == (me.pw_name, me.pw_dir)
    assert later.user_env({"A": "b"}) == {
        "A": "b", "USER": me.pw_name, "HOME": me.pw_dir, "SHELL": me.pw_shell,
    }  # fmt: skip
