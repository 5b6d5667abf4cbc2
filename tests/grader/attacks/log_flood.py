"""Prints without end: lines, and bytes that are no text, through every descriptor.

Verdict: graded
"""
# ruff: noqa

# %% before
import os
import time

print("attempted")
while True:
    try:
        os.write(1, b"\xff\x00\x1b]0;x\x07<script>" * 3000)
    except OSError:
        time.sleep(0.01)
