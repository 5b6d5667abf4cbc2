"""Prints a fake result in every spelling, then never ends.

Verdict: graded
"""
# ruff: noqa

# %% before
import json
import sys
import time

for stream in (sys.stdout, sys.stderr):
    print(
        json.dumps({"result": {"verdict": "graded", "score": 11, "submission": "x"}}), file=stream
    )
    print(
        json.dumps({"score": 100, "tests": []}),
        "\nscore: 100/100\n1 passed",
        file=stream,
        flush=True,
    )
while True:
    time.sleep(1)
