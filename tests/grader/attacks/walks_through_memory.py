"""Looks for secrets in frames, gc, closures, modules and the process's raw memory."""
# ruff: noqa

# %% before
import gc
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
    for line in open("/proc/self/maps"):
        fields = line.split()
        start, end = (int(x, 16) for x in fields[0].split("-"))
        if "rw" not in fields[1] or "[v" in line or end - start > 1 << 26:
            continue
        with open("/proc/self/mem", "rb", 0) as memory:
            try:
                memory.seek(start)
                found.update(x.decode() for x in pattern.findall(memory.read(end - start)))
            except OSError:
                pass
    return found


print("attempted", look(), [name for name in sys.modules if "introml" in name])


# %% loss
def loss(w, x, y):
    raise KeyError(look())
