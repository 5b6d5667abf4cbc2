"""Threads that read requests, write replies and change state while checks run."""
# ruff: noqa

# %% before
import os
import select
import threading
import time


def meddle():
    while True:
        if select.select([3], [], [], 1)[0]:
            try:
                os.read(3, 100)
            except OSError:
                return


print("attempted")


# %% gradient
def gradient(w, x, y):
    for _ in range(5):
        threading.Thread(target=meddle, daemon=True).start()
    time.sleep(0.2)
    return 1.0
