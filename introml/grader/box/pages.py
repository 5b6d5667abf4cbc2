"""Makes a process cheap to fork: its own memory gathered in pages of 2 MB, not of 4 kB.

A fork copies the table of pages. With torch loaded that is some 50,000 entries; gathered, a tenth.
"""

import ctypes

_HUGE = 1 << 21
_MADV_COLLAPSE = 25


def gather() -> int:
    """Gather this process's anonymous memory; return how many huge pages came of it.

    Needs Linux 6.1; on an older one nothing happens, and a fork takes longer.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    gathered = 0
    with open("/proc/self/maps") as file:
        lines = file.read().splitlines()
    for line in lines:
        fields = line.split()
        if fields[1] != "rw-p" or fields[5:] not in ([], ["[heap]"]):
            continue
        start, end = (int(text, 16) for text in fields[0].split("-"))
        for address in range(-(-start // _HUGE) * _HUGE, end - _HUGE + 1, _HUGE):
            arguments = ctypes.c_void_p(address), ctypes.c_size_t(_HUGE), _MADV_COLLAPSE
            gathered += libc.madvise(*arguments) == 0
    return gathered
