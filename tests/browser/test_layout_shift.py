"""Nothing that a reader has begun to read moves away: not when the fonts come, nor the widgets."""

import time

import pytest
from browser_site import DOCNAMES

SHIFT = 0.05
"""Half of what counts as good: https://web.dev/articles/cls."""
WATCH = """
globalThis.shifts = [];
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) if (!shift.hadRecentInput) shifts.push(shift.value);
}).observe({ type: "layout-shift", buffered: true });
"""


OPENINGS = [name for name in DOCNAMES if name.startswith("chapters/") or name == "book/index"]


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("docname", OPENINGS)
def test_late_fonts_move_nothing(docname, width, address, chromium):
    def late(route):
        time.sleep(0.5)  # long after the first paint, in the fonts that stand in
        route.continue_()

    page = chromium.new_page(viewport={"width": width, "height": 800})
    try:
        page.add_init_script(WATCH)
        page.route("**/fonts/source-*", late)
        page.goto(f"{address}/{docname}.html")
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(150)
        assert page.evaluate("document.fonts.check('18px \"Source Serif 4\"')")
        shifts = page.evaluate("globalThis.shifts")
    finally:
        page.close()
    assert sum(shifts) <= SHIFT, shifts
