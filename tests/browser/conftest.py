"""The built site in a real headless Chromium, over http and from disk."""

import os
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser_site import FLAGS, HTML, Tab, chromium_path
from built_page import BuiltSite
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


@pytest.fixture(scope="session")
def lent():
    """The tab that tests hand on to one another, once there is one."""
    return []


@pytest.fixture(scope="session")
def built_site():
    return BuiltSite(HTML)


@pytest.fixture
def open_tab(chromium, lent, request, built_site):
    """`open_tab(url, width=1280, scheme="light")` -> Tab, loaded; see `Tab.open`.

    A window costs more than a page, so a test's first tab is the one that the tests before had,
    emptied. Tabs with options of the browser's, and further ones, are new and closed at the end.
    """
    own, taken = [], []
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    docname = parameters.get("docname")

    def open_one(url, width=1280, height=900, scheme="light", settle=True, **options):
        if options or taken:
            # The storage that an option brings is not to be forgotten.
            view = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
            own.append(Tab(chromium, **view, **options))
            return own[-1].load(url, settle)
        if not lent:
            lent.append(Tab(chromium))
        taken.append(lent[0])
        return lent[0].open(url, width, height, scheme, settle)

    yield open_one
    asked_for = {url for tab in [*own, *taken] for url in tab.requests}
    for tab in own:
        tab.context.close()
    if docname:
        unknown = files_of_the_site(asked_for) - built_site.page_files(docname)
        assert not unknown, f"{unknown} would not select this test: name it in built_page.py"


def files_of_the_site(urls: set[str]) -> set[str]:
    """The files of the built site that were asked for, over http or from disk, by their names."""
    paths = {unquote(urlsplit(url).path) for url in urls if not url.startswith(("data:", "blob:"))}
    names = {path.removeprefix(f"{HTML}/").lstrip("/") for path in paths}
    return {name for name in names if (HTML / name).is_file()}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What a failed test left behind may be beyond cleaning, so the next one opens a tab anew."""
    report = yield
    if report.failed and "lent" in item.funcargs and item.funcargs["lent"]:
        item.funcargs["lent"].pop().context.close()
    return report
