"""The filter of system calls, run here instruction by instruction, for both architectures."""

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from introml.grader.box import calls
from introml.grader.box.seccomp import box_filter, refused_calls

ALLOW, KILL = "allow", "kill"
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
EPERM, EAGAIN, EINVAL, ENOTTY, ENOLCK, ENOSYS, EOPNOTSUPP = 1, 11, 22, 25, 37, 38, 95


def answer(machine, number, *arguments, arch=None, steps=None, **options):
    """What the kernel would answer: a small interpreter of classic BPF."""
    given = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", number, arch or ARCH[machine], 0, *given)
    code = box_filter(machine, **options).code
    program = [struct.unpack_from("<HBBI", code, i) for i in range(0, len(code), 8)]
    position, a = 0, 0
    step = 0
    while True:
        step += 1
        operation, true, false, k = program[position]
        position += 1
        if operation == 0x20:
            a = struct.unpack_from("<I", data, k)[0]
        elif operation == 0x05:
            position += k
        elif operation == 0x06:
            if steps is not None:
                steps.append(step)
            action = k & 0xFFFF0000
            return {0x7FFF0000: ALLOW, 0x80000000: KILL}.get(action, k & 0xFFFF)
        else:
            holds = {0x15: a == k, 0x35: a >= k, 0x45: bool(a & k)}[operation]
            position += true if holds else false


def number_of(machine, name):
    """The number of a call of which some or all pass."""
    return (calls.allowed(machine, gpu=True) | calls.by_arguments(machine))[name]


@pytest.mark.parametrize("machine", ARCH)
def test_what_is_not_on_the_list_is_unknown_and_what_is_has_its_answer(machine):
    allowed = set(calls.allowed(machine).values())
    refused = dict(calls.refused(machine).values())
    some = set(calls.by_arguments(machine).values())
    assert not allowed & refused.keys()
    assert not some & (allowed | refused.keys())
    for number in range(700):
        if number not in some:
            expected = ALLOW if number in allowed else refused.get(number, ENOSYS)
            assert answer(machine, number) == expected, number
    for number in (700, 1000, 0x3FFFFFFF, 0x40000000, 0x40000027, 0xFFFFFFFF):
        assert answer(machine, number) == ENOSYS


@pytest.mark.parametrize("machine", ARCH)
def test_no_call_costs_more_than_a_few_steps(machine):
    steps = []
    for number in range(700):
        answer(machine, number, steps=steps)
    assert max(steps) <= 40
    assert sum(steps) / len(steps) < 14


def test_the_numbers_are_the_kernels_own():
    """Against its header, where the C library's headers are installed."""
    machine = os.uname().machine
    headers = [
        *Path("/usr/include").glob("*/asm/unistd_64.h"),
        Path("/usr/include/asm/unistd_64.h"),
    ]
    headers = [header for header in headers if header.exists()]
    if machine != "x86_64" or not headers:
        pytest.skip("needs the kernel's headers of x86_64 (Debian: linux-libc-dev)")
    known = dict(re.findall(r"#define __NR_(\w+) (\d+)", headers[0].read_text()))
    ours = calls.allowed(machine, gpu=True) | calls.by_arguments(machine)
    ours |= {name: number for name, (number, _) in calls.refused(machine).items()}
    later = {name for name in ours if name not in known}  # calls that are younger than the headers
    assert {name: int(known[name]) for name in ours.keys() - later} == {
        name: number for name, number in ours.items() if name not in later
    }
    assert all(ours[name] > 424 for name in later)
    generic = Path("/usr/include/asm-generic/unistd.h").read_text()
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", generic))
    known |= {"newfstatat": "79"}
    arm = calls.allowed("aarch64", gpu=True) | calls.by_arguments("aarch64")
    arm |= {name: number for name, (number, _) in calls.refused("aarch64").items()}
    assert {n: v for n, v in arm.items() if n in known} == {
        n: int(known[n]) for n in arm.keys() & known.keys()
    }
    assert all(arm[name] > 260 for name in arm.keys() - known.keys())


@pytest.mark.parametrize("machine", ARCH)
def test_arguments_decide_where_they_matter(machine):
    def call(name, *arguments, **options):
        return answer(machine, number_of(machine, name), *arguments, **options)

    assert call("clone", 17) == ALLOW  # fork
    assert call("clone", 0x3D0F00) == ALLOW  # a thread
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert call("clone", 17 | bit) == EPERM
    for name in ("socket", "socketpair"):
        assert call(name, 1, 1) == call(name, 1, 0x80801) == ALLOW
        assert {call(name, 1, kind) for kind in (0, 2, 3, 4, 5, 0x80005)} == {94}
        assert {call(name, family, 1) for family in (0, 2, 10, 16, 17, 38, 40)} == {97}
        assert call(name, 1, 5, gpu=True) == ALLOW
    assert call("setsockopt", 3, 1, 2) == ALLOW
    assert call("setsockopt", 3, 1, 7) == call("setsockopt", 3, 6, 2) == 92  # SO_SNDBUF, TCP
    assert call("sendto", 3, 0, 0, 0x4000) == call("sendmsg", 3, 0, 0x4000) == ALLOW
    assert call("sendto", 3, 0, 0, 0x4001) == call("sendmsg", 3, 0, 1) == EOPNOTSUPP
    assert call("prlimit64", 0, 7) == ALLOW
    assert call("prlimit64", 1, 7) == EPERM
    assert call("setpriority", 0, 0, 5) == ALLOW
    assert call("setpriority", 0, 1, 5) == call("setpriority", 2, 0, 5) == EPERM
    assert call("ioctl", 0, 0x5401) == ALLOW
    assert call("ioctl", 0, 0x5412) == call("ioctl", 0, 0xC020660B) == ENOTTY  # TIOCSTI, FIEMAP
    assert call("ioctl", 0, 0xC0104600, gpu=True) == ALLOW
    assert {call("fcntl", 0, command) for command in (0, 1, 2, 3, 4, 1030, 1032)} == {ALLOW}
    # F_SETOWN, SETSIG, SETLEASE, NOTIFY, SETPIPE_SZ, ADD_SEALS, SET_RW_HINT
    for command in (8, 10, 1024, 1026, 1031, 1033, 1036):
        assert call("fcntl", 0, command) == EINVAL
    for command in (6, 7, 37, 38):
        assert call("fcntl", 0, command) == ENOLCK
        assert call("fcntl", 0, command, compiler=True) == 0
    assert call("flock", 0, 2) == ENOLCK
    assert call("flock", 0, 2, compiler=True) == 0
    assert call("fadvise64", 0, 0, 0, 4) == 0
    assert call("prctl", 15) == call("prctl", 38, 1) == ALLOW
    # SET_DUMPABLE, SET_SECCOMP, SET_MM, SET_PTRACER, SET_MEMORY_MERGE
    for option in (4, 22, 35, 0x59616D61, 67):
        assert call("prctl", option) == EINVAL
    assert {call("madvise", 0, 0, advice) for advice in (0, 3, 4, 8, 14)} == {ALLOW}
    # MERGEABLE, COLD, PAGEOUT, COLLAPSE, HWPOISON
    assert {call("madvise", 0, 0, advice) for advice in (12, 20, 21, 25, 100)} == {EINVAL}
    assert call("mmap", 0, 4096, 3, 0x22) == ALLOW
    assert call("mmap", 0, 4096, 3, 0x40022) == call("mmap", 0, 4096, 3, 0x2022) == 12
    if machine == "x86_64":
        assert call("arch_prctl", 0x1002) == call("arch_prctl", 0x1023) == ALLOW
        assert call("arch_prctl", 0x1012) == EINVAL


@pytest.mark.parametrize("machine", ARCH)
def test_threads_wait_for_each_other_and_never_on_memory_that_others_see(machine):
    def futex(operation, limit=0):
        return answer(machine, number_of(machine, "futex"), 4096, operation, 1, limit)

    for operation in (0, 1, 3, 4, 5, 9, 10, 256, 9 | 256):
        assert futex(operation | 128) == futex(operation | 128, 1 << 40) == ALLOW
    for wait in (0, 9, 256, 9 | 256):
        assert futex(wait) == EAGAIN
        assert futex(wait, 1 << 40) == futex(wait, 8) == 110
    for wake in (1, 10):
        assert futex(wake) == 0
    # Of what shared futexes can besides, nothing: requeue, PI locks.
    assert {futex(operation) for operation in (3, 4, 5, 6, 7, 8, 11, 12, 13)} == {ENOSYS}


@pytest.mark.parametrize("machine", ARCH)
def test_a_cold_box_sets_no_times_of_files(machine):
    number = calls.times(machine)["utimensat"]
    assert answer(machine, number) == ALLOW
    assert answer(machine, number, cold=True) == 0


@pytest.mark.parametrize("machine", ARCH)
def test_without_programs_none_is_started_and_all_else_is_the_same(machine):
    execve = number_of(machine, "execve")
    assert answer(machine, execve) == ALLOW
    assert answer(machine, execve, programs=False) == EPERM
    assert answer(machine, calls.refused(machine)["execveat"][0], programs=False) == ENOSYS
    for number in set(range(700)) - {execve}:
        assert answer(machine, number, programs=False) == answer(machine, number)


def test_other_architectures_are_killed():
    assert answer("x86_64", 0, arch=0x40000003) == KILL
    assert answer("x86_64", 0x40000000) == ENOSYS
    assert answer("aarch64", 63, arch=0x40000028) == KILL


def test_another_machine_is_refused_in_words():
    with pytest.raises(OSError, match="x86_64 and aarch64, not riscv64"):
        box_filter("riscv64")


def test_every_named_refusal_holds_in_a_process_of_its_own():
    """Without a box: the filter alone, applied to a plain process."""
    script = f"""
import ctypes, os, sys
from introml.grader.box import kernel
from introml.grader.box.seccomp import box_filter
libc = ctypes.CDLL(None, use_errno=True)
kernel.no_new_privileges()
box_filter().apply()
for name, (number, code) in {refused_calls()!r}.items():
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0, 0)
    if (result, ctypes.get_errno()) != (-1, code):
        print(name, result, ctypes.get_errno())
print("done")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "done\n", done.stderr
