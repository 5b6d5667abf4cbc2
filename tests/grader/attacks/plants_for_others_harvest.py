"""Looks for the marks that another submission left, before it, beside it, on the same checker."""
# ruff: noqa

# %% before
import os
import socket
import time

stale = []
for _ in range(4):
    for place in ("/tmp", "/dev/shm", "/var/tmp", "."):
        if os.path.isdir(place):
            stale += os.listdir(place)
    plug = socket.socket(socket.AF_UNIX)
    try:
        plug.connect("\0introml-mark")
        stale.append("socket")
    except OSError:
        pass
    time.sleep(0.1)
stale += [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
print("attempted", "stale", sorted(set(stale) - {"shm"}))
