"""The filter of system calls, run here instruction by instruction, for both architectures."""

import struct

import pytest

from introml.grader.box.seccomp import box_filter, refused_calls

ALLOW, KILL = "allow", "kill"
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CALLS = {
    "x86_64": {"read": 0, "clone": 56, "clone3": 435, "socket": 41, "prlimit": 302, "fork": 57},
    "aarch64": {"read": 63, "clone": 220, "clone3": 435, "socket": 198, "prlimit": 261},
}


def answer(machine, number, argument=0, arch=None):
    """What the kernel would answer: a small interpreter of classic BPF."""
    data = struct.pack("<IIQQ", number, arch or ARCH[machine], 0, argument) + bytes(40)
    code = box_filter(machine).code
    program = [struct.unpack_from("<HBBI", code, i) for i in range(0, len(code), 8)]
    position, a = 0, 0
    while True:
        operation, true, false, k = program[position]
        position += 1
        if operation == 0x20:
            a = struct.unpack_from("<I", data, k)[0]
        elif operation == 0x06:
            action = k & 0xFFFF0000
            return {0x7FFF0000: ALLOW, 0x80000000: KILL}.get(action, k & 0xFFFF)
        else:
            holds = {0x15: a == k, 0x35: a >= k, 0x45: bool(a & k)}[operation]
            position += true if holds else false


@pytest.mark.parametrize("machine", ARCH)
def test_each_call_has_its_answer(machine):
    calls = CALLS[machine]
    for name, number in refused_calls(machine).items():
        assert answer(machine, number) == 1, name
    refused = set(refused_calls(machine).values())
    assert not refused & set(calls.values())
    special = {calls["clone"], calls["clone3"], calls["socket"], calls["prlimit"]}
    for number in set(range(500)) - refused - special:
        assert answer(machine, number) == ALLOW
    assert answer(machine, calls["clone3"]) == 38
    assert answer(machine, calls["clone"], 17) == ALLOW  # fork
    assert answer(machine, calls["clone"], 0x3D0F00) == ALLOW  # a thread
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert answer(machine, calls["clone"], 17 | bit) == 1
    assert answer(machine, calls["socket"], 1) == ALLOW
    for family in (0, 2, 10, 16, 17, 38, 40):
        assert answer(machine, calls["socket"], family) == 97
    assert answer(machine, calls["prlimit"], 0) == ALLOW
    assert answer(machine, calls["prlimit"], 1) == 1


def test_other_architectures_are_killed():
    assert answer("x86_64", 0, arch=0x40000003) == KILL
    assert answer("x86_64", 0x40000000) == 38
    assert answer("aarch64", 63, arch=0x40000028) == KILL


def test_another_machine_is_refused_in_words():
    with pytest.raises(OSError, match="x86_64 and aarch64, not riscv64"):
        box_filter("riscv64")
