"""Run a command that ends when the process that started it does, however that one ends.

    python -m introml.hub.jupyter.die_with_parent COMMAND …

The hub's proxy and services are run so: a hub that is killed leaves nothing on its ports.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> None:
    """Become `command`, tied to the parent. Returns never."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended in between
        sys.exit(0)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
