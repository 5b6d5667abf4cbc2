"""The widgets of the built pages keep their contract, and links carry their settings."""

import re

import pytest
from browser_site import pages_with


@pytest.mark.parametrize("docname", pages_with("widget-states"))
def test_widget_keeps_the_contract(docname, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html")
    for root in tab.page.locator("[data-widget]").all():
        assert root.get_attribute("data-ready") == "true"
        assert root.get_attribute("aria-label")
        assert root.locator("[data-readout]").first.text_content().strip()
        unnamed = root.evaluate(
            "(r) => [...r.querySelectorAll('input, select, button, [role=slider]')]"
            ".filter((n) => !n.getAttribute('aria-label') && !n.getAttribute('aria-labelledby')"
            " && !n.labels?.length && !n.textContent.trim()).map((n) => n.outerHTML.slice(0, 120))"
        )
        assert unnamed == []
        assert not root.locator(".iml-problem").first.is_visible()


@pytest.mark.parametrize("docname", pages_with("widget-states"))
def test_a_link_carries_the_setting(docname, address, open_tab):
    """Move something, take the link, open it afresh: the same setting is shown."""
    tab = open_tab(f"{address}/{docname}.html")
    root = tab.page.locator("[data-widget]").first
    for control in root.locator("input[type=range]").all():
        control.focus()
        tab.page.keyboard.press("Home")
        tab.page.keyboard.press("ArrowRight")
    for guess in root.locator(".iml-predict input").all()[:1]:
        guess.check()  # a sentence may wait for it
    root.get_by_role("button", name="Link to this setting").click()
    link = tab.page.evaluate("location.href")
    assert "#widget-" in link
    shown = root.locator("[data-readout]").first.text_content()
    tab.open(link)
    again = tab.page.locator("[data-widget]").first
    assert again.locator("[data-readout]").first.text_content() == shown


def test_a_mangled_link_shows_the_pages_own_setting(address, open_tab):
    page = f"{address}/chapters/ml-basics/gradient-descent.html"
    tab = open_tab(page)
    expected = tab.page.locator("[data-readout]").first.text_content()
    for mangled in ("#widget-gradient-descent?learning_rate=oops", "#%E0%A4%A", "#widget-x?a=1",
                    '#widget-gradient-descent?x="no"&step=[1]'):  # fmt: skip
        tab.open(page + mangled)
        assert tab.page.locator("[data-readout]").first.text_content() == expected
        assert tab.problems == []


def test_a_link_out_of_range_does_not_stop_the_page(address, open_tab):
    """A batch of −1 examples would keep the widget busy for ever."""
    page = f"{address}/chapters/ml-basics/minibatch-sgd.html"
    tab = open_tab(page)
    expected = tab.page.locator("[data-readout]").first.text_content()
    tab.open(f"{page}#widget-batch-size?batch_size=-1&seed=1e9")
    assert tab.page.locator("[data-readout]").first.text_content() == expected


def test_a_damaged_page_says_what_cannot_be_drawn(site, address, open_tab):
    """The widget says so in its place, and works again once the value is mended."""
    page = f"{address}/chapters/ml-basics/gradient-descent.html"
    html = (site / "chapters/ml-basics/gradient-descent.html").read_text(encoding="utf-8")
    damaged = re.sub(r'("learning_rate": ?)[\d.]+', r'\1"fast"', html)
    assert damaged != html
    tab = open_tab("about:blank", settle=False)
    tab.page.route(page, lambda route: route.fulfill(body=damaged, content_type="text/html"))
    tab.page.goto(page)
    tab.settle()
    problem = tab.page.locator("[data-widget] .iml-problem").first
    assert problem.is_visible()
    assert "learning_rate must be a number from 0.001 to 3" in problem.text_content()


@pytest.mark.parametrize(
    "docname", ["chapters/hardware/roofline", "chapters/attention/positional-encoding"]
)
def test_a_sentence_that_gives_the_answer_away_waits_for_the_guess(docname, address, open_tab):
    waiting = re.compile("^Guess first")
    tab = open_tab(f"{address}/{docname}.html")
    root = tab.page.locator("[data-widget]").first
    said = root.locator("[data-readout]").first
    assert waiting.match(said.text_content())
    root.get_by_role("radio").first.check()
    assert re.search(r"\d", said.text_content())
    assert not waiting.match(said.text_content())
    tab = open_tab(f"{address}/{docname}.html")
    root = tab.page.locator("[data-widget]").first
    root.locator("input[type=range]").first.press("ArrowRight")
    assert not waiting.match(root.locator("[data-readout]").first.text_content())
