"""Run a Jupyter program as `python -m` does, without what takes long to import and is never used.

    python -m introml.hub.servers.quick jupyterhub …

jsonschema makes a parser for internationalised addresses as soon as it is imported. That takes a
second of each hub's and each server's start, for a check that nothing here asks for.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

_UNUSED = ("rfc3987_syntax",)


def main(arguments: list[str]) -> None:
    """Run the module `arguments[0]` with the rest as its arguments, in this process."""
    without_unused()
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def without_unused() -> None:
    """Have this process's imports of what is unused raise ImportError."""
    modules: dict[str, Any] = sys.modules
    for name in _UNUSED:
        modules[name] = None


if __name__ == "__main__":
    main(sys.argv[1:])
