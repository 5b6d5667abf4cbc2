"""The cookie by which the proxy knows a browser: over TLS, nobody else can put it there."""

from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import Application, RequestHandler

from introml.hub.jupyter.signed_in_as import cookie_name, note


def set_by(cookie, user, base="/"):
    """The header that sets the cookie of that name for a user."""
    listening = SimpleNamespace(set_close_callback=lambda _: None)
    line = RequestStartLine("GET", f"{base}hub/home", "HTTP/1.1")
    sent = HTTPServerRequest(
        connection=listening, start_line=line, headers=HTTPHeaders({"Host": "hub"})
    )
    handler = RequestHandler(Application([], base_url=base), sent)
    handler.hub = SimpleNamespace(base_url=f"{base}hub/")
    handler._jupyterhub_user = user and SimpleNamespace(name=user)
    note(handler, cookie)
    return [one.OutputString() for one in getattr(handler, "_new_cookie", {}).values()]


@pytest.mark.parametrize(("base", "prefix"), [("/", "__Host-"), ("/ml/", "__Secure-")])
def test_over_tls_a_page_without_tls_at_the_hubs_name_cannot_set_it(base, prefix):
    """By the names: a browser takes such a cookie from where TLS is, and sends it there alone."""
    cookie = cookie_name(base, secure=True)
    assert cookie.startswith(prefix)
    (said,) = set_by(cookie, "ann", base)
    assert said.startswith(f"{cookie}=ann;")
    assert {"Secure", f"Path={base}", "HttpOnly"} <= set(said.split("; "))


def test_without_tls_browsers_take_no_such_name():
    (said,) = set_by(cookie_name("/", secure=False), "ann")
    assert said.startswith("introml-signed-in-as=ann;")
    assert "Secure" not in said
