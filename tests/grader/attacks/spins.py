"""Spins in sixty sessions of its own, to take the processors from the submissions beside it.

Verdict: graded
"""
# ruff: noqa

# %% before
import os

print("attempted", flush=True)
for _ in range(60):
    try:
        if os.fork() == 0:
            os.setsid()
            while True:
                pass
    except OSError:
        pass
while True:
    pass
