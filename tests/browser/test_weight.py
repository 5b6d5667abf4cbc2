"""What a page costs to load. Bytes and requests don't depend on the machine, so they are tests."""

import gzip
import itertools
from functools import cache
from urllib.parse import unquote, urlsplit

import pytest
from browser_site import DOCNAMES, HTML, Tab, pages_with

FIRST_LOAD = 200_000
SECOND_LOAD = 60_000
PLOTLY = 600_000
RECORDING = 150_000
COMPRESSED = (".woff2", ".png")


def path_of(url):
    return unquote(urlsplit(url).path).lstrip("/")


@cache
def weight(url):
    """Bytes over the wire: gz for text, as it is for what is compressed already."""
    content = (HTML / path_of(url)).read_bytes()
    return len(content) if path_of(url).endswith(COMPRESSED) else len(gzip.compress(content, 9))


def is_lazy(url):
    """Fetched after the page stands: charts' library, models, recordings."""
    return path_of(url).startswith(("_static/data/", "_static/plotly.js"))


def loaded(tab):
    return {url for url in tab.requests if not url.startswith(("data:", "blob:"))}


SHARED = [
    "host.js", "kit.js", "source-serif-4-italic", "source-sans-3-greek", "KaTeX_Main-Regular",
    "KaTeX_Main-Bold", "KaTeX_Math-Italic", "KaTeX_Size1", "KaTeX_Size2", "KaTeX_Size3",
    "KaTeX_Size4",
]  # fmt: skip
"""What every page fetches, at the latest when it is idle."""
HAS_ALL = """(names) => {
  const fetched = performance.getEntriesByType('resource').map((one) => one.name);
  return names.every((name) => fetched.some((url) => url.includes(name)));
}"""


@pytest.fixture(scope="module")
def first_loads(address, chromium):
    """What each page fetches in a browser that was never used before."""
    found = {}
    tab = Tab(chromium)
    for docname in DOCNAMES:
        tab.open(f"{address}/{docname}.html")
        tab.page.wait_for_function(HAS_ALL, arg=SHARED)
        found[docname] = loaded(tab)
    tab.context.close()
    return found


def test_first_load_is_light(first_loads):
    """What is fetched ahead for the next page counts too."""
    heavy = {}
    for docname, urls in first_loads.items():
        parts = {path_of(url): weight(url) for url in urls if not is_lazy(url)}
        if (total := sum(parts.values())) > FIRST_LOAD:
            heavy[docname] = (total, sorted(parts.items(), key=lambda x: -x[1]))
    assert not heavy


def test_from_any_page_any_other_costs_little_more(first_loads):
    for first, second in itertools.permutations(DOCNAMES, 2):
        urls = first_loads[second] - first_loads[first]
        new = {path_of(url): weight(url) for url in urls if not is_lazy(url)}
        assert sum(new.values()) <= SECOND_LOAD, (first, second, new)


def test_who_saves_data_fetches_nothing_ahead(address, open_tab):
    tab = open_tab("about:blank", settle=False, offline=False)
    tab.page.add_init_script(
        "Object.defineProperty(navigator.connection, 'saveData', {value: true})"
    )
    tab.page.goto(f"{address}/book/index.html")
    tab.page.wait_for_timeout(1000)
    assert [url for url in loaded(tab) if "katex" in path_of(url)] == []


@pytest.mark.parametrize("docname", pages_with("plotly-figure"))
def test_plotly_comes_only_when_a_chart_is_near(docname, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html", height=500)
    tab.page.wait_for_timeout(300)
    first = tab.page.locator(".plotly-figure").first.bounding_box()["y"]
    fetched = [url for url in loaded(tab) if "plotly" in path_of(url)]
    assert bool(fetched) == (first < 500 + 300)
    tab.scroll_through()
    tab.page.wait_for_selector(".plotly-figure[data-ready]")
    (library,) = [url for url in loaded(tab) if "plotly" in path_of(url)]
    assert weight(library) <= PLOTLY


def test_bulky_data_is_fetched_only_by_the_pages_that_show_it(first_loads):
    fetched = {}
    for docname, urls in first_loads.items():
        for url in urls:
            if path_of(url).startswith("_static/data/"):
                assert weight(url) <= RECORDING
                fetched.setdefault(path_of(url), []).append(docname)
    for path, docnames in fetched.items():
        users = pages_with(path.removeprefix("_static/data/").removesuffix(".js"))
        assert docnames == users
