"""What culls idle servers asks the hub at its socket, whatever the address says."""

import asyncio

from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import Resolver, bind_unix_socket
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.web import Application, RequestHandler

from introml.hub.jupyter.idle_culler import OneSocket


class Says(RequestHandler):
    def get(self, path):
        self.write(path)


def test_every_address_leads_to_the_socket(tmp_path):
    async def asked():
        server = HTTPServer(Application([("/(.*)", Says)]))
        server.add_socket(bind_unix_socket(str(tmp_path / "hub.sock")))
        client = SimpleAsyncHTTPClient(force_instance=True)
        try:
            return (await client.fetch(HTTPRequest("http://hub/hub/api/users"))).body
        finally:
            client.close()
            server.stop()

    before = Resolver._save_configuration()
    Resolver.configure(OneSocket, path=str(tmp_path / "hub.sock"))
    try:
        assert asyncio.run(asked()) == b"hub/api/users"
    finally:
        Resolver._restore_configuration(before)
