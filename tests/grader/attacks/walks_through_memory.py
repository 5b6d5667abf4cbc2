"""Looks for secrets in frames, gc, closures, modules and the process's raw memory."""
# ruff: noqa

# %% before
import ctypes
import gc
import os
import re
import sys

PATTERN = "introml-" + "canary-[0-9a-f]+"


def look():
    found = set()
    frame = sys._getframe()
    while frame:
        found.update(re.findall(PATTERN, repr(frame.f_locals)[:100_000]))
        found.update(re.findall(PATTERN, repr(list(frame.f_globals)[:10_000])))
        frame = frame.f_back
    for one in gc.get_objects():
        if type(one) in (dict, list, tuple) and len(one) < 200:
            for part in list(one.values()) if type(one) is dict else one:
                if type(part) in (str, bytes):
                    found.update(re.findall(PATTERN, str(part)[:10_000]))
        for cell in getattr(one, "__closure__", None) or ():
            try:
                found.update(re.findall(PATTERN, repr(cell.cell_contents)[:1000]))
            except Exception:
                pass
    pattern = re.compile(PATTERN.encode())
    # There is no map of the memory. Pages near what is known are tried: a pipe refuses bad ones.
    libc = ctypes.CDLL(None)
    libc.sbrk.restype = ctypes.c_long
    read, write = os.pipe()
    near = {id(one) >> 21 for one in gc.get_objects()} | {libc.sbrk(0) >> 21}
    for page in sorted({(part << 21) + (n << 12) for part in near for n in range(-512, 1024)}):
        if libc.write(write, ctypes.c_void_p(page), ctypes.c_size_t(4096)) == 4096:
            found.update(x.decode() for x in pattern.findall(os.read(read, 4096)))
    return found


print("attempted", look(), [name for name in sys.modules if "introml" in name])


# %% loss
def loss(w, x, y):
    raise KeyError(look())
