"""HTTP to a program that listens at a Unix socket, with addresses as JupyterHub writes them.

http+unix://%2Frun%2Fa.sock/services/course/ is /services/course/ at the socket /run/a.sock.
"""

from __future__ import annotations

import http.client
import socket
from urllib.parse import SplitResult, unquote

SCHEME = "http+unix"


class UnixConnection(http.client.HTTPConnection):
    """A connection to the socket at `path`."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect. Raises `OSError`."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def path_of(parts: SplitResult) -> str:
    """The path of the socket that an address names."""
    return unquote(parts.netloc)
