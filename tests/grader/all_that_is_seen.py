"""What a box may show of the machine, and a walk through all that one shows."""

import os
import sys
import sysconfig


def pythons_own():
    """What a box may show: Python's program with the links to it, its modules, the libraries."""
    program, own = sys.executable, ["/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64"]
    while True:
        own.append(program)
        if not os.path.islink(program):
            break
        program = os.path.normpath(os.path.join(os.path.dirname(program), os.readlink(program)))
    own += [f"{sys.prefix}/pyvenv.cfg", f"{sys.base_prefix}/lib"]
    own += [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    # Where a .venv is a link, libraries are found where it leads.
    return [*own, *(os.path.realpath(name) for name in own)]


WALK = """
import os
own, ways, found = {own!r}, set(), set()
for name in own:
    while name != "/":
        name = os.path.dirname(name)
        ways.add(name)
for folder, folders, names in os.walk("/"):
    paths = [os.path.join(folder, name) for name in folders + names]
    for path in paths:
        if path in ways and os.path.isdir(path) and not os.path.islink(path):
            found |= {{"a way that is there"}}
        elif path not in own and path not in ("/proc", "/tmp", "/dev", "/dev/shm", "/etc"):
            print(path)
    folders[:] = [
        name for name in folders
        if os.path.join(folder, name) not in own
    ]
    if folder in ways and os.access(folder, os.W_OK) != (folder in ("/tmp", "/dev/shm")):
        print("may write into", folder)
print(found)
"""
