"""Takes memory in a check, in several processes, in tmpfs and in shared maps."""
# ruff: noqa

# %% before
import mmap
import os

print("attempted")


# %% gradient
def gradient(w, x, y):
    for _ in range(6):
        if os.fork() == 0:
            kept = [bytearray(20 << 20) for _ in range(100)]
            os._exit(0)
    shared = mmap.mmap(-1, 3 << 30)
    for place in range(0, len(shared), 4096):
        shared[place] = 1
    return 1.0
