"""Someone at a browser without JavaScript: pages, forms and cookies of a real hub, over HTTP."""

from __future__ import annotations

import time

import httpx
from bs4 import BeautifulSoup
from real_hub import PASSWORD, RealHub

NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}


class Visitor(httpx.Client):
    """Cookies kept, redirects followed."""

    def __init__(self, hub: RealHub) -> None:
        super().__init__(
            base_url=hub.address, follow_redirects=True, timeout=180, headers=NAVIGATES
        )
        self.hub = hub

    def xsrf(self, path: str) -> str:
        """The token in the form of a page."""
        page = BeautifulSoup(self.get(path).text, "html.parser")
        return page.select_one("input[name=_xsrf]")["value"]

    def sign_in(self, name: str, password: str = PASSWORD, to: str = "/hub/home") -> httpx.Response:
        data = {"username": name, "password": password, "_xsrf": self.xsrf("/hub/login")}
        return self.post("/hub/login", params={"next": to}, data=data)

    def accept(self, invitation: str, password: str, again: str | None = None) -> httpx.Response:
        data = {
            "invitation": invitation, "password": password,
            "again": password if again is None else again, "_xsrf": self.xsrf("/hub/invite"),
        }  # fmt: skip
        return self.post("/hub/invite", data=data)

    def start_server(self, name: str, timeout: float = 180) -> float:
        """Ask for the own server, and wait until it answers; how many seconds it took."""
        began = time.monotonic()
        self.get(f"/hub/spawn/{name}")
        while True:
            # Not followed: the hub's own page stands in while the server is being started.
            answer = self.get(f"/user/{name}/api", follow_redirects=False)
            if answer.status_code == 200 and "version" in answer.json():
                break
            waited = time.monotonic() - began
            assert waited < timeout, f"{answer}\n{answer.text[:2000]}\n{self.hub.log[-8000:]}"
            time.sleep(0.05)
        seconds = time.monotonic() - began
        self.get(f"/user/{name}/lab")  # signs in to the server as well
        return seconds

    def xsrf_cookie(self) -> str:
        """The token that the hub's own scripts send along."""
        self.get("/hub/home")
        jar = self.cookies.jar
        return next(one.value for one in jar if one.name == "_xsrf" and "hub" in one.path)
