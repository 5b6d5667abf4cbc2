"""Loads torch's modules a second time, under their names and as copies of their files."""
# ruff: noqa

# %% before
import importlib
import shutil
import sys

found = []
try:
    del sys.modules["torch._refs.nn.functional"]
    found.append(importlib.import_module("torch._refs.nn.functional").mse_loss)
except BaseException as error:
    print(str(error)[:40])
try:
    shutil.copy(
        torch._refs.__file__.replace("__init__", "nn/functional/__init__"), "/tmp/copied.py"
    )
    sys.path.insert(0, "/tmp")
    found.append(importlib.import_module("copied").mse_loss)
except BaseException as error:
    print(str(error)[:40])
print("attempted", len(found))


# %% loss
def loss(w, x, y):
    return found[0](x @ w, y)
