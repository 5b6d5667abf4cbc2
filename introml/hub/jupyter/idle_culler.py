"""jupyterhub-idle-culler, for a hub that listens at a Unix socket, which it knows nothing of.

python -m introml.hub.jupyter.idle_culler SOCKET --timeout=3600 …
"""

from __future__ import annotations

import runpy
import socket
import sys
from typing import Any

from tornado.netutil import Resolver


class OneSocket(Resolver):
    """Every address leads to one Unix socket."""

    def initialize(self, path: str) -> None:
        self._path = path

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        return [(socket.AF_UNIX, self._path)]


def main(arguments: list[str]) -> None:
    """Run the culler on the hub at the socket `arguments[0]`, with the rest as its arguments."""
    Resolver.configure(OneSocket, path=arguments[0])
    sys.argv = ["jupyterhub_idle_culler", *arguments[1:]]
    runpy.run_module("jupyterhub_idle_culler", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
