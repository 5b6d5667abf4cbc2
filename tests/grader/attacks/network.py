"""Calls out: loopback, link-local metadata, names, abstract sockets of the machine."""
# ruff: noqa

# %% before
import os
import socket

reached = []
for address in (("127.0.0.1", 22), ("169.254.169.254", 80), ("10.0.0.1", 80), ("1.1.1.1", 53)):
    try:
        reached.append((address, socket.create_connection(address, 0.5)))
    except OSError:
        pass
try:
    reached.append(socket.getaddrinfo("example.org", 80))
except OSError:
    pass
for name in ("\0introml", "\0/tmp/dbus", "/run/docker.sock", "/var/run/nscd/socket"):
    try:
        plug = socket.socket(socket.AF_UNIX)
        plug.connect(name)
        reached.append(name)
    except OSError:
        pass
print("attempted", "reached", reached)
