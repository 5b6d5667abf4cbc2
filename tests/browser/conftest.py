"""The built site in a real headless Chromium, over http and from disk."""

import os
import threading
from pathlib import Path

import pytest
from browser_site import FLAGS, HTML, chromium_path
from playwright.sync_api import sync_playwright

from introml.site.serve import open_server


@pytest.fixture(scope="session")
def site() -> Path:
    assert (HTML / "book" / "index.html").exists(), "the site is not built; run `make site`"
    return HTML


@pytest.fixture(scope="session")
def address(site) -> str:
    """The site over http on loopback."""
    server = open_server(8700 + os.getpid() % 200, folder=site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


class Tab:
    """A page that remembers its requests and what went wrong in it."""

    def __init__(self, page):
        self.page = page
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", self._console)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def scroll_through(self):
        """Bring every part near once, so that what is drawn lazily is drawn."""
        height = self.page.evaluate("document.documentElement.scrollHeight")
        for top in range(0, height, 700):
            self.page.evaluate(f"scrollTo(0, {top})")
            self.page.wait_for_timeout(30)
        self.page.evaluate("scrollTo(0, 0)")

    def settle(self):
        """Wait until every widget is drawn and every chart that was near."""
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.widget-host[data-anchor]')]"
            ".every((host) => host.querySelector('[data-ready=true]'))"
        )


@pytest.fixture
def open_tab(chromium):
    """`open_tab(url, width=1280, scheme="light")` -> Tab, loaded; closed when the test ends."""
    contexts = []

    def open_one(url, width=1280, height=900, scheme="light", settle=True, **options):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **options
        )
        contexts.append(context)
        tab = Tab(context.new_page())
        tab.page.goto(url)
        if settle:
            tab.settle()
        return tab

    yield open_one
    for context in contexts:
        context.close()
