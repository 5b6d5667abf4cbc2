"""Signing in by JupyterHub: what is asked of it, and what is not believed.

A small hub stands in for JupyterHub here; `HubOAuth` and all that passes over HTTP are real.
"""

import base64
import functools
import json
import secrets
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from jupyterhub.services.auth import HubOAuth
from served import PREFIX, served
from small_hub import ACCESS, SmallHub, challenge_of
from tiny_course import make_course, notebook

from introml.hub.web.app import create_app
from introml.hub.web.oauth import HubIdentify


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = make_course(tmp_path_factory.mktemp("course"))
    yield course
    course.database.close()


@pytest.fixture(scope="module")
def hub():
    return SmallHub()


@pytest.fixture(scope="module")
def auth(hub):
    with served(hub.app) as url:
        yield HubOAuth(
            api_url=f"{url.removesuffix(PREFIX)}/hub/api",
            api_token="the-services-token",
            oauth_client_id="service-course",
            base_url=PREFIX,
            access_scopes={ACCESS},
            cache_max_age=30,
        )


@pytest.fixture(scope="module")
def address(auth, course):
    """The service, which asks the small hub; both are served."""
    identify = HubIdentify(course, PREFIX, auth)
    with served(create_app(course, identify, PREFIX, book=Path("/nowhere"))) as url:
        yield url


def browser(address, **headers):
    return httpx2.Client(base_url=address, headers={"Accept": "text/html"} | headers, verify=False)


def sign_in(hub, client, name="ann", page=""):
    """Go to a page, sign in at the hub, come back; the answer of the way back."""
    begun = client.get(page)
    assert begun.status_code == 302, begun.text
    return client.get(hub.authorize(begun.headers["location"], name))


class TestSigningIn:
    def test_from_a_page_to_the_hub_and_back_to_it(self, hub, address):
        client = browser(address)
        back = sign_in(hub, client, page="labs/tiny?x=1")
        assert back.headers["location"] == f"{PREFIX}labs/tiny?x=1"
        assert "Ann Able" in client.get("").text

    def test_what_is_asked_of_the_hub(self, address):
        location = browser(address).get("").headers["location"]
        query = parse_qs(urlsplit(location).query)
        assert location.startswith("/hub/api/oauth2/authorize?")
        assert query["redirect_uri"] == [f"{PREFIX}oauth_callback"]
        assert query["code_challenge_method"] == ["S256"]
        assert "scope" not in query
        assert "inherit" not in location

    def test_the_cookies(self, hub, address):
        client = browser(address)
        begun = client.get("")
        state = begun.headers["set-cookie"]
        back = client.get(hub.authorize(begun.headers["location"], "ann"))
        session = next(
            x for x in back.headers.get_list("set-cookie") if x.startswith("introml-session")
        )
        for cookie in (state, session):
            assert "HttpOnly" in cookie
            assert "SameSite=lax" in cookie
            assert f"Path={PREFIX}" in cookie
            assert "Secure" not in cookie
        assert "Max-Age=600" in state

    def test_by_https_they_are_for_https_alone(self, hub, address):
        client = browser(address, **{"X-Forwarded-Proto": "https,http"})
        begun = client.get("")
        assert "Secure" in begun.headers["set-cookie"]

    def test_two_windows_may_sign_in_at_once(self, hub, address):
        client = browser(address)
        first, second = (client.get(page).headers["location"] for page in ("", "labs/tiny"))
        assert client.get(hub.authorize(first, "ann")).headers["location"] == PREFIX
        assert client.get(hub.authorize(second, "ann")).headers["location"].endswith("labs/tiny")

    def test_who_signs_in_again_keeps_the_session_that_open_forms_are_of(self, hub, address):
        client = browser(address)
        ways = [client.get("").headers["location"] for _ in range(3)]
        client.get(hub.authorize(ways[0], "ann"))
        session = client.cookies["introml-session"]
        client.get(hub.authorize(ways[1], "ann"))
        assert client.cookies["introml-session"] == session
        client.get(hub.authorize(ways[2], "bob"))
        assert client.cookies["introml-session"] != session

    def test_signing_out_ends_the_session_here_and_goes_to_the_hub(self, hub, address):
        client = browser(address)
        sign_in(hub, client)
        token = client.get("receipts").text.partition('name="csrf" value="')[2].partition('"')[0]
        answer = client.post("sign-out", data={"csrf": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/hub/logout")
        assert client.get("").status_code == 302


class TestTheWayBack:
    def refused(self, answer, status=400):
        assert answer.status_code == status
        assert "introml-session" not in answer.headers.get("set-cookie", "")

    @pytest.mark.parametrize(
        "query", ["", "?code=x", "?state=x", "?code=x&state=x", "?code=&state=", "?error=denied"]
    )
    def test_what_was_not_begun_is_refused(self, address, query):
        self.refused(browser(address).get(f"oauth_callback{query}"))

    def test_another_browsers_sign_in_is_refused(self, hub, address):
        """Else someone could be made to work under the account of another."""
        location = browser(address).get("").headers["location"]
        back = hub.authorize(location, "bob")
        # A hub that does not look at the challenge leaves the refusal to the service.
        hub.codes[parse_qs(urlsplit(back).query)["code"][0]] = ("bob", challenge_of(""))
        self.refused(browser(address).get(back))

    def test_a_changed_state_is_refused(self, hub, address):
        client = browser(address)
        back = hub.authorize(client.get("").headers["location"], "ann")
        # Not the last character: of that, base64 does not read every bit.
        other = "a" if back[-2] != "a" else "b"
        self.refused(client.get(back[:-2] + other + back[-1]))

    def test_used_twice_it_is_refused(self, hub, address):
        client = browser(address)
        begun = client.get("")
        cookies = dict(client.cookies)
        back = hub.authorize(begun.headers["location"], "ann")
        assert client.get(back).status_code == 302
        code = parse_qs(urlsplit(back).query)["code"][0]
        hub.codes[code] = ("ann", challenge_of(next(iter(cookies.values()))))
        again = httpx2.Client(base_url=address, cookies=cookies, verify=False)
        self.refused(again.get(back))

    def test_a_made_up_code_is_refused(self, hub, address):
        client = browser(address)
        back = hub.authorize(client.get("").headers["location"], "ann")
        hub.codes.clear()
        self.refused(client.get(back))

    def test_denied_by_the_hub(self, hub, address):
        client = browser(address)
        back = hub.authorize(client.get("").headers["location"], "ann")
        state = parse_qs(urlsplit(back).query)["state"][0]
        self.refused(client.get(f"oauth_callback?error=access_denied&state={state}"))

    def test_after_ten_minutes_it_is_over(self, hub, address, monkeypatch):
        client = browser(address)
        back = hub.authorize(client.get("").headers["location"], "ann")
        # A browser that keeps its cookie for longer than it was told to.
        kept = httpx2.Client(base_url=address, cookies=dict(client.cookies), verify=False)
        later = time.time() + 601
        monkeypatch.setattr(time, "time", lambda: later)
        self.refused(kept.get(back))

    def test_who_may_not_come_here_is_not_signed_in(self, hub, address, monkeypatch):
        client = browser(address)
        monkeypatch.setattr(
            hub, "make_token", functools.partial(hub.make_token, scopes=["read:users"])
        )
        self.refused(sign_in(hub, client), 403)

    @pytest.mark.parametrize(
        "page", ["//evil.example/", "..%2f..%2fhub%2fadmin", "%5cevil.example", "labs/%0d%0aX: y"]
    )
    def test_it_leads_only_to_pages_of_the_service(self, hub, address, page):
        client = browser(address)
        begun = client.get(address + page)
        if begun.status_code != 302:
            assert begun.status_code in (401, 404)
            return
        location = client.get(hub.authorize(begun.headers["location"], "ann")).headers["location"]
        assert location.startswith(PREFIX)
        assert "/../" not in location
        assert "\\" not in location

    def test_a_state_signed_for_another_address_leads_home(self, hub, address, course):
        """Whatever the signed state says, the browser stays under the prefix."""
        identify = HubIdentify(course, PREFIX, HubOAuth(oauth_client_id="x", api_token="x"))
        for evil in (
            "https://evil.example/",
            "//evil.example",
            f"{PREFIX}../../hub/admin",
            "",
            f"{PREFIX}%2e%2e/%2e%2e/hub",
            "/services/course\\..",
            "javascript:alert(1)",
        ):
            assert identify._ours(evil) == PREFIX  # fmt: skip
        assert identify._ours(f"{PREFIX}labs/tiny?a=../b") == f"{PREFIX}labs/tiny?a=../b"


class TestSessions:
    def test_an_expired_token_leads_to_sign_in(self, hub, auth, address):
        client = browser(address)
        sign_in(hub, client)
        hub.users.clear()
        assert client.get("").status_code == 200  # believed for some seconds
        for key in auth.cache.timestamps:
            auth.cache.timestamps[key] -= auth.cache_max_age + 1
        answer = client.get("")
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/hub/api/oauth2/authorize")

    def test_signing_out_at_the_hub_is_noticed_at_once(self, hub, address):
        client = browser(address)
        client.cookies.set("jupyterhub-session-id", "one")
        sign_in(hub, client)
        hub.users.clear()
        client.cookies.set("jupyterhub-session-id", "two")
        assert client.get("").status_code == 302

    def test_the_hub_is_not_asked_each_time(self, hub, address):
        client = browser(address)
        sign_in(hub, client)
        before = hub.asked
        for _ in range(20):
            assert client.get("").status_code == 200
        assert hub.asked == before

    @pytest.mark.parametrize("value", ["", "x", "a.b", '"x"'])
    def test_a_cookie_that_we_did_not_sign_is_none(self, address, value):
        client = browser(address)
        client.cookies.set("introml-session", value)
        assert client.get("").status_code == 302

    def test_a_servers_token_as_a_cookie_is_none(self, hub, address):
        client = browser(address)
        client.cookies.set("introml-session", hub.make_token("tess"))
        assert client.get("").status_code == 302

    def test_a_token_opens_the_interface_for_tools_and_no_page(self, hub, address):
        token = hub.make_token("ann")
        client = browser(address, Authorization=f"token {token}")
        assert client.post("api/labs/tiny/submissions", content=notebook()).status_code == 201
        assert client.get("").status_code == 302

    def test_the_token_in_a_sessions_cookie_is_no_tools(self, hub, address):
        """The cookie is signed and can be read: it would be good at another place in a header."""
        client = browser(address)
        sign_in(hub, client)
        coded = client.cookies["introml-session"].partition(".")[0]
        token = json.loads(base64.urlsafe_b64decode(coded + "=="))
        assert hub.users[token]["name"] == "ann"
        tool = browser(address, Authorization=f"token {token}")
        answer = tool.post("api/labs/tiny/submissions", content=notebook())
        assert answer.status_code == 401

    @pytest.mark.parametrize(
        ("kind", "scopes"),
        [("service", [ACCESS]), ("user", []), ("user", ["access:services!service=other"]),
         ("user", ["read:users"])],
    )  # fmt: skip
    def test_a_token_of_no_user_or_for_elsewhere_is_refused(self, hub, address, kind, scopes):
        token = hub.make_token("ann", scopes, kind)
        answer = browser(address, Authorization=f"token {token}").post(
            "api/labs/tiny/submissions", content=b"{}"
        )
        assert answer.status_code == 401

    def test_an_expired_token_of_a_tool_is_refused(self, hub, address):
        client = browser(address, Authorization=f"token {secrets.token_hex(16)}")
        assert client.post("api/labs/tiny/submissions", content=b"{}").status_code == 401

    def test_the_workers_token_is_not_taken_to_the_hub(self, hub, address, course):
        client = browser(address, Authorization=f"Bearer {course.secret('worker')}")
        before = hub.asked
        assert client.get("worker/waiting").status_code == 200
        assert hub.asked == before

    def test_a_hub_that_does_not_answer_is_said_to(self, hub, address):
        client = browser(address)
        sign_in(hub, client)
        client.cookies.set("jupyterhub-session-id", "new")
        hub.down = True
        answer = client.get("")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "JupyterHub does not answer" in answer.text
        hub.down = False
        assert client.get("").status_code == 200
