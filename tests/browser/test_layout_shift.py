"""Nothing that a reader has begun to read moves away: not when the fonts come, nor the widgets."""

import time

import pytest
from browser_site import DOCNAMES

SHIFT = 0.05
"""Half of what counts as good: https://web.dev/articles/cls."""
OPENINGS = [name for name in DOCNAMES if name.startswith("chapters/") or name == "book/index"]


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("docname", OPENINGS)
def test_late_fonts_move_nothing(docname, width, address, open_tab):
    fonts = []

    def late(route):
        fonts.append(route.request.url)
        time.sleep(0.5)  # long after the first paint, in the fonts that stand in
        route.continue_()

    tab = open_tab("about:blank", width=width, height=800, settle=False)
    tab.page.route("**/fonts/source-*", late)
    tab.page.goto(f"{address}/{docname}.html")
    tab.page.evaluate("document.fonts.ready")
    tab.page.wait_for_timeout(150)
    assert fonts
    assert tab.page.evaluate("document.fonts.check('18px \"Source Serif 4\"')")
    assert sum(tab.shifts()) <= SHIFT
