"""The cold way into a box, by bubblewrap, for where only that may make namespaces.

Needs `bwrap` (Debian: apt install bubblewrap).
"""

import os
from pathlib import Path

import psutil
import pytest
from all_that_is_seen import WALK, pythons_own

from introml.grader.box import template
from introml.grader.box.limits import Limits
from introml.grader.box.seccomp import refused_calls
from introml.grader.box.template import SandboxUnavailable, Template
from introml.grader.run.attempt import Attempt
from introml.grader.wire.submission import StudentError

LIMITS = Limits(wall_s=60, cpu_s=30, memory_mb=500, processes=24, tmp_mb=16, file_mb=4)
ATTACK = f"""
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
for path in ("/root/.bashrc", "/etc/shadow", "/sys", "/usr/bin/env", "/bin/sh", "/var"):
    if os.path.exists(path): print("sees", path)
for path in ("/x", "/etc/x", torch_file := __import__("torch").__file__, "/run/code/x"):
    try: open(path, "a").write("x"); print("wrote", path)
    except OSError: pass
for name, number in {refused_calls()!r}.items():
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number[0]), 0, 0, 0, 0, 0, 0)
    if (result, ctypes.get_errno()) != (-1, number[1]):
        print("passed", name)
for family in (2, 10, 16, 17):
    try: socket.socket(family, 1); print("family", family)
    except OSError: pass
try: import introml.attention; print("has introml")
except ImportError: pass
for number in range(1, 65):
    try: os.kill(1, number)
    except OSError: pass
print(os.getuid(), libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0))
def is_open(fd):
    try: return bool(os.fstat(fd))
    except OSError: return False
print(sum(map(is_open, range(1024))), os.listdir("/proc"), sorted(os.listdir("/dev")))
try:
    for i in range(100): open(f"/tmp/{{i}}", "wb").write(bytes(1 << 20))
except OSError as error: print(error.errno, i)
import torch
def double(x): return x * 2
def loop():
    while True: pass
def leave(): os._exit(0)
"""


@pytest.fixture(scope="module")
def cold():
    with Template(cold=True) as template:
        assert template.in_force["sandbox"] == "bubblewrap, cold"
        yield template


def rights_of_the_youngest():
    """The capabilities of the student's process: the last below this one."""
    youngest = max(psutil.Process().children(recursive=True), key=lambda one: one.create_time())
    status = Path(f"/proc/{youngest.pid}/status").read_text().replace("\t", "")
    return next(line for line in status.splitlines() if line.startswith("CapEff:"))[7:]


def test_attacks_fail_and_checks_work(cold):
    with Attempt(cold, [("a", ATTACK)], limits=LIMITS) as attempt:
        (result,) = attempt.start()
        assert result.outcome == "ok", result
        assert attempt.public_output.splitlines() == [
            "1000 1 2",
            "5 ['cpuinfo'] ['full', 'null', 'random', 'shm', 'urandom', 'zero']",
            "28 16",
        ]
        assert rights_of_the_youngest() == "0000000000000000"
        attempt.begin(1, 10, public=True)
        assert attempt.submission.double([1]) == [1, 1]


def test_python_and_the_ways_to_it_are_all_that_there_is(cold):
    walk = WALK.format(own=pythons_own())
    with Attempt(cold, [("a", walk)], limits=LIMITS) as attempt:
        (result,) = attempt.start()
        assert result.outcome == "ok", result
    seen = attempt.public_output.splitlines()
    # bwrap's /dev, the modules that become the student's process, and torch's own folder.
    own = ("/dev/", "/run/code/introml", "/tmp/torchinductor_student")
    assert {path for path in seen if not path.startswith(own)} - {"may write into /dev"} == {
        "/etc/group",
        "/etc/ld.so.cache",
        "/etc/passwd",
        "/proc/cpuinfo",
        "/run",
        "/run/code",
        "{'a way that is there'}",
    }


def test_daemons_and_loops_end_with_the_box(cold):
    source = ATTACK + "\nif os.fork() == 0:\n os.setsid()\n while True: __import__('time').sleep(1)"
    others = set(psutil.Process().children(recursive=True))
    with Attempt(cold, [("a", source)], limits=Limits(wall_s=600)) as attempt:
        (result,) = attempt.start()
        assert result.outcome == "ok", result
        of_the_box = set(psutil.Process().children(recursive=True)) - others
        assert len(of_the_box) >= 5  # the keeper, bwrap, its first process, Python, the daemon
        attempt.begin(1, 1, public=True)
        with pytest.raises(StudentError) as caught:
            attempt.submission.loop()
        assert caught.value.kind == "timed_out"
    _, left = psutil.wait_procs(of_the_box, timeout=60)
    assert left == []


def test_the_keeper_holds_the_wall_clock(cold):
    with cold.box(Limits(wall_s=8)) as box:
        end = box.ended()
    assert end.kind == "time"


def test_without_any_sandbox_grading_refuses_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(template.bwrap, "available", lambda: False)
    with pytest.raises(SandboxUnavailable, match="install bubblewrap") as caught:
        Template(cold=True).start()
    assert "--unsafe-no-sandbox" in str(caught.value)
    assert os.getuid() == 0 or "root" in str(caught.value)


def test_a_gpu_that_is_not_there_is_refused_in_words():
    import torch

    if torch.cuda.is_available():
        assert Template(devices=("cuda:0",)) is not None
        return
    with pytest.raises(SandboxUnavailable, match="no GPU can be bound"):
        Template(devices=("cuda:0",))
