"""Leaves a mark for other submissions in every place that could outlive or be shared."""
# ruff: noqa

# %% before
import os
import socket

for place in ("/tmp/mark", "/dev/shm/mark", "/var/tmp/mark", "mark"):
    try:
        with open(place, "w") as file:
            file.write("the answer")
    except OSError:
        pass
for name in ("\0introml-mark",):
    server = socket.socket(socket.AF_UNIX)
    server.bind(name)
    server.listen()
keys = [os.getenv("X")]
torch.manual_seed(1)
print("attempted")


# %% loss
def loss(w, x, y):
    raise SystemExit
