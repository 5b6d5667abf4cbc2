"""Safe names: what is made of a user name, and that it is nobody else's."""

import os
import pwd
import re

import pytest

from introml.hub.people import names

# What a unix account, a JupyterHub user and an address take: useradd's own rule, and no dots.
SAFE = re.compile(r"[a-z][a-z0-9-]{0,29}")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("ada", "ada"),
        ("Ada", "ada"),
        ("ada.lovelace", "ada-lovelace"),
        ("ada_l", "ada-l"),
        ("12345678", "u12345678"),
        ("12345678@qq.com", "u12345678"),
        ("J.Doe+x@example.edu", "j-doe-x"),
        ("Zoë.Ünal", "zoe-unal"),
        ("Łukasz.Øst", "lukasz-ost"),
        ("Straße", "strasse"),
        ("a" * 40, "a" * 30),
        ("--x--", "x"),
    ],
)
def test_the_safe_name_of_a_user_name(told, name):
    assert names.safe_name(told) == name


@pytest.mark.parametrize("told", ["张伟@example.cn", "Ольга", "🙂", "_", "@a.edu", "1" * 99, "-9"])
def test_a_safe_name_is_one_whatever_it_is_made_of_and_the_same_each_time(told):
    assert SAFE.fullmatch(names.safe_name(told))
    assert names.safe_name(told) == names.safe_name(told)


def test_names_of_another_script_stay_apart():
    assert names.safe_name("张伟@example.cn") != names.safe_name("李娜@example.cn")


def test_a_name_that_is_taken_gets_a_number_and_stays_within_the_length():
    assert names.free_name("an", set()) == "an"
    assert names.free_name("an", {"an"}) == "an-2"
    assert names.free_name("an", {"an", "an-2"}) == "an-3"
    long = names.free_name("a" * 30, {"a" * 30})
    assert (long, len(long)) == ("a" * 28 + "-2", 30)


@pytest.mark.parametrize("told", ["root", "admin", "docker", "sudo", "introml", "www-data"])
def test_nobody_is_given_an_account_of_the_system(told):
    assert names.free_name(told, set()) == f"{told}-2"


def test_nobody_is_given_an_account_or_a_group_of_this_machine(monkeypatch):
    """Where accounts are made, which is as root, those that are there are others'."""
    theirs = next(x.pw_name for x in pwd.getpwall() if 0 < x.pw_uid < 1000 and "_" not in x.pw_name)
    monkeypatch.setattr(names, "_RESERVED", set())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert names.free_name(theirs, set()) == f"{theirs}-2"
    assert names.free_name("audio", set()) == "audio-2", "a group"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert names.free_name(theirs, set()) == theirs


@pytest.mark.parametrize(
    "good", ["ada", "Ada.L_2", "123", "ada@example.edu", "o'neil", "张伟", "x-1"]
)
def test_what_can_be_a_user_name(good):
    assert names.check_login(good) == good


@pytest.mark.parametrize(
    "bad",
    ["", "-rf", "../etc", "ann;rm", "a b", "a\n", ".x", "a/b", "x" * 101, "a,b", "<b>", "a\0"],
)
def test_what_cannot_be_a_user_name(bad):
    with pytest.raises(names.RosterError, match="cannot be a user name"):
        names.check_login(bad)


@pytest.mark.parametrize(
    "bad", ["", "ada", "a b@x.edu", "@x.edu", "a@", "a@b@c", "a@b.edu,c@d.edu"]
)
def test_what_is_no_address(bad):
    with pytest.raises(names.RosterError, match="no e-mail address"):
        names.check_email(bad)
