"""What a student's server may use: tried on real control groups, as a student's processes would."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from introml.grader.box import cgroups
from introml.hub.course.hub_settings import HubSettings, bytes_in
from introml.hub.servers import limits
from introml.hub.servers.limits import InForce, Limits

#: No account has it: the group of nobody else's.
UID = 3_000_000_000 + os.getpid()
#: Room for an interpreter, and for nothing that is large.
MEMORY = 120 << 20


@pytest.fixture
def in_group():
    """`in_group(limits, code)` -> a Python process that runs under them, as a server would."""
    if cgroups.find_parents() is None:
        pytest.fail("this machine has no control groups to make: run these tests as root")
    running = []

    def start(wanted: Limits, code: str) -> tuple[cgroups.Cgroup, subprocess.Popen[str]]:
        group = limits.group_of(UID, wanted)
        entrances = group.entrances()
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                preexec_fn=lambda: [os.write(one, b"0") for one in entrances],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        for one in entrances:
            os.close(one)
        return group, running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()
    limits.remove_group(UID)


def test_where_memory_runs_out_the_largest_process_ends_and_its_parent_lives(in_group):
    code = (
        "import subprocess, sys\n"
        "hog = 'b = bytearray(400 << 20); print(len(b))'\n"
        "print(subprocess.run([sys.executable, '-c', hog]).returncode)"
    )
    group, process = in_group(Limits(memory=MEMORY), code)
    assert process.communicate(timeout=60)[0] == "-9\n"
    assert process.returncode == 0
    assert group.kills() == 1


def test_processes_without_end_stop_at_the_limit(in_group):
    code = (
        "import subprocess, sys\n"
        "count = 0\n"
        "try:\n"
        "    while count < 100:\n"
        "        subprocess.Popen(['/bin/sleep', '60']); count += 1\n"
        "except OSError as problem:\n"
        "    print(type(problem).__name__, count)\n"
        "subprocess.Popen.__del__ = lambda self: None\n"
    )
    group, process = in_group(Limits(processes=20), code)
    assert process.stdout.readline() == "BlockingIOError 19\n"
    pids = (group.pids / "cgroup.procs").read_text().split()
    for pid in pids:
        if int(pid) != process.pid:
            os.kill(int(pid), 9)


def test_many_busy_processes_get_the_processors_of_one_student_together(in_group):
    code = "import os\nos.fork(); os.fork()\nwhile True: pass"
    group, process = in_group(Limits(processors=0.25), code)
    began, before = time.monotonic(), group.cpu_s()
    time.sleep(2)
    share = (group.cpu_s() - before) / (time.monotonic() - began)
    for pid in (group.pids / "cgroup.procs").read_text().split():
        os.kill(int(pid), 9)
    process.wait(10)
    assert share < 0.35


def test_a_students_group_is_the_same_for_a_hub_that_comes_back_and_goes_at_the_end():
    first = limits.group_of(UID, Limits(memory=MEMORY))
    again = limits.group_of(UID, Limits(memory=2 * MEMORY))
    assert first.memory == again.memory
    assert again.memory_limit() == 2 * MEMORY
    limits.remove_group(UID)
    assert not first.memory.exists()
    limits.remove_group(UID)


def test_what_is_in_force_is_what_a_group_keeps():
    asked = Limits(memory=MEMORY, processors=1.5, processes=200)
    held = [InForce("120 MB of memory"), InForce("1.5 processors")]
    each = InForce("200 processes and threads")
    assert limits.in_force(asked) == [*held, each]
    assert limits.in_force(Limits(processes=200)) == [each]


def test_what_is_in_force_is_the_same_for_all_who_ask_at_once():
    asked = Limits(memory=MEMORY, processors=1.0)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(limits.in_force, [asked] * 60))
    assert {one.why_not for found in told for one in found} == {""}


def test_without_control_groups_no_limit_is_claimed_but_that_of_processes(monkeypatch):
    monkeypatch.setattr(cgroups, "find_parents", lambda: None)
    memory, processors, processes = limits.in_force(Limits(memory=1 << 30, processors=1.0))
    assert memory == InForce("1 GB of memory", "this machine gives the hub no control groups")
    assert processors.why_not == memory.why_not
    assert not processes.why_not
    assert limits.group_of(UID, Limits(memory=MEMORY)) is None


def test_groups_that_keep_no_limit_are_not_believed(monkeypatch, tmp_path):
    """A made-up tree of version 2, whose files keep words and limit nothing."""
    (tmp_path / "cgroup.subtree_control").write_text("memory pids")
    found = cgroups.Parents(2, tmp_path, tmp_path)
    monkeypatch.setattr(cgroups, "find_parents", lambda: found)
    memory, processors, _ = limits.in_force(Limits(memory=MEMORY, processors=1.0))
    assert not memory.why_not
    assert processors.why_not == "the machine's control groups do not keep it"


def test_settings_say_the_limits_and_empty_ones_are_none():
    asked = Limits.of(HubSettings(mem_limit="1.5G", cpu_limit=0.5, process_limit=300))
    assert asked == Limits(3 << 29, 0.5, 300)
    assert Limits.of(HubSettings(mem_limit="", cpu_limit=0)) == Limits(None, None, 1000)


@pytest.mark.parametrize("size", ["4", "4GB", "-1G", "0G", "1K", "G", "4 G", "nanG"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match="it must be a size"):
        bytes_in(size)
