"""The grader where people have it: as an ordinary user, wherever the checkout lies.

The same attacks as in `box/test_box.py`, over user namespaces and without cgroups; and the box's
walls and a class graded from copies of the checkout in a home, in /opt, and below the folders that
each box gets anew, where the way to Python's packages must be shown again, and nothing else.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from introml.book.paths import ROOT

HERE = Path(__file__).parent
AS_USER = [sys.executable, str(HERE / "ordinary_user.py"), sys.executable]
ATTACKS = (
    "nothing_of_the_machine or read_only or no_rights or no_network or no_other_process or "
    "dangerous_system_calls or fork_bomb or memory_bomb or killed_box or wall_clock or "
    "no_descriptor or daemons or inode_floods or out_of_reach or over_all_processes or "
    "own_folders or user_namespace or kernels_own or nobody_counts or cannot_hide or "
    "no_word or cannot_take or makes_it_no_less"
)
WALLS = (
    "tests/grader/box/test_box.py",
    "tests/grader/box/test_bwrap.py",
    "tests/grader/test_cli.py",
)
WALL = (
    "ways_to_it or nothing_of or package_is_not or read_only or attacks_fail_and_checks_work or "
    "a_class_is_graded"
)
IN_FORCE = (
    "from introml.grader.box.template import Template; import os\n"
    "with Template() as t: print(os.getuid() != 0, t.in_force['sandbox'], t.in_force['memory'])"
)


def python(launcher, *arguments):
    return subprocess.run(
        [*launcher, *arguments], capture_output=True, text=True, timeout=500, cwd=ROOT
    )


def passed(launcher, *arguments) -> int:
    """Run tests, which must all pass; return how many."""
    done = python(launcher, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout
    return int(re.search(r"(\d+) passed", done.stdout)[1])


def test_the_attacks_fail_for_an_ordinary_users_box_too():
    files = [f"tests/grader/box/test_{name}.py" for name in ("box", "between_boxes", "computing")]
    assert passed(AS_USER, *files, "-k", ATTACKS) >= 30


def test_an_ordinary_users_grader_says_what_is_in_force():
    done = python(AS_USER, "-c", IN_FORCE)
    expected = "True user namespaces watched, and rlimit"
    assert done.stdout.strip() == expected or "cgroup v2" in done.stdout, done.stderr
    assert os.getuid() != 0 or "True" in done.stdout


@pytest.mark.parametrize(
    ("place", "options"),
    [
        ("/home/someone/introml", ["--umask", "077"]),
        ("/opt/introml", ["--owner", "root"]),
        ("/tmp/introml", []),
        ("/tmp/introml", ["--user", "root", "--owner", "root"]),
        ("/dev/shm/me/introml", ["--umask", "077"]),
    ],
    ids=["home", "opt", "tmp", "tmp as root", "shm"],
)
def test_boxes_work_and_keep_their_walls_wherever_the_checkout_lies(place, options):
    launcher = [sys.executable, str(HERE / "checkout_elsewhere.py"), *options, place]
    assert passed(launcher, *WALLS, "-k", WALL) == 8
    done = python(launcher, "-c", "import introml; print(introml.__file__)")
    assert done.stdout == f"{place}/introml/__init__.py\n", done.stderr
