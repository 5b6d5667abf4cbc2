"""Takes memory until there is none.

Verdict: graded
"""
# ruff: noqa

# %% before
kept = []
while True:
    kept.append(bytearray(20 << 20))
