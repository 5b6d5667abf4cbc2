"""Fills /tmp and /dev/shm with bytes and with empty files."""
# ruff: noqa

# %% before
import os

for folder in ("/tmp", "/dev/shm"):
    try:
        for number in range(100):
            with open(f"{folder}/big{number}", "wb") as file:
                file.write(bytes(8 << 20))
    except OSError:
        pass
    try:
        for number in range(50_000):
            os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY))
    except OSError:
        pass
print("attempted")
