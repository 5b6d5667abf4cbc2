"""Leaves torch.py, sitecustomize, a .pth and conftest where a later process may import them."""
# ruff: noqa

# %% before
import os
import site
import sys

text = "raise SystemExit('shadowed')"
names = ("torch.py", "json.py", "checks.py", "sitecustomize.py", "usercustomize.py", "conftest.py")
places = [".", "/tmp", "/dev/shm", "..", *sys.path, site.getusersitepackages()]
for place in places:
    for name in (*names, "evil.pth", "pytest.ini", ".pdbrc", "pyvenv.cfg"):
        try:
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, name), "w") as file:
                file.write(text)
        except OSError:
            pass
os.environ["PYTHONPATH"] = os.environ["PYTHONSTARTUP"] = os.environ["LD_PRELOAD"] = "/tmp"
sys.path.insert(0, "/tmp")
print("attempted")


# %% loss
def loss(w, x, y):
    os._exit(1)
