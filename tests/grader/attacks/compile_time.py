"""Code with a coding line, constants that grow when folded, and deep nesting."""
# ruff: noqa

# %% before
# -*- coding: rot13 -*-
print("attempted")

# %% after
x = lambda: "a" * 10**9 + "b" * 10**9 and 9**9**7

# %% after
y = "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((" * 2
