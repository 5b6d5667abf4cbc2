"""Starts as many processes as it can, and doesn't wait for them."""
# ruff: noqa

# %% before
import os
import time

made = 0
try:
    while made < 3000:
        if os.fork() == 0:
            time.sleep(0.5)
            os._exit(0)
        made += 1
except OSError:
    pass
print("attempted", made < 100)
