"""Takes memory until there is none.

Verdict: out of memory
"""
# ruff: noqa

# %% before
kept = []
while True:
    kept.append(bytearray(20 << 20))
