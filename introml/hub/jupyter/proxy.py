"""The hub's proxy: it listens at a socket that outlives it, and speaks to Unix sockets behind."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from typing import Any

import jupyterhub.proxy
from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets import validate

from introml.hub.jupyter.sockets import LISTENER

_UNIX = "http+unix://"


class CourseProxy(ConfigurableHTTPProxy):
    """configurable-http-proxy, with the course's service among the routes (`extra_routes`)."""

    async def start(self) -> None:
        if listener := os.environ.get(LISTENER):
            # JupyterHub starts its proxy without a way to hand a file on.
            passing_on: Any = partial(subprocess.Popen, pass_fds=(int(listener),))
            jupyterhub.proxy.Popen = passing_on
        await super().start()

    @validate("extra_routes")
    def _validate_extra_routes(self, proposal: Any) -> dict[str, str]:
        # JupyterHub's own check knows no Unix sockets here.
        return proposal.value

    async def restore_routes(self) -> None:
        await super().restore_routes()
        for route, target in self.extra_routes.items():
            await self.add_route(route, target, {"extra": True})

    # JupyterHub's record of a student's server always has a port; a socket has none.

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        if target.startswith(_UNIX):
            target = target.removesuffix(":80")
        await super().add_route(routespec, target, data)

    async def get_all_routes(self) -> dict[str, Any]:
        routes = await super().get_all_routes()
        for route in routes.values():
            if route["target"].startswith(_UNIX) and "user" in route["data"]:
                route["target"] += ":80"
        return routes
