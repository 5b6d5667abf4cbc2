"""Raises limits and priority, locks memory, pins itself, asks for a core, touches /proc and /sys."""
# ruff: noqa

# %% before
import ctypes
import os
import resource

libc = ctypes.CDLL(None, use_errno=True)
won = []


def tries(name, action):
    try:
        action()
        won.append(name)
    except (OSError, ValueError, PermissionError):
        pass


for which in ("RLIMIT_NPROC", "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_CPU"):
    number = getattr(resource, which)
    tries(which, lambda n=number: resource.setrlimit(n, (resource.RLIM_INFINITY,) * 2))
tries("nice", lambda: os.nice(-5))
tries("realtime", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
for path in ("/proc/self/oom_score_adj", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
             "/sys/kernel/mm/ksm/run", "/dev/tty", "/proc/kmsg", "/dev/kmsg", "/proc/kcore",
             "/sys/fs/cgroup/cgroup.procs", "/proc/self/uid_map"):  # fmt: skip
    tries(path, lambda p=path: open(p, "r+").close())
if libc.mlockall(3) == 0:
    won.append("mlockall")
tries("pins itself", lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
os.nice(5)
libc.prctl(4, 1, 0, 0, 0)
print("attempted", "won", won)
