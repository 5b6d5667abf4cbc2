"""Makes the process fault, to leave a core or a crashed grader.

Verdict: graded
"""
# ruff: noqa

# %% before
import ctypes

ctypes.string_at(0)
