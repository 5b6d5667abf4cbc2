"""Every page of the built site, as a reader's browser sees it."""

import pytest
from browser_site import AXE, DOCNAMES, axe_findings, pages_with


@pytest.mark.parametrize("docname", DOCNAMES)
@pytest.mark.parametrize("way", ["http", "file"])
def test_page_asks_no_other_host_and_logs_no_error(docname, way, site, address, open_tab):
    base = address if way == "http" else site.as_uri()
    tab = open_tab(f"{base}/{docname}.html")
    tab.scroll_through()
    tab.page.wait_for_function(
        "() => [...document.querySelectorAll('.plotly-figure')].every((f) => f.dataset.ready)"
    )
    elsewhere = [url for url in tab.requests if not url.startswith((base, "data:", "blob:"))]
    assert elsewhere == []
    assert tab.problems == []


@pytest.mark.parametrize("docname", DOCNAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(docname, scheme, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html", scheme=scheme)
    tab.scroll_through()
    # Folded solutions are part of the page.
    tab.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    tab.page.add_script_tag(path=str(AXE))
    for width in (1280, 360):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.wait_for_timeout(100)
        # On a busy machine the page hears of its new width only with the next frames.
        tab.page.evaluate(
            "new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(d)))"
        )
        assert axe_findings(tab, "html", scheme) == [], f"at {width} px"


#: Every control of a widget once, to its other end or its last choice, and a guess at its question.
MOVE_ALL = """(root) => {
  const tell = (node, ...types) =>
    types.forEach((type) => node.dispatchEvent(new Event(type, { bubbles: true })));
  for (const folded of root.querySelectorAll('details')) folded.open = true;
  for (const node of root.querySelectorAll('input[type=range]')) {
    node.value = node.max;
    tell(node, 'input', 'change');
  }
  for (const node of root.querySelectorAll('select')) {
    node.selectedIndex = [...node.options].findLastIndex((option) => !option.disabled);
    tell(node, 'change');
  }
  for (const node of root.querySelectorAll('[type=checkbox], [type=radio], .iml-stepper button')) {
    node.click();
  }
}"""


@pytest.mark.parametrize("docname", pages_with("widget-states"))
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_moved_widget(docname, scheme, width, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html", scheme=scheme, width=width)
    tab.page.add_script_tag(path=str(AXE))
    for root in tab.page.locator("[data-widget]").all():
        before = root.inner_html()
        root.evaluate(MOVE_ALL)
        assert root.inner_html() != before
    assert axe_findings(tab, "[data-widget]", scheme) == []
    assert tab.problems == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("docname", DOCNAMES)
def test_page_does_not_scroll_sideways(docname, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html", width=1920)
    tab.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    tab.scroll_through()
    for width in (1920, 1280, 1000, 700, 360):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.wait_for_timeout(100)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("docname", pages_with("widget-states"))
def test_without_scripts_a_still_picture_stands_for_each_widget(docname, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html", settle=False, java_script_enabled=False)
    for host in tab.page.locator(".widget-host").all():
        pictures = host.locator("svg, img, table").all()
        boxes = [picture.bounding_box() for picture in pictures]
        assert max(box["height"] for box in boxes if box) > 60  # what is folded away has none
        assert not host.locator(".iml-controls").is_visible()
        assert host.locator("[data-readout]").first.text_content().strip()


@pytest.mark.parametrize("font", ["source-serif-4", "source-sans-3"])
def test_text_that_is_being_read_does_not_move_when_its_font_comes_late(font, address, open_tab):
    held = []
    tab = open_tab("about:blank", width=360, settle=False)
    tab.page.route(f"**/{font}.woff2*", lambda route: held.append(route))
    tab.page.goto(f"{address}/chapters/ml-basics/ways-of-learning.html", wait_until="commit")
    tab.settle()
    tab.page.wait_for_timeout(300)
    assert held
    for route in held:
        route.continue_()
    tab.page.wait_for_function("document.fonts.status === 'loaded'")
    assert sum(tab.shifts()) < 0.01


@pytest.mark.parametrize("docname", pages_with("widget-states"))
@pytest.mark.parametrize("width", [360, 1280])
def test_page_does_not_jump_when_its_widgets_start(docname, width, address, open_tab):
    """The still picture reserves the place: the layout shift stays under what a reader notices."""
    tab = open_tab(f"{address}/{docname}.html", width=width)
    tab.page.wait_for_timeout(300)
    assert sum(tab.shifts()) < 0.1
