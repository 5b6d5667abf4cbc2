"""Answers requests itself with forged frames: more fields, other numbers, scores, floods."""
# ruff: noqa

# %% before
import json
import os
import struct
import time


def frame(node, blobs=()):
    text = json.dumps(node).encode()
    head = struct.pack("<4sII", b"IML1", len(text), len(blobs))
    return head + struct.pack(f"<{len(blobs)}Q", *map(len, blobs)) + text + b"".join(blobs)


def reply(number, **more):
    pairs = [["id", number], *more.items(), ["forbidden_calls", {"list": []}]]
    return frame({"dict": pairs})


print("attempted")


# %% loss
def loss(w, x, y):
    for number in range(200):
        os.write(3, reply(number, value=1, score=99))
    time.sleep(60)


# %% gradient
def gradient(w, x, y):
    os.write(3, struct.pack("<4sII", b"IML1", 2**32 - 1, 2**32 - 1))
    time.sleep(60)


# %% descent
class Descent:
    def __init__(self, dimensions, rate=0.1):
        while True:
            os.write(3, b"IML1" + bytes(1 << 16))


# %% classify
def classify(x, labels, new):
    os.close(3)
