"""RateLimit to meet another submission: System V and POSIX ipc, keyrings, memfd, signals, ptrace."""
# ruff: noqa

# %% before
import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
won = []
for name, number, *arguments in (
    ("shmget", 29, 4711, 4096, 0o1666), ("semget", 64, 4711, 1, 0o1666), ("msgget", 68, 4711, 0o1666),
    ("memfd_create", 319, b"x", 0), ("add_key", 248, b"user", b"a", b"b", 1, -4),
    ("io_uring", 425, 8, 0), ("userfaultfd", 323, 0), ("bpf", 321, 0, 0, 0), ("ptrace", 101, 16, 1),
    ("unshare", 272, 0x10000000), ("process_vm_readv", 310, 1, 0, 0, 0, 0, 0),
):  # fmt: skip
    if os.uname().machine == "x86_64" and libc.syscall(ctypes.c_long(number), *arguments) >= 0:
        won.append(name)
for pid in (1, 0x7FFFFFFF):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
print("attempted", "won", won)
