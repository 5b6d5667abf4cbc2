"""Two programs that run at once: one sends a word, bit by bit, the other tries to take it.

Each way is a thing that one process does and another can notice on one machine. `SOURCE` is both
programs; as a cell or with `python -c` it plays `ROLE`, over all ways at once.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from introml.grader.box import calls
from introml.grader.box.limits import Limits

WORD = "1011000110"
#: Ways that carry the word between two plain processes of root, on any Linux that boxes run on.
CARRY_WITHOUT_A_BOX = {
    "flock", "posix lock", "open file lock", "inotify", "dnotify", "mincore", "put out", "futex",
    "smaps", "pagemap", "touched device", "message queue", "semaphores", "shared memory",
    "posix queue", "folder in memory", "temporary folder", "abstract socket", "loopback", "key",
    "list of locks",
}  # fmt: skip
SOURCE = '''
import ctypes, fcntl, mmap, os, signal, socket, struct, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
library = os.path.dirname(os.__file__)
files = sorted(
    f"{library}/{name}" for name in os.listdir(library)
    if name.endswith(".py") and os.path.getsize(f"{library}/{name}") > 8192
)
key = 0x1A7B0000 + SALT


def call(name, *arguments):
    """A system call by its name; raises OSError."""
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "failed")
    return result


class Way:
    """Something to do with a file that both see; `file` is opened anew by each of the two."""

    def __init__(self, number):
        self.path = files[number]
        self.file = os.open(self.path, os.O_RDONLY)
        self.begin()

    def begin(self): pass
    def on(self): pass
    def off(self): pass
    def sense(self): pass


class Flock(Way):
    def on(self): fcntl.flock(self.file, fcntl.LOCK_EX)
    def off(self): fcntl.flock(self.file, fcntl.LOCK_UN)
    def sense(self):
        fcntl.flock(self.file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(self.file, fcntl.LOCK_UN)


class PosixLock(Way):
    set, get = 6, 5

    def lock(self, command, kind):
        data = struct.pack("hhllixxxx", kind, 0, 0, 0, 0)
        return struct.unpack_from("h", fcntl.fcntl(self.file, command, data))[0]

    def on(self): self.lock(self.set, 0)
    def off(self): self.lock(self.set, 2)
    def sense(self): return self.lock(self.get, 1)


class OpenFileLock(PosixLock):
    set, get = 37, 36


class Lease(Way):
    def begin(self):
        if ROLE == "send":
            os.close(self.file)
            self.file = None
    def on(self): self.file = os.open(self.path, os.O_RDONLY)
    def off(self):
        if self.file: os.close(self.file)
        self.file = None
    def sense(self):
        fcntl.fcntl(self.file, 1024, 1)
        fcntl.fcntl(self.file, 1024, 2)


class Hint(Way):
    def on(self): fcntl.fcntl(self.file, 1036, struct.pack("Q", 5))
    def off(self): fcntl.fcntl(self.file, 1036, struct.pack("Q", 1))
    def sense(self): return fcntl.fcntl(self.file, 1035, bytes(8))


class Inotify(Way):
    def begin(self):
        if ROLE == "take":
            self.watch = call("inotify_init1", 0x800)
            call("inotify_add_watch", self.watch, self.path.encode(), 0xFFF)
    def on(self):
        for _ in range(100): os.close(os.open(self.path, os.O_RDONLY))
    def sense(self):
        try: return len(os.read(self.watch, 1 << 16)) > 16 * 150
        except BlockingIOError: return False


class Dnotify(Way):
    """A signal when a file of a folder is read."""
    def begin(self):
        self.heard = 0
        if ROLE == "take":
            signal.signal(signal.SIGIO, self.hear)
            self.folder = os.open(library + "/pydoc_data", os.O_RDONLY)
            fcntl.fcntl(self.folder, 1026, 0x80000001)
    def hear(self, *_): self.heard += 1
    def on(self): open(library + "/pydoc_data/topics.py").read(10)
    def sense(self):
        heard, self.heard = self.heard, 0
        return heard > 0


class Resident(Way):
    """Whether a page of the file is in memory, without asking for it."""
    def begin(self): self.page = libc.mmap(None, 4096, 1, 1, self.file, 0)
    def on(self): os.pread(self.file, 4096, 0)
    def off(self): os.posix_fadvise(self.file, 0, 0, os.POSIX_FADV_DONTNEED)
    def sense(self):
        found = ctypes.create_string_buffer(1)
        checked(libc.mincore(ctypes.c_void_p(self.page), 4096, found))
        return found.raw[0] & 1


class CacheStatistics(Resident):
    def sense(self):
        found = ctypes.create_string_buffer(40)
        call("cachestat", self.file, struct.pack("QQ", 0, 4096), found, 0)
        return found.raw[:8]


class NotWaiting(Resident):
    def sense(self):
        return os.preadv(self.file, [bytearray(1)], 0, os.RWF_NOWAIT)


class PutOut(Resident):
    """A page made cold by advice about a mapping."""
    def off(self):
        ctypes.string_at(self.page, 1)
        checked(libc.madvise(ctypes.c_void_p(self.page), 4096, 21))


class Futex(Way):
    def begin(self):
        self.page = libc.mmap(None, 4096, 1, 1, self.file, 0)
        self.value = ctypes.c_uint32.from_address(self.page).value
    def on(self):
        wait = lambda: libc.syscall(
            ctypes.c_long(NUMBERS["futex"]), ctypes.c_void_p(self.page), 0, self.value,
            struct.pack("qq", 0, int(SLOT * 9e8)), None, 0)
        threading.Thread(target=wait, daemon=True).start()
    def sense(self):
        return call("futex", ctypes.c_void_p(self.page), 1, 1, None, None, 0)


class FutexWithoutLimit(Futex):
    """The same, woken when the word's bit is over by the sender itself."""
    def on(self):
        wait = lambda: libc.syscall(
            ctypes.c_long(NUMBERS["futex"]), ctypes.c_void_p(self.page), 9, self.value,
            None, None, 0xFFFFFFFF)
        threading.Thread(target=wait, daemon=True).start()
    def off(self): call("futex", ctypes.c_void_p(self.page), 1, 9, None, None, 0)


class Smaps(Way):
    """Whether somebody else has a page of the file mapped."""
    def begin(self):
        self.page = None
        if ROLE == "take": self.on()
    def on(self):
        self.page = self.page or libc.mmap(None, 4096, 1, 2, self.file, 4096)
        ctypes.string_at(self.page, 1)
    def off(self):
        if self.page: libc.munmap(ctypes.c_void_p(self.page), ctypes.c_size_t(4096))
        self.page = None
    def sense(self):
        lines = iter(open("/proc/self/smaps"))
        for line in lines:
            if line.startswith(f"{self.page:x}-"): break
        return next(line.split()[1] for line in lines if line.startswith("Private_Clean"))


class Pagemap(Smaps):
    def sense(self):
        with open("/proc/self/pagemap", "rb", 0) as table:
            table.seek(self.page >> 12 << 3)
            return struct.unpack("Q", table.read(8))[0] >> 56 & 1


class Touched(Way):
    """A device that all may write to, and so may touch."""
    def begin(self): self.seen = os.stat("/dev/full").st_mtime_ns
    def on(self): os.utime("/dev/full")
    def sense(self):
        before, self.seen = self.seen, os.stat("/dev/full").st_mtime_ns
        return before != self.seen


class TimeOfAccess(Way):
    def begin(self): self.seen = os.stat(self.path).st_atime_ns
    def on(self): os.pread(self.file, 10, 0)
    def sense(self):
        before, self.seen = self.seen, os.stat(self.path).st_atime_ns
        return before != self.seen


class MessageQueue(Way):
    def on(self): self.id = checked(libc.msgget(key, 0o1666))
    def off(self): libc.msgctl(self.id, 0, None)
    def sense(self): checked(libc.msgget(key, 0))


class Semaphores(Way):
    def on(self): self.id = checked(libc.semget(key, 1, 0o1666))
    def off(self): libc.semctl(self.id, 0, 0)
    def sense(self): checked(libc.semget(key, 0, 0))


class SharedMemory(Way):
    def on(self): self.id = checked(libc.shmget(key, 4096, 0o1666))
    def off(self): libc.shmctl(self.id, 0, None)
    def sense(self): checked(libc.shmget(key, 0, 0))


class PosixQueue(Way):
    def on(self): checked(libc.mq_open(b"/introml-word", 0o102, 0o666, None))
    def off(self): libc.mq_unlink(b"/introml-word")
    def sense(self): os.close(checked(libc.mq_open(b"/introml-word", 0)))


class Folder(Way):
    folder = "/dev/shm"

    def begin(self): self.name = f"{self.folder}/introml-word-{SALT}"
    def on(self): open(self.name, "w").close()
    def off(self): os.path.exists(self.name) and os.remove(self.name)
    def sense(self): return os.path.exists(self.name)


class TemporaryFolder(Folder):
    folder = "/tmp"


class AbstractSocket(Way):
    family, address, socket = socket.AF_UNIX, f"\\0introml-word-{SALT}", None

    def on(self):
        self.off()
        self.socket = socket.socket(self.family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.address)
        self.socket.listen()
    def off(self): self.socket and self.socket.close()
    def sense(self):
        with socket.socket(self.family) as one:
            one.settimeout(SLOT / 4)
            one.connect(self.address)


class Loopback(AbstractSocket):
    family, address = socket.AF_INET, ("127.0.0.1", 20_000 + SALT % 20_000)


class Key(Way):
    def on(self): self.id = call("add_key", b"user", b"introml-%d" % SALT, b"x", 1, -4)
    def off(self): call("keyctl", 21, self.id)
    def sense(self): call("keyctl", 10, -4, b"user", b"introml-%d" % SALT, 0)


class ListOfLocks(Flock):
    def sense(self): return f":{os.fstat(self.file).st_ino} " in open("/proc/locks").read()


class FreeMemory(Way):
    """The sender takes 64 MB; the taker looks whether less is free than it was."""
    def begin(self): self.most = 0
    def on(self): self.held = bytearray(b"x") * (64 << 20)
    def off(self): self.held = None
    def sense(self):
        now = self.free()
        self.most = max(self.most, now)
        return now < self.most - (32 << 20)
    def free(self):
        fields = struct.unpack_from("12Q", self.asked())
        return fields[5]
    def asked(self):
        room = ctypes.create_string_buffer(128)
        checked(libc.sysinfo(room))
        return room.raw


class ListOfMemory(FreeMemory):
    def free(self):
        return int(open("/proc/meminfo").read().split("MemFree:")[1].split()[0]) << 10


WAYS = {
    "flock": Flock, "posix lock": PosixLock, "open file lock": OpenFileLock, "lease": Lease,
    "hint": Hint, "inotify": Inotify, "dnotify": Dnotify, "mincore": Resident,
    "cachestat": CacheStatistics, "not waiting read": NotWaiting, "put out": PutOut,
    "futex": Futex, "futex without limit": FutexWithoutLimit, "smaps": Smaps, "pagemap": Pagemap,
    "touched device": Touched, "time of access": TimeOfAccess, "message queue": MessageQueue,
    "semaphores": Semaphores, "shared memory": SharedMemory, "posix queue": PosixQueue,
    "folder in memory": Folder, "temporary folder": TemporaryFolder,
    "abstract socket": AbstractSocket, "loopback": Loopback, "key": Key,
    "list of locks": ListOfLocks, "free memory": FreeMemory, "list of memory": ListOfMemory,
}
ways, taken = {}, {name: [] for name in WAYS}
for number, (name, way) in enumerate(WAYS.items()):
    try:
        ways[name] = way(number)
    except Exception as error:
        taken[name].append(type(error).__name__)
for number, bit in enumerate(WORD):
    place = START + number * SLOT
    time.sleep(max(0, place + (ROLE == "take") * SLOT * 0.5 - time.time()))
    for name, way in ways.items():
        try:
            if ROLE == "take":
                taken[name].append(way.sense())
            elif bit == "1":
                way.on()
            else:
                way.off()
        except Exception as error:
            taken[name].append(type(error).__name__)
if ROLE == "send":
    for way in ways.values():
        try: way.off()
        except Exception: pass
else:
    import json
    print(json.dumps({name: [str(one) for one in found] for name, found in taken.items()}))
'''


def program(role: str, start: float, slot: float) -> str:
    """The program for one role, which begins with the word at a time of the machine's clock."""
    machine = os.uname().machine
    numbers = calls.by_arguments(machine) | {
        name: number for name, (number, _) in calls.refused(machine).items()
    }
    about = {"ROLE": role, "WORD": WORD, "START": start, "SLOT": slot, "SALT": int(start) % 9973}
    about["NUMBERS"] = numbers
    return "\n".join(f"{name} = {value!r}" for name, value in about.items()) + SOURCE


def carried(said: str) -> set[str]:
    """The ways by which the word can be told from what the taker printed."""
    across = set()
    for name, found in json.loads(said.splitlines()[-1]).items():
        if len(found) != len(WORD):
            continue  # the taker could not even begin
        ones, zeros = ({f for f, sent in zip(found, WORD, strict=True) if sent == b} for b in "10")
        if ones.isdisjoint(zeros):
            across.add(name)
    return across


def between_plain_processes(slot: float) -> set[str]:
    """The ways that carry the word between two processes without a box."""
    start = time.time() + 1.5
    pair = [
        subprocess.Popen([sys.executable, "-c", program(role, start, slot)], stdout=subprocess.PIPE)
        for role in ("send", "take")
    ]
    _, (said, _) = (process.communicate() for process in pair)
    return carried(said.decode())


def between_boxes(template, slot: float) -> set[str]:
    """The ways that carry the word between two boxes of one template."""
    limits = Limits(wall_s=90, memory_mb=700)
    with template.box(limits) as sender, template.box(limits) as taker:
        for box in (sender, taker):
            box.send({"op": "has", "name": "x"}, 60)
        start = time.time() + 1.5
        with ThreadPoolExecutor(2) as both:
            requests = [
                (box, {"op": "run", "cell": "word", "source": program(role, start, slot)}, 60)
                for box, role in ((sender, "send"), (taker, "take"))
            ]
            replies = list(both.map(lambda one: one[0].send(*one[1:]), requests))
        assert all("value" in reply for reply in replies), replies
        taker.output.drain()
        return carried(taker.output.text)
