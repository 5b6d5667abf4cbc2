"""The proxy's routes: what JupyterHub keeps with a port, and what the proxy takes without."""

import asyncio
import json

import pytest

from introml.hub.jupyter.proxy import CourseProxy

SOCKET = "http+unix://%2Frun%2Fa.sock"


class Answer:
    def __init__(self, routes):
        self._routes = routes

    async def json(self):
        return json.loads(json.dumps(self._routes))


@pytest.fixture
def proxy():
    """A proxy of which the other side is a table."""
    routes = {}
    one = CourseProxy(auth_token="x", extra_routes={"/services/course/": SOCKET})

    async def api_request(path, method="GET", body=None):
        if method == "POST":
            routes[path] = body
        return Answer(routes)

    one.api_request = api_request
    one.routes = routes
    return one


@pytest.mark.parametrize("target", [f"{SOCKET}:80", "http://127.0.0.1:80", "http://node7:40123"])
def test_a_servers_route_reads_back_as_jupyterhub_knows_it(proxy, target):
    """Else it would be put there anew at each look."""
    asyncio.run(proxy.add_route("/user/ann/", target, {"user": "ann", "server_name": ""}))
    assert proxy.routes["/user/ann"]["target"] == target.replace(".sock:80", ".sock")
    assert asyncio.run(proxy.get_all_routes())["/user/ann/"]["target"] == target


def test_the_courses_service_is_at_a_socket(proxy):
    route, target = next(iter(proxy.extra_routes.items()))
    asyncio.run(proxy.add_route(route, target, {"extra": True}))
    assert asyncio.run(proxy.get_all_routes())["/services/course/"]["target"] == SOCKET
