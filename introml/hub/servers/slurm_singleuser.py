"""What a Slurm job starts as a student's server: takes a free port, tells the hub, becomes it.

On a node, nobody but the server itself can know which port is free. `hub.servers.singleuser` does
the rest.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

_TRIES = 5


class HubAway(Exception):
    """The hub could not be told the port; the text says why."""


def main(arguments: list[str]) -> None:
    """Become the server. Returns never."""
    port = free_port()
    tell_hub(port)
    # JupyterHub gave an address without a port that holds.
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    os.environ["JUPYTERHUB_SERVICE_URL"] = url._replace(netloc=f"{host}:{port}").geturl()
    command = [sys.executable, "-P", "-m", "introml.hub.servers.singleuser", *arguments]
    os.execv(sys.executable, command)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as one:
        one.bind(("", 0))
        return one.getsockname()[1]


def tell_hub(port: int) -> None:
    """Say to the hub where this server will be. Raises `HubAway` when some tries have failed."""
    request = urllib.request.Request(
        os.environ["JUPYTERHUB_API_URL"].rstrip("/") + "/batchspawner",
        json.dumps({"port": port}).encode("ascii"),
        {
            "Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    # The hub is in the same cluster: whatever proxy leads out of it does not lead there.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for left in range(_TRIES)[::-1]:
        try:
            opener.open(request, timeout=20).close()
            return
        except urllib.error.HTTPError as problem:
            raise HubAway(f"the hub refuses this server's port: {problem}") from problem
        except OSError as problem:
            if not left:
                raise HubAway(
                    f"the hub at {request.full_url} does not answer this node: {problem}"
                ) from problem
            time.sleep(2)


if __name__ == "__main__":
    main(sys.argv[1:])
