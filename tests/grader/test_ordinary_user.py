"""The box for an ordinary user: the same attacks, over user namespaces and without cgroups."""

import os
import subprocess
import sys
from pathlib import Path

from introml.book.paths import ROOT

LAUNCH = [sys.executable, str(Path(__file__).with_name("ordinary_user.py")), sys.executable]
ATTACKS = (
    "nothing_of_the_machine or read_only or no_rights or no_network or no_other_process or "
    "dangerous_system_calls or fork_bomb or memory_bomb or killed_box or wall_clock or "
    "no_descriptor or daemons or inode_floods or out_of_reach or over_all_processes"
)


def as_user(*command):
    return subprocess.run(
        [*LAUNCH, *command], capture_output=True, text=True, timeout=500, cwd=ROOT
    )


def test_the_attacks_fail_for_an_ordinary_users_box_too():
    done = as_user(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/grader/box/test_box.py",
        "-k",
        ATTACKS,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_an_ordinary_users_grader_says_what_is_in_force():
    script = (
        "from introml.grader.box.template import Template; import os\n"
        "with Template() as t: print(os.getuid() != 0, t.in_force['sandbox'], t.in_force['memory'])"
    )
    done = as_user("-c", script)
    expected = "True user namespaces watched, and rlimit"
    assert done.stdout.strip() == expected or "cgroup v2" in done.stdout, done.stderr
    assert os.getuid() != 0 or "True" in done.stdout
