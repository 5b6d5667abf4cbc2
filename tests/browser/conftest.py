"""The built site in a real headless Chromium, over http and from disk."""

import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

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

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.page = page = self.context.new_page()
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", self._console)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def open(self, url, width=1280, height=900, scheme="light", settle=True):
        """Open a page as a browser that was never used before would."""
        self._forget()
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(media="null", color_scheme=scheme)
        self.page.goto(url)
        if settle:
            self.settle()
        return self

    def _forget(self):
        """Leave the page that was open, with all that it and its test left behind."""
        self.page.goto("about:blank")
        self.page.unroute_all()
        self.context.clear_cookies()
        tools = self.context.new_cdp_session(self.page)
        tools.send("Network.clearBrowserCache")
        addresses = (urlsplit(url) for url in self.requests)
        for origin in {f"{url.scheme}://{url.netloc}" for url in addresses}:
            everything = {"origin": origin, "storageTypes": "all"}
            tools.send("Storage.clearDataForOrigin", everything)
        tools.detach()
        self.requests.clear()
        self.problems.clear()

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

    def shifts(self):
        """By how much the page's parts have moved since it was opened, move by move."""
        return self.page.evaluate(
            """async () => {
              const shifts = [];
              const watch = (list) => {
                for (const one of list) if (!one.hadRecentInput) shifts.push(one.value);
              };
              const observer = new PerformanceObserver((list) => watch(list.getEntries()));
              observer.observe({ type: "layout-shift", buffered: true });
              await new Promise((resolve) => { setTimeout(resolve, 100); });
              watch(observer.takeRecords());
              return shifts;
            }"""
        )


@pytest.fixture(scope="session")
def lent():
    """The tab that tests hand on to one another, once there is one."""
    return []


@pytest.fixture
def open_tab(chromium, lent):
    """`open_tab(url, width=1280, scheme="light")` -> Tab, loaded; see `Tab.open`.

    A window costs more than a page, so a test's first tab is the one that the tests before had,
    emptied. Tabs with options of the browser's, and further ones, are new and closed at the end.
    """
    own, taken = [], []

    def open_one(url, width=1280, height=900, scheme="light", settle=True, **options):
        if options or taken:
            # The storage that an option brings is not to be forgotten.
            view = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
            own.append(tab := Tab(chromium, **view, **options))
            tab.page.goto(url)
            if settle:
                tab.settle()
            return tab
        if not lent:
            lent.append(Tab(chromium))
        taken.append(lent[0])
        return lent[0].open(url, width, height, scheme, settle)

    yield open_one
    for tab in own:
        tab.context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What a failed test left behind may be beyond cleaning, so the next one opens a tab anew."""
    report = yield
    if report.failed and "lent" in item.funcargs and item.funcargs["lent"]:
        item.funcargs["lent"].pop().context.close()
    return report
