"""Ends the process with success while its cells run.

Verdict: graded
"""
# ruff: noqa

# %% before
import os

print("score: 100")
os._exit(0)
