"""Ends the process in each check: by exit, by a signal, by an exception past all handlers."""
# ruff: noqa

# %% before
import os
import signal
import sys

print("attempted")


# %% loss
def loss(w, x, y):
    os._exit(0)


# %% gradient
def gradient(w, x, y):
    sys.exit(0)


# %% descent
class Descent:
    def __init__(self, dimensions, rate=0.1):
        os.kill(os.getpid(), signal.SIGTERM)


# %% classify
def classify(x, labels, new):
    raise KeyboardInterrupt
