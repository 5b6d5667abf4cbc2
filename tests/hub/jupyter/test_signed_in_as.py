"""The cookie of who signed in where: over TLS, nobody else can put it into a browser."""

import time
from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import Application, RequestHandler

from introml.hub.jupyter.signed_in_as import Bound
from introml.hub.web.browser_places import HUB, BrowserPlaces, cookie_name


@pytest.fixture
def handler(sqlite_course):
    """`handler(base_url, cookie)` -> a handler of the hub's, asked from a place that is told."""
    places = BrowserPlaces(sqlite_course.secret("session"), HUB)
    told = [str(int(time.time())), "here", ""]
    place = ".".join([*told, places._seal(HUB, *told).decode()])

    def make(base="/", cookie=""):
        listening = SimpleNamespace(set_close_callback=lambda _: None)
        line = RequestStartLine("GET", f"{base}hub/home", "HTTP/1.1")
        headers = HTTPHeaders({"Host": "hub", "X-Introml-Place": place, "Cookie": cookie})
        sent = HTTPServerRequest(connection=listening, start_line=line, headers=headers)
        one = RequestHandler(Application([], base_url=base), sent)
        one.hub = SimpleNamespace(base_url=f"{base}hub/")
        one.cookie_max_age_days = 14
        return one

    return make


def said(handler):
    return [one.OutputString() for one in getattr(handler, "_new_cookie", {}).values()]


def signed_in(course, handler, cookie):
    Bound(course, cookie).sign_in(handler, SimpleNamespace(name="ann"))
    (header,) = said(handler)
    return header


@pytest.mark.parametrize(("base", "prefix"), [("/", "__Host-"), ("/ml/", "__Secure-")])
def test_over_tls_a_page_without_tls_at_the_hubs_name_cannot_set_it(
    sqlite_course, handler, base, prefix
):
    """By the names: a browser takes such a cookie from where TLS is, and sends it there alone."""
    cookie = cookie_name(base, secure=True)
    assert cookie.startswith(prefix)
    header = signed_in(sqlite_course, handler(base), cookie)
    assert header.startswith(f"{cookie}=ann:")
    assert {"Secure", f"Path={base}", "HttpOnly"} <= set(header.split("; "))


def test_without_tls_browsers_take_no_such_name(sqlite_course, handler):
    header = signed_in(sqlite_course, handler(), cookie_name("/", secure=False))
    assert header.startswith("introml-signed-in-as=ann:")
    assert "Secure" not in header


def test_it_lives_as_long_as_the_hubs_own_cookie(sqlite_course, handler):
    header = signed_in(sqlite_course, handler(), cookie_name("/", secure=False))
    (until,) = [one for one in header.split("; ") if one.startswith("expires=")]
    days = (
        time.mktime(time.strptime(until[8:], "%a, %d %b %Y %H:%M:%S GMT")) - time.time()
    ) / 86400
    assert 13 < days < 15


def test_it_goes_where_nobody_is_known_and_stays_where_one_has_moved(sqlite_course, handler):
    sessions = Bound(sqlite_course, "in-as")
    for user, elsewhere, goes in ((None, False, True), (None, True, False), ("ann", False, False)):
        one = handler(cookie="in-as=ann:x")
        one._jupyterhub_user, one.is_elsewhere = user, elsewhere
        sessions.finish(one)
        assert any(header.startswith('in-as="";') for header in said(one)) == goes


@pytest.mark.parametrize(
    ("path", "dest", "cookie", "is_left"),
    [
        ("/user/ann/api", "empty", "in-as=ann:x", True),
        ("/user/ann/lab", "document", "in-as=ann:x", False),  # is led to the hub
        ("/user/ann/api", "empty", "in-as=bob:x", False),
        ("/user/ann/api", "empty", "", False),
        ("/other/ann/api", "empty", "in-as=ann:x", False),
    ],
)
def test_jupyterlab_is_told_why_at_a_place_where_its_reader_did_not_sign_in(
    sqlite_course, handler, path, dest, cookie, is_left
):
    one = handler(cookie=cookie)
    one.request.path = path
    one.request.headers["Sec-Fetch-Dest"] = dest
    sessions = Bound(sqlite_course, "in-as")
    assert sessions.is_page_left(one) is is_left


def test_a_server_that_has_stopped_is_no_move(sqlite_course, handler):
    """Then the hub answers JupyterLab as ever, in the place of the server."""
    here = handler()
    cookie = signed_in(sqlite_course, here, "in-as").partition(";")[0]
    one = handler(cookie=cookie)
    one.request.path, one.request.headers["Sec-Fetch-Dest"] = "/user/ann/api", "empty"
    assert not Bound(sqlite_course, "in-as").is_page_left(one)
