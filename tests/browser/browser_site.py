"""The built site, which of its pages a test is about, and the tab in which they are opened."""

import os
import shutil
from urllib.parse import urlsplit

from introml.book.paths import ROOT
from introml.site.pages import book_pages

HTML = ROOT / "_build" / "html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DOCNAMES = [page.docname for page in book_pages(ROOT)]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str:
    names = (os.environ.get("CHROMIUM", ""), *_BROWSERS)
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, "no Chromium; `make test` installs one"
    return found


def pages_with(text: str) -> list[str]:
    """The pages whose HTML holds `text`; known when the tests are collected, after the build."""
    found = []
    for name in DOCNAMES:
        path = HTML / f"{name}.html"
        if path.exists() and text in path.read_text(encoding="utf-8"):
            found.append(name)
    return found


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
        return self.load(url, settle)

    def load(self, url, settle=True):
        """Open a page, with what the tab has already."""
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


def axe_findings(tab, where, scheme):
    """What axe finds below an element. Dark differs from light by its colours alone."""
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    if scheme == "dark":
        options = {"resultTypes": ["violations"]}
        options["runOnly"] = ["color-contrast", "link-in-text-block"]
    return tab.page.evaluate(
        "([where, options]) => axe.run(where, options).then((r) => r.violations.map((v) =>"
        " `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(' | ')}`))",
        [where, options],
    )
