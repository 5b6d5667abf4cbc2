"""Kills its own process while its cells run.

Verdict: graded
"""
# ruff: noqa

# %% before
import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
