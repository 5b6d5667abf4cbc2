"""What a page costs to load. Bytes and requests don't depend on the machine, so they are tests."""

import gzip
from urllib.parse import unquote, urlsplit

import pytest
from browser_site import DOCNAMES, HTML, pages_with

FIRST_LOAD = 200_000
SECOND_LOAD = 60_000
PLOTLY = 600_000
RECORDING = 150_000
COMPRESSED = (".woff2", ".png")


def path_of(url):
    return unquote(urlsplit(url).path).lstrip("/")


def weight(url):
    """Bytes over the wire: gz for text, as it is for what is compressed already."""
    content = (HTML / path_of(url)).read_bytes()
    return len(content) if path_of(url).endswith(COMPRESSED) else len(gzip.compress(content, 9))


def is_lazy(url):
    """Fetched after the page stands: charts' library, models, recordings."""
    return path_of(url).startswith(("_static/data/", "_static/plotly.js"))


def loaded(tab):
    return {url for url in tab.requests if not url.startswith(("data:", "blob:"))}


@pytest.mark.parametrize("docname", DOCNAMES)
def test_first_load_is_light(docname, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html")
    tab.page.wait_for_timeout(200)
    total = {path_of(url): weight(url) for url in loaded(tab) if not is_lazy(url)}
    assert sum(total.values()) <= FIRST_LOAD, sorted(total.items(), key=lambda x: -x[1])


@pytest.mark.parametrize("docname", DOCNAMES)
def test_second_page_costs_little_more(docname, address, open_tab):
    first = "chapters/ml-basics/gradient-descent"
    tab = open_tab(f"{address}/{first}.html")
    known = loaded(tab)
    tab.page.goto(f"{address}/{docname}.html")
    tab.settle()
    new = {path_of(url): weight(url) for url in loaded(tab) - known if not is_lazy(url)}
    assert sum(new.values()) <= SECOND_LOAD, new


def test_the_landing_page_fetches_ahead_what_formulas_need(address, open_tab):
    tab = open_tab(f"{address}/book/index.html")
    tab.page.wait_for_function(
        "[...document.fonts].filter((f) => f.family.includes('KaTeX') && f.status === 'loaded')"
        ".length === 3"
    )
    known = loaded(tab)
    assert sum(weight(url) for url in known if not is_lazy(url)) <= FIRST_LOAD
    tab.page.goto(f"{address}/chapters/introduction/what-is-machine-learning.html")
    tab.settle()
    new = {path_of(url): weight(url) for url in loaded(tab) - known if not is_lazy(url)}
    assert sum(new.values()) <= SECOND_LOAD, new


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


def test_bulky_data_is_fetched_only_by_the_pages_that_show_it(address, open_tab):
    fetched = {}
    tab = open_tab("about:blank", settle=False)
    for docname in DOCNAMES:
        tab.open(f"{address}/{docname}.html")
        for url in loaded(tab):
            if path_of(url).startswith("_static/data/"):
                assert weight(url) <= RECORDING
                fetched.setdefault(path_of(url), []).append(docname)
    for path, docnames in fetched.items():
        users = pages_with(path.removeprefix("_static/data/").removesuffix(".js"))
        assert docnames == users
