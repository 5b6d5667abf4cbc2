"""Names: what people call themselves when they sign in, and the safe name that is made of it.

The safe name is the unix account, the JupyterHub user and a part of addresses. It is made once,
when someone is added, and kept: `ada.lovelace` is `ada-lovelace`, `12345678` is `u12345678`, and
a second `an` is `an-2`.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import re
import unicodedata
from collections.abc import Container, Iterator
from pathlib import Path

from introml.hub.course import HOMES

#: The unix group of the accounts that are students'.
GROUP = "introml-students"
#: The day on which the accounts that a course makes have expired, as the machine's list has it.
_MADE = "1"
_SHADOW = Path("/etc/shadow")
_LONGEST = 30
#: A name must do as a unix user, a JupyterHub user, and a part of an address.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
#: What institutions give out as user names: letters of any script, digits, and a few signs.
_LOGIN = re.compile(r"[^\W_][\w.@+'~=-]{0,99}")
_EMAIL = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+")
#: Letters that Unicode does not take apart into a plain one and an accent.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe",
                        "ı": "i"})  # fmt: skip
#: Accounts that a machine has of its own; nobody may come in under one of them.
_RESERVED = {
    "root",
    "daemon",
    "bin",
    "sys",
    "sync",
    "games",
    "man",
    "lp",
    "mail",
    "news",
    "uucp",
    "proxy",
    "www-data",
    "backup",
    "list",
    "irc",
    "nobody",
    "admin",
    "adm",
    "sshd",
    "messagebus",
    "systemd-network",
    "postgres",
    "munge",
    "slurm",
    # Groups that give power over the machine, and may come to it after a student of that name.
    "docker",
    "lxd",
    "libvirt",
    "sudo",
    "wheel",
    "introml",
    "service",
    "hub",
}
#: Signs that cannot be seen, and turn the text that follows them or make two names look alike.
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
#: Some scripts need these; they are kept.
_JOINERS = "\u200c\u200d"


class RosterError(Exception):
    """The roster cannot be used; each of its `problems` names the line and says what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def check_name(name: str) -> str:
    """`name` if it is a safe one, which no machine has of its own. Raises `RosterError`."""
    if not _NAME.fullmatch(name):
        raise RosterError(
            f"{name!r} cannot be a user's name; use a small letter, then small letters, digits and "
            "hyphens, 30 at most"
        )
    if name in _RESERVED:
        raise RosterError(f"{name!r} is an account of the machine; choose another name")
    return name


def one_line(told: str) -> str:
    """A text on one line, composed (NFC), without signs that cannot be seen."""
    kept = "".join(
        " " if one.isspace() else one
        for one in told
        if one.isspace() or one in _JOINERS or unicodedata.category(one) not in _UNSEEN
    )
    return unicodedata.normalize("NFC", " ".join(kept.split()))


def check_login(login: str) -> str:
    """`login` if someone may sign in by it. Raises `RosterError`."""
    if not _LOGIN.fullmatch(login):
        raise RosterError(
            f"{login[:100]!r} cannot be a user name; it begins with a letter or a digit, and has "
            "letters, digits and . _ - + @ alone, 100 at most"
        )
    return login


def check_email(email: str) -> str:
    """`email` if it looks like an address. Raises `RosterError`."""
    if not _EMAIL.fullmatch(email) or len(email) > 200 or one_line(email) != email:
        raise RosterError(f"{email[:100]!r} is no e-mail address")
    return email


def safe_name(told: str) -> str:
    """The safe name that a user name or an e-mail address suggests: "J.Doe+x@a.edu" -> "j-doe-x".

    It may be taken: `free_name` looks for one that is not.
    """
    local = told.partition("@")[0]
    plain = unicodedata.normalize("NFKD", local.casefold()).translate(_PLAIN)
    ascii_ = "".join(x for x in plain if not unicodedata.combining(x))
    name = re.sub(r"[^a-z0-9]+", "-", ascii_).strip("-")
    if not re.search("[a-z0-9]", name):
        name = "u" + hashlib.sha256(told.casefold().encode()).hexdigest()[:8]
    if not name[0].isalpha():
        name = "u" + name
    return name[:_LONGEST].rstrip("-")


def free_name(wanted: str, taken: Container[str]) -> str:
    """`wanted`, or with the first number at its end that makes it nobody's and no account's.

    Who is erased leaves an account and a home until someone removes them, and so does a course of
    last year: a new person of that name would get these.
    """
    return next(
        name
        for name in _numbered(wanted)
        if name not in taken and name not in _RESERVED and not _on_machine(name)
    )


def _numbered(wanted: str) -> Iterator[str]:
    yield wanted
    number = 2
    while True:
        end = f"-{number}"
        yield wanted[: _LONGEST - len(end)].rstrip("-") + end
        number += 1


def _on_machine(name: str) -> bool:
    """Whether this machine has an account, a group or a home of that name that somebody else had.

    It matters where accounts are made, which is as root. An account that has been put into the
    students' group is waiting for its student.
    """
    if os.geteuid() != 0:
        return False
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        try:
            grp.getgrnam(name)
        except KeyError:
            return os.path.lexists(HOMES / name)
        return True
    try:
        ours = grp.getgrnam(GROUP)
    except KeyError:
        return True
    return (name not in ours.gr_mem and user.pw_gid != ours.gr_gid) or _was_made(name)


def _was_made(name: str) -> bool:
    """Whether a course made this account, which the hub alone lets in: it has expired."""
    try:
        lines = _SHADOW.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(one.split(":")[0] == name and one.split(":")[7:8] == [_MADE] for one in lines)
