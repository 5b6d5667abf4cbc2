"""The widgets of the built pages keep their contract, and links carry their settings."""

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
    root.get_by_role("button", name="Link to this setting").click()
    link = tab.page.evaluate("location.href")
    assert "#widget-" in link
    shown = root.locator("[data-readout]").first.text_content()
    again = open_tab(link)
    assert again.page.locator("[data-widget]").first.locator(
        "[data-readout]"
    ).first.text_content() == shown  # fmt: skip


def test_a_mangled_link_shows_the_pages_own_setting(address, open_tab):
    page = f"{address}/chapters/ml-basics/gradient-descent.html"
    expected = open_tab(page).page.locator("[data-readout]").first.text_content()
    for mangled in ("#widget-gradient-descent?learning_rate=oops", "#%E0%A4%A", "#widget-x?a=1",
                    '#widget-gradient-descent?x="no"&step=[1]'):  # fmt: skip
        tab = open_tab(page + mangled)
        assert tab.page.locator("[data-readout]").first.text_content() == expected
        assert tab.problems == []
