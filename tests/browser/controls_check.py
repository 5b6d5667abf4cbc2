"""Every control of every widget, moved by mouse and by keyboard in the built pages.

A control passes when what the widget shows changes: its picture, its read-out, or its reply to a
guess. A control that is switched off at the moment is tried again after the others have moved.
"""

import pytest
from browser_site import pages_with

CONTROLS = (
    "input:not([type=hidden]), select, button, textarea, "
    "[role=slider][tabindex], [role=gridcell][tabindex], [role=button][tabindex], [role=option]"
)
SHOWN = """(root) => {
  const parts = [...root.querySelectorAll(
    '.iml-stage, [data-readout], .iml-verdict, .iml-problem, .iml-legend, table, .iml-footer')];
  const fields = [...root.querySelectorAll('.iml-stage input')].map((i) => i.value);
  const canvases = [...root.querySelectorAll('canvas')].map((c) => c.toDataURL());
  return JSON.stringify([parts.map((p) => p.innerHTML), fields, canvases, location.hash]);
}"""
DESCRIBE = """(node) => [node.tagName.toLowerCase(), node.type ?? node.getAttribute('role') ?? '',
  node.getAttribute('aria-label') ?? node.labels?.[0]?.textContent ?? node.textContent.trim()
].join(' ')"""


def is_off(control):
    return control.get_attribute("aria-disabled") == "true" or control.is_disabled()


def by_mouse(page, control):
    kind = control.evaluate("(n) => n.type ?? n.getAttribute('role') ?? ''")
    box = control.bounding_box()
    if kind == "range":
        for share in (0.2, 0.8):
            page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
            yield
    elif kind in ("radio", "checkbox"):
        label = page.locator(f"label[for='{control.get_attribute('id')}']")
        (label if label.count() else control).first.click()
        yield
    elif kind == "select-one":
        for index in range(control.evaluate("(n) => n.options.length")):
            control.select_option(index=index)
            yield
    elif kind == "number":
        control.click()
        for value in (
            control.get_attribute("min") or "1",
            control.get_attribute("max") or "2",
            "3",
        ):
            control.fill(value)
            control.press("Tab")
            yield
    elif kind in ("text", "textarea"):
        control.click()
        control.fill("a dog sat")
        control.press("Enter")
        yield
    elif kind == "slider":
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for dx, dy in ((25, -18), (-40, 30)):
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + dx, y + dy, steps=3)
            page.mouse.up()
            yield
    else:
        control.click()
        yield
        page.wait_for_timeout(700)
        yield


def by_keyboard(page, control):
    kind = control.evaluate("(n) => n.type ?? n.getAttribute('role') ?? ''")
    control.focus()
    keys = {
        "range": ["Home", "End", "ArrowLeft"],
        "slider": ["ArrowRight", "ArrowUp", "ArrowLeft", "Home", "End"],
        "radio": [" ", "ArrowRight", "ArrowLeft"],
        "checkbox": [" "],
        "select-one": ["ArrowDown", "ArrowUp"],
        "number": ["ArrowUp", "Enter", "ArrowDown", "Enter"],
        "gridcell": ["ArrowRight", "ArrowDown", "Enter", "1", "Enter"],
        "option": ["Enter", "ArrowRight"],
    }.get(kind, ["Enter"])
    for key in keys:
        page.keyboard.press(key)
        yield
    if keys == ["Enter"]:
        page.wait_for_timeout(700)
        yield


def changes(root, control, act):
    before = root.evaluate(SHOWN)
    return any(root.evaluate(SHOWN) != before for _ in act(root.page, control))


def controls_of(root):
    """Handles of the controls that can be seen; a radio button of a strip shows as its label."""
    found = root.evaluate_handle(
        "(root, controls) => [...root.querySelectorAll(controls)].filter((n) =>"
        " (n.checkVisibility() && n.getBoundingClientRect().width > 0)"
        " || (n.type === 'radio' && n.labels.length))",
        CONTROLS,
    )
    return [entry.as_element() for entry in found.get_properties().values()]


RESET = """(root) => {
  const button = [...root.querySelectorAll('.iml-footer button')]
    .find((b) => b.textContent === 'Reset' && b.getAttribute('aria-disabled') !== 'true');
  button?.click();
}"""


def idle(control):
    """Switched off at the moment, or a radio button that is chosen already."""
    return is_off(control) or (
        control.get_attribute("type") == "radio" and control.evaluate("(n) => n.checked")
    )


def ready_control(root, index, act):
    """The control at `index` in the widget's first state; if idle, its neighbours are moved."""
    root.evaluate(RESET)
    controls = controls_of(root)
    count = len(controls)
    # The ones before it first: the last button of all puts the setting into the address.
    for near in (-1, -2, -3, -4, -5, 1, 2, 3, 4, 5):
        control = controls_of(root)[index]
        if not idle(control):
            return control
        other = controls_of(root)[(index + near) % count]
        if not idle(other):
            for _ in act(root.page, other):
                pass
    return None


@pytest.mark.parametrize("act", [by_mouse, by_keyboard])
@pytest.mark.parametrize("docname", pages_with("widget-states"))
def test_every_control_changes_what_is_shown(docname, act, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html", height=1000)
    silent = []
    for root in tab.page.locator("[data-widget]").all():
        root.scroll_into_view_if_needed()
        for index in range(len(controls_of(root))):
            control = ready_control(root, index, act)
            if control is None or not changes(root, control, act):
                silent.append(controls_of(root)[index].evaluate(DESCRIBE))
    assert silent == []
    assert tab.problems == []
