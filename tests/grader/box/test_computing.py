"""What a box has computed is counted with all its threads and processes, whoever grades."""

import os
import subprocess
import sys
import time

import pytest

from introml.grader.box.computing import computing_s
from introml.grader.box.limits import Limits

LIMITS = Limits(wall_s=120, cpu_s=60, memory_mb=700, processes=24)
#: Computes for 0.6 s, by the kernel's count, spread in one of several ways.
SPREAD = """
import os, threading, time, torch
torch.set_num_threads(1)  # those of a pool that wait for work compute too
def spin(seconds, clock):
    end = time.clock_gettime(clock) + seconds
    while time.clock_gettime(clock) < end: torch.ones(50_000).exp()
def alone(): spin(0.6, time.CLOCK_PROCESS_CPUTIME_ID)
def threads():
    args = (0.2, time.CLOCK_THREAD_CPUTIME_ID)
    some = [threading.Thread(target=spin, args=args) for _ in range(3)]
    for one in some: one.start()
    for one in some: one.join()
def processes():
    children = []
    for _ in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            spin(0.2, time.CLOCK_PROCESS_CPUTIME_ID); os._exit(0)
    for child in children: os.waitpid(child, 0)
def orphans():
    read, write = os.pipe()
    for _ in range(3):
        if os.fork() == 0:
            if os.fork() == 0:
                spin(0.2, time.CLOCK_PROCESS_CPUTIME_ID); os.write(write, b"x")
                time.sleep(30)
            os._exit(0)
    while len(os.read(read, 1)) and not ended.append(1) and len(ended) < 3: pass
ended = []
"""


@pytest.mark.parametrize("way", ["alone", "threads", "processes", "orphans"])
def test_spreading_work_over_threads_and_processes_makes_it_no_less(template, way):
    with template.box(LIMITS) as box:
        box.send({"op": "run", "cell": "a", "source": SPREAD}, 30)
        before, own = box.cpu_s(), computing_s(box._pidfd)
        box.send({"op": "call", "target": way, "returns": "nothing"}, 60)
        after, still = box.cpu_s(), computing_s(box._pidfd)
    assert 0.55 < after - before < 1.2
    # The count without a control group is the same, to the hundredths of what has ended.
    assert 0.55 < still - own < 1.2


def test_waiting_is_no_computing(template):
    with template.box(LIMITS) as box:
        box.send({"op": "run", "cell": "a", "source": "import time"}, 30)
        before = computing_s(box._pidfd)
        box.send({"op": "run", "cell": "b", "source": "time.sleep(1)"}, 30)
        assert computing_s(box._pidfd) - before < 0.3


def test_an_ended_process_has_no_clock():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    pidfd = os.pidfd_open(process.pid)
    process.wait()
    time.sleep(0.01)
    assert computing_s(pidfd) is None
    os.close(pidfd)
