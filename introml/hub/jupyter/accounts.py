"""Each student's own unix account: made on demand, marked as the course's, never one of others.

An account that was there before, one of the system's or a person's, is never used: a student of
that name would get its files. What the course makes is in the group `introml-students`.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

from introml.hub.course import HOMES
from introml.hub.people import GROUP, RosterError, check_name

_FIRST_UID = 1000
_TRIES = 20
#: useradd locks the machine's list of accounts, and fails where another one has locked it.
_one_at_a_time = threading.Lock()


class AccountError(Exception):
    """A student can have no account of their own; the text says why, and what to do."""


def account(name: str, homes: Path = HOMES) -> pwd.struct_passwd:
    """The account of the student `name`, made if it is missing. Raises `AccountError`."""
    try:
        check_name(name)
    except RosterError as problem:
        raise AccountError(str(problem)) from problem
    with _one_at_a_time:
        found = _find(name)
        if found is None:
            _make(name, homes)
            found = _find(name)
            if found is None:
                raise AccountError(f"useradd made no account {name!r}; look into /var/log/auth.log")
    _refuse_others(found)
    _check_home(found)
    return found


def existing(name: str) -> pwd.struct_passwd:
    """The account of the student `name`, which another one made. Raises `AccountError`."""
    found = _find(name)
    if found is None:
        raise AccountError(f"there is no account {name!r} on this machine")
    _refuse_others(found)
    return found


def remove(name: str) -> None:
    """Take an account of the course's away, with its home. Raises `AccountError`."""
    found = _find(name)
    if found is None:
        return
    _refuse_others(found)
    end_processes(found)
    with _one_at_a_time:
        _run("userdel", "--remove", name)


def end_processes(owner: pwd.struct_passwd) -> None:
    """End everything that runs as one student: what a stopped server left behind as well."""
    _refuse_others(owner)
    child = os.fork()
    if child == 0:
        try:
            # As that user, "all processes" are theirs alone; the first one to go is this child.
            os.setgroups([])
            os.setresgid(owner.pw_gid, owner.pw_gid, owner.pw_gid)
            os.setresuid(owner.pw_uid, owner.pw_uid, owner.pw_uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _refuse_others(found: pwd.struct_passwd) -> None:
    name = found.pw_name
    if found.pw_uid < _FIRST_UID:
        raise AccountError(
            f"{name!r} is an account of this machine's system; give the student another name"
        )
    try:
        group = grp.getgrnam(GROUP)
    except KeyError:
        group = None
    if group is None or (name not in group.gr_mem and found.pw_gid != group.gr_gid):
        raise AccountError(
            f"the account {name!r} was on this machine before the course, so no student gets it; "
            f"give the student another name (or, if it is theirs: usermod -aG {GROUP} {name})"
        )


def _check_home(found: pwd.struct_passwd) -> None:
    home = Path(found.pw_dir)
    try:
        told = home.lstat()
    except FileNotFoundError:
        raise AccountError(f"{home}, the home of {found.pw_name!r}, is missing") from None
    if not stat.S_ISDIR(told.st_mode) or told.st_uid != found.pw_uid:
        raise AccountError(f"{home} is not a folder of {found.pw_name!r}; move it away")
    if stat.S_IMODE(told.st_mode) != 0o700:
        home.chmod(0o700)


def _make(name: str, homes: Path) -> None:
    if os.geteuid() != 0:
        raise AccountError("only root can make accounts")
    for command in ("useradd", "groupadd"):
        if shutil.which(command, path=_PATH) is None:
            raise AccountError(f"{command} is missing. Debian or Ubuntu: apt install passwd")
    try:
        grp.getgrnam(GROUP)
    except KeyError:
        _run("groupadd", "--system", GROUP)
    # Others may pass through to their own home, and not look around.
    homes.mkdir(mode=0o711, parents=True, exist_ok=True)
    homes.chmod(0o711)
    home = homes / name
    if os.path.lexists(home):
        raise AccountError(f"{home} is there without an account {name!r}; move it away")
    # A group of its own comes with it; where one of that name is there, useradd refuses.
    _run(
        "useradd", "--create-home", "--home-dir", str(home), "--user-group", "--groups", GROUP,
        "--shell", "/bin/bash", "--key", "HOME_MODE=0700", "--key", f"UID_MIN={_FIRST_UID}",
        # The hub alone lets them in: to ssh (a key in the home is enough there), su and cron the
        # account has expired. So who is taken off the roster is out.
        "--expiredate", "1970-01-02", "--", name,
    )  # fmt: skip


_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def _run(*command: str) -> None:
    for _ in range(_TRIES):
        done = subprocess.run(
            command, env={"PATH": _PATH, "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return
        if "try again later" not in done.stderr:
            break
        time.sleep(0.25)  # another program has the list of accounts locked
    raise AccountError(f"{' '.join(command)} failed: {done.stderr.strip()[:500]}")
