"""Makes the process fault, to leave a core or a crashed grader.

Verdict: crashed
"""
# ruff: noqa

# %% before
import ctypes

ctypes.string_at(0)
