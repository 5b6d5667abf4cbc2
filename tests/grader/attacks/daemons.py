"""Leaves processes behind, detached, that hold every descriptor open and go on writing."""
# ruff: noqa

# %% before
import os
import time


def leave():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    while True:
        for fd in (1, 2):
            try:
                os.write(fd, b"daemon\n")
            except OSError:
                pass
        time.sleep(0.05)


for _ in range(3):
    leave()
print("attempted", flush=True)


# %% loss
def loss(w, x, y):
    leave()
    os._exit(0)
