"""The box from the inside: attacks, run as real submissions in real boxes."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from all_that_is_seen import WALK, pythons_own

from introml.book.paths import ROOT
from introml.grader.box import cgroups
from introml.grader.box.limits import Limits
from introml.grader.box.root import OWN_FOLDERS
from introml.grader.box.seccomp import refused_calls
from introml.grader.run.attempt import Attempt

LIMITS = Limits(wall_s=60, cpu_s=30, memory_mb=400, processes=24, tmp_mb=16, file_mb=4)
CANARY = "canary-" + os.urandom(8).hex()


def run(template, source, limits=LIMITS, **options):
    """Run one cell in a box; return how it ended, and what it printed."""
    with Attempt(template, [("attack", source)], limits=limits, **options) as attempt:
        (result,) = attempt.start()
        return result, attempt.public_output, attempt.last_end


def said(template, source, **options):
    """What a cell printed, which must end without an error."""
    result, output, _ = run(template, source, **options)
    assert result.outcome == "ok", (result, output)
    return output


# What can be seen.


def test_python_and_the_ways_to_it_are_all_that_there_is(template):
    """Wherever this checkout and its Python lie: below a home, /opt, or a box's own /tmp."""
    output = said(template, WALK.format(own=pythons_own()))
    devices = {f"/dev/{name}" for name in ("full", "null", "random", "urandom", "zero")}
    assert set(output.splitlines()) == devices | {
        "/etc/group",
        "/etc/ld.so.cache",
        "/etc/passwd",
        "/etc/proc",
        "/etc/proc/cpuinfo",
        "/proc/cpuinfo",
        "{'a way that is there'}",
    }


def test_there_is_nothing_of_the_machine_to_see(template):
    output = said(
        template,
        f"""
import os
for path in {[str(ROOT / n) for n in ("labs", "tests", "introml", ".git", "README.md")]!r} + [
    "/root/.bashrc", "/root/.ssh", "/home", "/etc/shadow", "/etc/hosts", "/etc/hostname", "/var",
    "/sys", "/run", "/usr/bin", "/bin/sh", "/mnt", "/opt", "/srv", "/dev/mem", "/dev/vda",
    "/dev/kmsg", "/dev/pts", "/proc/1/environ", "/proc/1/mem", "/work/shared",
]:
    try:
        shown = os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
    except OSError:
        continue
    if not any(own.startswith(path + "/") for own in {pythons_own()!r}):
        print("sees", path, shown)
print(sorted(os.listdir("/")), sorted(os.listdir("/etc")), sorted(os.listdir("/dev")))
print(open("/etc/passwd").read())
""",
    )
    assert "sees" not in output
    assert "root:x:0" in output
    assert "['group', 'ld.so.cache', 'passwd', 'proc']" in output
    assert "['full', 'null', 'random', 'shm', 'urandom', 'zero']" in output


def test_this_package_is_not_in_the_box(template):
    output = said(
        template,
        """
import importlib, sys
for name in ("introml", "introml.attention", "introml.grader", "introml.grader.checks.checks"):
    try:
        importlib.import_module(name); print("has", name)
    except ImportError:
        print("no", name)
print([n for n in sys.modules if "introml" in n], [p for p in sys.path if "python" not in p])
""",
    )
    assert output.split() == [
        "no",
        "introml",
        "no",
        "introml.attention",
        "no",
        "introml.grader",
        "no",
        "introml.grader.checks.checks",
        "[]",
        "[]",
    ]


def test_an_installed_copy_of_this_package_is_masked(tmp_path):
    """As a subprocess: a file system in which `introml` lies among the packages."""
    script = f"""
import ctypes, os, site, sys
sys.path.insert(0, {str(ROOT)!r})
from introml.grader.box import kernel
kernel.unshare(kernel.NEWNS)
kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
packages = site.getsitepackages()[0]
target = os.path.join(packages, "introml")
if not os.path.isdir(target):
    os.mkdir(target)
kernel.bind({str(ROOT / "introml")!r}, target)
from introml.grader.run.attempt import Attempt
from introml.grader.box.template import Template
with Template() as template, Attempt(template, [("a", '''
import os
print(os.listdir({{target!r}}))
try:
    import introml.attention; print("has")
except ImportError as error: print(error)
'''.replace("{{target!r}}", repr(target)))]) as attempt:
    attempt.start(); print(attempt.public_output)
"""
    packages = Path(
        subprocess.check_output(
            [sys.executable, "-c", "import site; print(site.getsitepackages()[0])"], text=True
        ).strip()
    )
    there = (packages / "introml").exists()
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
        )
    finally:
        if not there and (packages / "introml").is_dir():
            (packages / "introml").rmdir()
    assert "['__init__.py']\nintroml is not there" in done.stdout, done.stderr


def test_the_view_is_read_only_apart_from_its_own_capped_folders(template):
    output = said(
        template,
        f"""
import os, sys, torch
for path in ("/x", "/etc/x", "/dev/x", "/usr/x", "/proc/sys/kernel/hostname",
             "/proc/self/oom_score_adj", sys.prefix + "/x", os.path.dirname(torch.__file__) + "/x",
             {str(ROOT)!r} + "/x", torch.__file__):
    try:
        open(path, "w").write("x"); print("wrote", path)
    except OSError:
        pass
for path in ("/tmp/x", "/dev/shm/x"):
    open(path, "w").write("x")
for path in ("/dev/null", "/dev/zero", "/dev/full", os.__file__):
    try:
        os.utime(path); print("touched", path)
    except OSError:
        pass
try:
    os.chmod("/tmp/x", 0o700); os.execv("/tmp/x", ["x"])
except OSError as error:
    print(error.errno)
""",
    )
    assert output == "13\n"


def test_only_its_own_folders_are_mounted_for_writing_and_nothing_in_them_runs(template):
    with template.box(LIMITS) as box:
        box.send({"op": "has", "name": "x"}, 20)
        student = processes_of(box)[1].pid
        lines = Path(f"/proc/{student}/mountinfo").read_text().splitlines()
    mounts = [line.split() for line in lines]
    options = {mount[4]: set(mount[5].split(",")) for mount in mounts}
    assert all("nosuid" in one for one in options.values()), options
    # The kernel's own /proc lies under the still one, out of reach.
    writable = {mount[4] for mount in mounts if "rw" in mount[5].split(",")}
    assert writable == {"/proc", *OWN_FOLDERS}
    assert mounts[-1][4] == "/proc"
    assert "ro" in options["/proc"]
    assert all("noexec" in options[folder] for folder in OWN_FOLDERS)


def test_the_process_has_no_rights(template):
    output = said(
        template,
        """
import os, resource
print(os.getresuid(), os.getresgid(), os.getgroups(), os.getpid(), os.uname().nodename)
print(resource.getrlimit(resource.RLIMIT_NPROC), resource.getrlimit(resource.RLIMIT_CORE))
import ctypes
dies = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(dies), 0, 0, 0)
print("when its parent dies:", dies.value)
""",
    )
    assert "(1000, 1000, 1000) (1000, 1000, 1000)" in output
    assert " box\n" in output
    with template.box(LIMITS) as box:
        box.send({"op": "has", "name": "x"}, 20)
        status = Path(f"/proc/{processes_of(box)[1].pid}/status").read_text().replace("\t", "")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{name}:0000000000000000\n" in status
    assert "NoNewPrivs:1\n" in status
    assert "Seccomp:2\n" in status
    assert "(24, 24) (0, 0)" in output
    assert "when its parent dies: 9\n" in output


def test_each_box_has_a_user_of_its_own(template):
    if os.getuid() != 0:
        pytest.fail("run as root to see this: an ordinary user has no other users to give")
    users = set()
    for _ in range(2):
        first, second = (template.box(LIMITS) for _ in range(2))
        with first, second:
            for box in (first, second):
                box.send({"op": "has", "name": "x"}, 10)
                users |= {p.uids().real for p in processes_of(box)}
    assert len(users - {0}) >= 2
    assert all(user == 0 or user > 1_800_000_000 for user in users)


def processes_of(box):
    """The host's view of a box: its first process and all below."""
    text = Path(f"/proc/self/fdinfo/{box._pidfd}").read_text()
    pid = int(next(line for line in text.splitlines() if line.startswith("Pid:")).split()[1])
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def test_the_first_process_is_out_of_reach_and_the_students_goes_first(template):
    with template.box(LIMITS) as box:
        box.send({"op": "has", "name": "x"}, 20)
        first, student = (process.pid for process in processes_of(box))
        scores = [Path(f"/proc/{p}/oom_score_adj").read_text().strip() for p in (first, student)]
        assert scores == [Path("/proc/self/oom_score_adj").read_text().strip(), "1000"]
        # An undumpable process's files are root's, whoever runs it.
        assert Path(f"/proc/{first}/environ").stat().st_uid == 0


def test_the_environment_is_clean(template, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", CANARY)
    output = said(
        template,
        """
import os
print(os.environ)
""",
    )
    with template.box(LIMITS) as box:
        box.send({"op": "has", "name": "x"}, 20)
        for name in ("environ", "cmdline"):
            output += Path(f"/proc/{processes_of(box)[1].pid}/{name}").read_text()
    assert "PYTHONHASHSEED" in output
    assert "SECRET" not in output
    assert CANARY not in output


def test_no_descriptor_but_its_socket_and_its_output(template):
    output = said(
        template,
        """
import os, stat
for fd in range(1024):
    try: print(fd, oct(stat.S_IFMT(os.fstat(fd).st_mode)), os.fstat(fd).st_rdev)
    except OSError: pass
""",
    )
    null = os.stat("/dev/null").st_rdev
    assert output == f"0 0o20000 {null}\n1 0o10000 0\n2 0o10000 0\n3 0o140000 0\n4 0o10000 0\n"


SEARCH = """
import gc, sys
first, rest = {first!r}, {rest!r}

def whole(text):
    begin = len(first)
    return text[:begin] == first and [ord(c) ^ 1 for c in text[begin:][:len(rest)]] == rest

found = set()
for o in gc.get_objects():
    parts = list(o.values()) if type(o) is dict else o if type(o) in (list, tuple) else []
    found |= {{"object" for x in parts if type(x) is str and whole(x)}}
frame = sys._getframe()
while frame:
    found |= {{"frame" for x in frame.f_locals.values() if type(x) is str and whole(x)}}
    frame = frame.f_back
print(found)
"""


def in_memory(pid, secret):
    """Whether a process's memory holds a secret, seen from outside, where /proc is true."""
    seen, found = 0, False
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for fields in map(str.split, maps):
            start, end = (int(x, 16) for x in fields[0].split("-"))
            if "r" not in fields[1] or "[v" in fields[-1] or end - start > 1 << 29:
                continue
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except OSError:
                continue
            seen += len(data)
            found |= secret.encode() in data
    assert seen > 100_000_000
    return found


def searched(template, source):
    """What a cell prints, and whether the canary is in its process's memory afterwards."""
    with Attempt(template, [("a", source)], limits=Limits(wall_s=120, cpu_s=60)) as attempt:
        (result,) = attempt.start()
        assert result.outcome == "ok", result
        return attempt.public_output, in_memory(processes_of(attempt._box)[1].pid, CANARY)


def test_no_secret_of_the_checker_is_in_the_memory_of_a_box(template):
    first, rest = CANARY[:9], [ord(c) ^ 1 for c in CANARY[9:]]
    search = SEARCH.format(first=first, rest=rest)
    assert searched(template, search) == ("set()\n", False)
    # The same search does find what is there.
    planted, found = searched(template, f"canary = {CANARY!r}\n" + search)
    assert "object" in planted
    assert "frame" in planted
    assert found


# The network and other processes.


def test_there_is_no_network_not_even_loopback(template):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        output = said(
            template,
            f"""
import ctypes, socket, os
for family in range(64):
    for kind in (1, 2, 3, 5):
        try: socket.socket(family, kind).close(); print("family", family)
        except OSError: pass
for address in (("127.0.0.1", {port}), ("169.254.169.254", 80), ("10.0.0.1", 80)):
    try: socket.create_connection(address, 1); print("connected", address)
    except OSError: pass
for name in ("\\0x11", "\\0/tmp/.X11-unix/X0"):
    s = socket.socket(socket.AF_UNIX)
    try: s.connect(name); print("connected", name)
    except OSError: pass
""",
        )
    assert set(output.split()) <= {"family", "1"}
    with template.box(LIMITS) as box:
        box.send({"op": "has", "name": "x"}, 20)
        devices = Path(f"/proc/{processes_of(box)[1].pid}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]


def test_no_other_process_can_be_seen_or_touched(template):
    output = said(
        template,
        """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
print(os.listdir("/proc") == ["cpuinfo"])
for number in range(1, 65):
    try: os.kill(1, number)
    except OSError: pass
for who in (1, 0x7fffffff):
    print(libc.ptrace(16, who, 0, 0), libc.ptrace(0x4206, who, 0, 0))
    for name in ("mem", "environ", "maps", "fd", "cwd", "root", "ns/pid"):
        try: os.stat(f"/proc/{who}/{name}"); print("reads", name)
        except OSError: pass
import resource
try: resource.prlimit(1, resource.RLIMIT_CPU, (0, 0)); print("limited pid 1")
except PermissionError: print("refused")
""",
    )
    assert output.split() == ["True", "-1", "-1", "-1", "-1", "refused"]


def test_dangerous_system_calls_are_refused(template):
    output = said(
        template,
        f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for name, number in {refused_calls()!r}.items():
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number[0]), 0, 0, 0, 0, 0, 0)
    if (result, ctypes.get_errno()) != (-1, number[1]):
        print("passed", name, ctypes.get_errno())
CLONE, CLONE3 = {(56, 435) if os.uname().machine == "x86_64" else (220, 435)!r}
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    if libc.syscall(ctypes.c_long(CLONE), ctypes.c_long(flag | 17), 0, 0, 0, 0) == 0: os._exit(0)
    if ctypes.get_errno() != 1: print("clone", hex(flag), ctypes.get_errno())
    if libc.unshare(flag) == 0: print("unshared", hex(flag))
libc.syscall(ctypes.c_long(CLONE3), 0, 0); print("clone3", ctypes.get_errno())
import threading; t = threading.Thread(target=print, args=("thread",)); t.start(); t.join()
""",
    )
    assert output.split() == ["clone3", "38", "thread"]


def test_no_user_namespace_can_be_made_below_a_box(template):
    """Even if a call got past the filter: the box's own namespace allows none."""
    with template.box(LIMITS) as box:
        box.send({"op": "has", "name": "x"}, 20)
        student = processes_of(box)[1].pid
        script = (
            f"import os; from introml.grader.box import kernel; "
            f"kernel.setns(os.open('/proc/{student}/ns/user', 0), kernel.NEWUSER); "
            "print(open('/proc/sys/user/max_user_namespaces').read())"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "0", done.stderr


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="only x86_64 has such calls")
def test_calls_of_another_architecture_end_the_process_or_are_unknown(template):
    compatible = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # getpid by the 32-bit table
    x32 = b"\xb8\x27\x00\x00\x40\x0f\x05\xc3"  # getpid by the x32 table
    source = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write({machine!r})
call = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
print(call())
"""
    result, _, end = run(template, source.format(machine=compatible))
    assert result.outcome == "died"
    assert end.detail == "SIGSYS"
    assert said(template, source.format(machine=x32)).strip() == "-38"


# Using up what there is.


def test_a_fork_bomb_stays_small_and_ends(template):
    source = """
import os, time
made = 0
try:
    while made < 500:
        if os.fork() == 0:
            time.sleep(100); os._exit(0)
        made += 1
except OSError: pass
print("made", made)
"""
    output = said(template, source)
    assert 0 < int(output.split()[1]) <= 24
    assert_nothing_left()


def assert_nothing_left(patience_s=60.0):
    """No process of a box's user is alive."""
    deadline = time.monotonic() + patience_s
    while True:
        left = [
            process
            for process in psutil.process_iter(["uids", "status"])
            if process.info["uids"]
            and process.info["uids"].real > 1_800_000_000
            and (process.info["uids"].real - 1_879_048_192) // 16 == os.getpid()
        ]
        if not left:
            return
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


@pytest.mark.parametrize(
    "source",
    [
        "x = []\nwhile True: x.append(bytearray(10 << 20))",
        "import torch\nx = [torch.ones(5 << 20) for _ in range(1000)]",
        "x = bytearray(64 << 30)",
        "import mmap\nm = [mmap.mmap(-1, 64 << 20) for _ in range(4000)]\n"
        "for x in m:\n for i in range(0, len(x), 4096): x[i] = 1",
    ],
    ids=["lists", "tensors", "at once", "mapped"],
)
def test_a_memory_bomb_is_out_of_memory_not_a_crash(template, source):
    result, _, end = run(template, source)
    assert result.outcome == "memory", (result, end)
    assert end is None or end.kind == "memory"


def test_memory_is_counted_over_all_processes_of_a_box(template):
    source = """
import os, time
children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        x = b"x" * (100 << 20)
        time.sleep(60)
    children.append(child)
time.sleep(4)
print(sum(os.waitpid(child, os.WNOHANG)[0] == 0 for child in children))
"""
    result, output, _ = run(template, source)
    assert result.outcome == "memory" or int(output) <= 4, (result, output)


FILL = """
import ctypes, os, socket, time

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
kept = []


def sockets():
    while True:
        kept.append(socket.socketpair())
        for one in kept[-1]:
            one.setblocking(False)
            try:
                while True: one.send(bytes(1 << 16))
            except BlockingIOError: pass


def pipes():
    while True:
        read, write = os.pipe()
        os.set_blocking(write, False)
        try:
            while True: os.write(write, bytes(1 << 16))
        except BlockingIOError: pass


def tables():
    for number in range(20_000):
        place = libc.mmap(0x100000000000 + (number << 30), 4096, 1, 0x100022, -1, 0)
        ctypes.string_at(place, 1)


def mappings():
    for number in range(60_000):
        libc.mmap(0x100000000000 + (number << 12), 4096, number % 2, 0x100022, -1, 0)


children = []
for _ in range(22):
    children.append(os.fork())
    if children[-1] == 0:
        try: {kind}()
        except OSError: pass
        time.sleep(60)
deadline = time.monotonic() + 30
while children and time.monotonic() < deadline:
    time.sleep(0.2)
    children = [child for child in children if os.waitpid(child, os.WNOHANG)[0] == 0]
    if len(children) < 22: break
print(len(children))
"""


@pytest.mark.parametrize("kind", ["sockets", "pipes", "tables", "mappings"])
def test_memory_of_the_kernels_own_is_counted_too(template, kind):
    """22 processes take more than 120 MB that way; none of it is a process's own."""
    limits = Limits(wall_s=40, cpu_s=40, memory_mb=120, processes=24)
    result, output, end = run(template, FILL.format(kind=kind), limits)
    # Where there are control groups, the children may go alone.
    assert result.outcome == "memory" or int(output) < 22, (result, output, end)


def test_calls_that_take_memory_nobody_counts_fail(template):
    output = said(
        template,
        """
import ctypes, fcntl, os, select, selectors, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
def tries(what, do):
    try: do(); print("could", what)
    except (OSError, AttributeError): pass
read, write = os.pipe()
a, b = socket.socketpair()
tries("epoll", lambda: select.epoll())
tries("a larger pipe", lambda: fcntl.fcntl(write, 1031, 1 << 20))
tries("a larger queue", lambda: a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22))
tries("attributes", lambda: os.setxattr("/tmp", "user.x", bytes(1000)))
timer = ctypes.c_void_p()
print(libc.timer_create(1, None, ctypes.byref(timer)))
signal.pthread_sigmask(signal.SIG_BLOCK, {40})
print([libc.sigqueue(os.getpid(), 40, None) for _ in range(300)].count(0))
print(selectors.DefaultSelector.__name__)
""",
    )
    queued = output.split()[1]
    assert output.split() == ["-1", queued, "PollSelector"]
    assert 0 < int(queued) <= 256


def test_a_process_cannot_hide_from_who_watches_its_memory(template):
    source = """
import ctypes, os, shutil, sys
print(ctypes.CDLL(None, use_errno=True).prctl(4, 0, 0, 0, 0))
shutil.copy(sys.executable, "/tmp/python"); os.chmod("/tmp/python", 0o111)
try: os.execv("/tmp/python", ["python", "-c", "print('ran')"])
except PermissionError: print("refused")
"""
    assert said(template, source).split() == ["-1", "refused"]


def test_memory_freed_by_one_box_is_there_for_the_next(template):
    for _ in range(3):
        result, _, _ = run(template, "x = []\nwhile True: x.append(bytearray(10 << 20))")
        assert result.outcome in ("memory", "raised"), result
        assert said(template, "print(len(bytearray(200 << 20)))") == f"{200 << 20}\n"


def test_disk_and_inode_floods_are_capped(template):
    output = said(
        template,
        """
import os
for folder in ("/tmp", "/dev/shm"):
    try:
        with open(folder + "/one", "wb") as file:
            for _ in range(100): file.write(bytes(1 << 20))
    except OSError as error: print(folder, error.errno)
    total = 0
    try:
        for i in range(100):
            with open(f"{folder}/f{i}", "wb") as file: total += file.write(bytes(1 << 20))
    except OSError as error: print(folder, error.errno, total >> 20 < 17)
    for name in os.listdir(folder): os.remove(folder + "/" + name)
    made = 0
    try:
        for made in range(100_000): open(f"{folder}/{made}", "w").close()
    except OSError as error: print(folder, error.errno, made < 5000)
""",
    )
    assert output.splitlines() == [
        line
        for folder in ("/tmp", "/dev/shm")
        for line in (f"{folder} 27", f"{folder} 28 True", f"{folder} 28 True")
    ]


def test_nothing_of_one_box_is_in_the_next(template):
    said(template, "open('/tmp/x', 'w').write('x'); open('/dev/shm/x', 'w').write('x')")
    found = said(template, "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'))")
    # Where Python itself lies below such a folder, the way to it is there again, in each box.
    own = [Path(name) for name in pythons_own()]
    tmp, shm = (
        sorted({path.relative_to(folder).parts[0] for path in own if path.is_relative_to(folder)})
        for folder in ("/tmp", "/dev/shm")
    )
    assert found == f"{tmp} {shm}\n"


def test_a_loop_meets_the_wall_clock(template):
    result, _, end = run(template, "while True: pass", Limits(wall_s=1.0))
    assert result.outcome == "timed_out"
    assert end.kind == "time"


def test_the_box_itself_holds_the_wall_clock(template):
    """Even a checker that never looks again has no endless box."""
    with template.box(Limits(wall_s=0.5)) as box:
        box.send({"op": "run", "cell": "a", "source": "import time"}, 10)
        end = box.ended()
    assert end.kind == "time"


def test_a_loop_meets_its_computing_time(template):
    result, _, end = run(template, "while True: pass", Limits(wall_s=60, cpu_s=1.0))
    assert result.outcome == "timed_out"
    assert end.kind == "cpu"


def test_a_flood_of_output_is_cut_and_counted(template):
    limits = Limits(wall_s=60, cpu_s=30)
    result, output, _ = run(
        template,
        "import os\ntry:\n for i in range(1000): os.write(1, b'x' * (1 << 20))\n"
        "except OSError as error: kept = error.errno\n",
        limits,
    )
    assert result.outcome == "ok"
    assert len(output) < 66_000
    assert "more bytes were printed and not kept" in output


def test_output_that_is_no_text_is_kept_as_far_as_it_can_be(template):
    assert "\ufffd" in said(template, "import os; os.write(1, b'\\xff\\x00ok')")


# Ending.


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("import os; os._exit(0)", "exit code 0"),
        ("import os; os._exit(3)", "exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("import ctypes; ctypes.string_at(8)", "SIGSEGV"),
        ("import os; os.abort()", "SIGABRT"),
        ("import os; os.close(3)", "exit code 0"),
        ("import os\ntry: os.kill(-1, 9)\nfinally: os._exit(9)", "exit code 9"),
    ],
)
def test_a_process_that_ends_has_died_whatever_it_says(template, source, detail):
    result, _, end = run(template, source)
    assert result.outcome == "died"
    assert detail in end.detail


def test_leaving_python_is_an_error_of_the_cell_alone(template):
    cells = [("a", "import sys; sys.exit(0)"), ("b", "raise KeyboardInterrupt"), ("c", "x = 1")]
    with Attempt(template, cells, limits=LIMITS) as attempt:
        assert [r.outcome for r in attempt.start()] == ["raised", "raised", "ok"]


DAEMON = """
import ctypes, os, signal, time
if os.fork() == 0:
    os.setsid()
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
        for fd in range(64):
            try: os.close(fd)
            except OSError: pass
        while True: time.sleep(0.01)
    os._exit(0)
time.sleep(0.2)
"""


@pytest.mark.parametrize("end", ["", "os._exit(0)", "while True: pass"])
def test_daemons_end_with_the_box(template, end):
    run(template, DAEMON + end, Limits(wall_s=3.0, processes=8))
    assert_nothing_left()


def test_a_killed_box_is_gone_with_all_that_it_started(template):
    with template.box(LIMITS) as box:
        box.send({"op": "run", "cell": "a", "source": DAEMON}, 20)
        members = processes_of(box)
        assert len(members) >= 3
        box.kill()
        assert box.ended().kind == "killed"
        assert not any(process.is_running() for process in members)


def start_checker():
    """A checker of its own with one busy box; the pids of its template's processes."""
    script = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from introml.grader.box.template import Template
from introml.grader.box.limits import Limits
template = Template(); template.start()
box = template.box(Limits(wall_s=600))
box.send({{"op": "run", "cell": "a", "source": {DAEMON!r}}}, 60)
print("up", flush=True)
import time; time.sleep(600)
"""
    checker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert checker.stdout.readline() == "up\n"
    return checker, psutil.Process(checker.pid).children(recursive=True)


def runs(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_gone(processes, patience_s=60.0):
    """Those that still run after a while: none, it is hoped."""
    deadline = time.monotonic() + patience_s
    while True:
        left = [p for p in processes if runs(p)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


@pytest.mark.parametrize("victim", ["checker", "launcher", "template", "first process"])
def test_when_one_process_above_is_killed_all_below_end(victim):
    checker, family = start_checker()
    try:
        assert len(family) >= 5  # launcher, template, first process, student's, its daemon
        order = ["launcher", "template", "first process"]
        if victim == "checker":
            checker.kill()
            below = family
        else:
            index = order.index(victim)
            family[index].send_signal(signal.SIGKILL)
            below = family[index:]
        assert all_gone(below) == []
    finally:
        checker.kill()
        checker.wait()
        checker.stdout.close()
        all_gone(family)


def test_a_killed_checker_leaves_no_control_groups_and_no_folders():
    checker, family = start_checker()
    parents = cgroups.find_parents()
    name = f"introml-{checker.pid}-*"
    if parents is not None:
        assert list(parents.memory.glob(name))
    checker.kill()
    checker.wait()
    checker.stdout.close()
    assert all_gone(family) == []
    if parents is not None:
        assert not [*parents.memory.glob(name), *parents.pids.glob(name)]
    assert not [*Path(tempfile.gettempdir()).glob(f"introml-root-{checker.pid}-*")]


FLOODS = {
    "9 MB in lines": "for n in range(3000): print('step', n, 'x' * 3000)",
    "a million lines": "import os\nfor n in range(1000): os.write(1, b'line\\n' * 1000)",
    "bytes that are no text": "import os\nfor n in range(200): os.write(1, os.urandom(50_000))",
    "one line that does not end": "print('x' * 9_000_000, end='')",
    "errors": "import sys\nprint('x' * 9_000_000, file=sys.stderr)",
    "C's own output": (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "for n in range(3000): libc.puts(b'x' * 3000)\nlibc.fflush(None)"
    ),
    "a process that goes on": (
        "import os\nif not os.fork():\n    while True: os.write(1, b'y' * 5000)"
    ),
    "a thread that goes on": (
        "import threading\ndef tell():\n    while True: print('y' * 5000)\n"
        "threading.Thread(target=tell, daemon=True).start()"
    ),
    "a closed stdout": "import sys\nsys.stdout.close()\nsys.stderr.close()",
    "a closed descriptor": "import os\nos.close(1)\nos.close(2)",
    "another stdout, closed": "import sys, io\nsys.stdout = io.StringIO()\nsys.stdout.close()",
}


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.parametrize("capture", [True, False], ids=["kept", "not kept"])
def test_whatever_a_cell_prints_the_next_ones_can_print_and_the_checks_run(template, name, capture):
    with template.box(Limits(wall_s=60, cpu_s=30), capture=capture) as box:

        def ask(request):
            reply = box.send(request, 30)
            assert "error" not in reply, reply
            return reply["value"]

        ask({"op": "run", "cell": "flood", "source": FLOODS[name]})
        source = (
            "import os\nprint('a later cell')\nos.write(2, b'x')\ndef f(): print('b'); return 5"
        )
        ask({"op": "run", "cell": "later", "source": source})
        box.hush()
        printed = box.output.text
        assert ask({"op": "call", "target": "f", "args": [], "kwargs": {}}) == 5
    assert len(printed) < 100_000
    if "closed" in name:
        assert ("a later cell" in printed) == capture
    elif capture and "goes on" not in name:
        assert "more bytes were printed and not kept" in printed
    assert printed or not capture
