"""Students' unix accounts: made, marked, and never someone else's."""

import os
import pwd
import stat
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from introml.hub.jupyter import accounts
from introml.hub.jupyter.accounts import AccountError, account
from introml.hub.people import names

NAME = f"acc-t{os.getpid()}"


@pytest.fixture
def homes():
    assert os.geteuid() == 0, "these tests make accounts: run them as root"
    folder = Path(tempfile.mkdtemp(prefix="introml-homes-"))
    folder.chmod(0o755)
    yield folder / "homes"
    for one in pwd.getpwall():
        if one.pw_name.startswith(NAME):
            subprocess.run(["userdel", "-r", one.pw_name], capture_output=True, check=False)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_an_account_is_made_once_with_a_home_of_its_own(homes):
    made = account(NAME, homes)
    assert (made.pw_dir, made.pw_uid >= 1000) == (str(homes / NAME), True)
    told = Path(made.pw_dir).stat()
    assert (told.st_uid, stat.S_IMODE(told.st_mode)) == (made.pw_uid, 0o700)
    assert account(NAME, homes) == made
    assert stat.S_IMODE(homes.stat().st_mode) == 0o711
    # Nobody can log in to the machine with it.
    password = subprocess.run(["getent", "shadow", NAME], capture_output=True, text=True).stdout
    assert password.split(":")[1].startswith(("!", "*"))
    # Nor by a key in the home, nor by cron: there the account has expired.
    assert password.split(":")[7] == "1"


def test_a_new_person_inherits_no_account_and_no_home(homes, monkeypatch):
    """Those of someone who was erased, or of last year, are there until they are removed."""
    monkeypatch.setattr(names, "_SHADOW", Path("/etc/shadow"))
    assert names.free_name(NAME, set()) == NAME
    account(NAME, homes)
    assert names.free_name(NAME, set()) == f"{NAME}-2"
    accounts.remove(NAME)
    assert names.free_name(NAME, set()) == NAME
    monkeypatch.setattr(names, "HOMES", homes)
    (homes / NAME).mkdir()
    assert names.free_name(NAME, set()) == f"{NAME}-2"


def test_an_account_that_was_put_into_the_students_group_waits_for_its_student(homes, monkeypatch):
    monkeypatch.setattr(names, "_SHADOW", Path("/etc/shadow"))
    account(f"{NAME}-x", homes)  # makes the group
    subprocess.run(["useradd", "-M", "-G", names.GROUP, NAME], check=True)
    assert names.free_name(NAME, set()) == NAME


def test_students_made_at_the_same_time(homes):
    names = [f"{NAME}-{n}" for n in range(5)]
    with ThreadPoolExecutor(5) as pool:
        made = list(pool.map(lambda name: account(name, homes), names))
    assert len({one.pw_uid for one in made}) == 5
    assert len({one.pw_gid for one in made}) == 5


@pytest.mark.parametrize(
    "name", ["root", "daemon", "../etc", "Ann", "-u", "", "a b", "a\n", "docker"]
)
def test_names_that_nobody_may_have(homes, name):
    with pytest.raises(AccountError):
        account(name, homes)


def test_an_account_of_the_system_is_never_used(homes):
    subprocess.run(["useradd", "--system", "-M", NAME], check=True)
    with pytest.raises(AccountError, match="machine's system"):
        account(NAME, homes)


def test_an_account_that_was_there_before_is_never_used(homes):
    subprocess.run(["useradd", "-m", "-b", str(homes.parent), NAME], check=True)
    with pytest.raises(AccountError, match="before the course"):
        account(NAME, homes)
    with pytest.raises(AccountError, match="before the course"):
        accounts.remove(NAME)
    with pytest.raises(AccountError, match="before the course"):
        accounts.end_processes(pwd.getpwnam(NAME))
    assert pwd.getpwnam(NAME)


def test_nobody_gets_into_a_group_of_the_machine_by_its_name(homes):
    with pytest.raises(AccountError, match="group"):
        account("audio", homes)


def test_a_home_that_is_there_is_not_taken(homes):
    (homes / NAME).mkdir(parents=True)
    with pytest.raises(AccountError, match="move it away"):
        account(NAME, homes)
    with pytest.raises(KeyError):
        pwd.getpwnam(NAME)


def test_a_home_that_a_student_opened_is_closed_again(homes):
    home = Path(account(NAME, homes).pw_dir)
    home.chmod(0o777)
    account(NAME, homes)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_all_that_a_student_left_running_ends_and_nothing_else(homes):
    made = account(NAME, homes)
    other = account(f"{NAME}-2", homes)
    running = {
        who.pw_name: subprocess.Popen(
            ["/usr/bin/sleep", "600"], user=who.pw_uid, group=who.pw_gid, start_new_session=True
        )
        for who in (made, other)
    }
    accounts.end_processes(made)
    assert running[NAME].wait(5) == -9
    time.sleep(0.2)
    assert running[f"{NAME}-2"].poll() is None
    accounts.end_processes(other)
    running[f"{NAME}-2"].wait(5)


def test_removing_takes_the_home_too(homes):
    home = Path(account(NAME, homes).pw_dir)
    accounts.remove(NAME)
    assert not home.exists()
    accounts.remove(NAME)
