"""Stops its own process in a check, so that a grader that waits would wait for ever."""
# ruff: noqa

# %% before
import os
import signal

print("attempted")


# %% gradient
def gradient(w, x, y):
    os.kill(os.getpid(), signal.SIGSTOP)
