"""Every control of every widget, moved by mouse and by keyboard in the built pages.

After a move, something that the widget shows must change: its picture, its read-out, a sentence
beside its controls, or, for the link, the address. What a control says of itself (its value, its
label, its focus) does not count. A control that is out of sight, switched off or chosen already is
first brought to life, by moving its neighbours; one that is alive must not be idle.
"""

import pytest
from browser_site import AXE, axe_findings, pages_with
from playwright.sync_api import TimeoutError as PlaywrightTimeout

PAGES = pages_with("widget-states")
ROOT = "[data-widget]"
IN_PAGE = """
globalThis.controlTest = {
  controls: 'input, select, button, textarea, [role=slider], [role=application], ' +
    '[role=gridcell], [role=option], svg[style*=cursor]',
  list: (root) => [...root.querySelectorAll(controlTest.controls)],
  /** 2: can be moved. 1: is seen, but off or chosen already. 0: out of sight. */
  life(node) {
    const hidden = node.type === 'radio' && node.labels.length > 0 ? node.labels[0] : node;
    const box = hidden.getBoundingClientRect();
    if (!hidden.checkVisibility() || box.width === 0 || box.height === 0) return 0;
    const off = node.matches(':disabled') || node.getAttribute('aria-disabled') === 'true';
    // The chosen one of a grid or list is where the keyboard starts.
    const chosen = node.type === 'radio' ? node.checked
      : node.getAttribute('aria-pressed') === 'true' ||
        (!controlTest.keyboard && node.getAttribute('aria-selected') === 'true');
    return off || chosen ? 1 : 2;
  },
  shown(root) {
    const copy = root.cloneNode(true);
    for (const own of copy.querySelectorAll('input, select, button, .iml-hidden')) own.remove();
    const parts = [...copy.querySelectorAll('.iml-stage, p')].map((part) => part.outerHTML);
    return location.hash + parts.join('').replace(/ (tabindex|aria-[a-z]+)="[^"]*"/g, '');
  },
  /** Whether what is shown has changed since it was last remembered; if so, it is remembered. */
  hasChanged(root) {
    const [before, now] = [controlTest.before, controlTest.shown(root)];
    controlTest.before = now;
    return now !== before;
  },
  kind(node) {
    const kind = node.type ?? node.getAttribute('role') ?? 'picture';
    const grid = node.closest('[role=grid]');
    return kind === 'gridcell' && grid.getAttribute('aria-readonly') === 'false' ? 'cell'
      : kind === 'img' || kind === 'group' ? 'picture' : kind;
  },
  /** By keyboard, one cell of a grid leads to the others; a bare picture is for the pointer. */
  reached: (node) => !controlTest.keyboard || (controlTest.kind(node) !== 'picture' &&
    node.getAttribute('tabindex') !== '-1'),
  reachable(root) {
    const reached = (node, index) => controlTest.reached(node) ? [index] : [];
    return controlTest.list(root).flatMap(reached);
  },
  /** The other controls, those first that switch something, then the nearest. */
  neighbours(root, index) {
    const nodes = controlTest.list(root);
    const switches = ['radio', 'checkbox', 'select-one', 'button'];
    const rank = (i) => (switches.includes(nodes[i].type) ? 0 : 1000) + Math.abs(i - index);
    return controlTest.reachable(root).filter((i) => i !== index).sort((a, b) => rank(a) - rank(b));
  },
  describe: (node) => [node.tagName.toLowerCase(), node.type ?? node.getAttribute('role') ?? '',
    node.getAttribute('aria-label') ?? node.labels?.[0]?.textContent ?? node.textContent.trim(),
    node.type === 'radio' ? node.closest('fieldset')?.querySelector('legend')?.textContent : '',
  ].join(' ').slice(0, 120),
  reset(root) {
    history.replaceState(null, '', '#');
    for (const button of root.querySelectorAll('button')) {
      if (button.textContent === 'Pause') button.click();
    }
    for (const folded of root.querySelectorAll('details')) folded.open = true;
    const buttons = [...root.querySelectorAll('.iml-footer button')];
    buttons.find((button) => button.textContent === 'Reset')?.click();
    document.activeElement?.blur();
  },
  /** All that is asked before a control is moved; a call costs more than its answer. */
  begin(root, index) {
    controlTest.reset(root);
    controlTest.hasChanged(root);
    const nodes = controlTest.list(root);
    return [nodes.map(controlTest.life), controlTest.describe(nodes[index])];
  },
};
"""


class Control:
    """A control, with a real mouse and a real keyboard."""

    def __init__(self, node, page):
        self.node, self.page = node, page
        self.kind = node.evaluate("(n) => controlTest.kind(n)")

    def ask(self, script):
        return self.node.evaluate(f"(n) => {script}")

    def click(self, right=0.5, down=0.5):
        """Press at this share of its width and height, or of its label's."""
        target = self.node
        if self.kind in ("radio", "checkbox"):
            target = self.node.evaluate_handle("(n) => n.labels[0] ?? n").as_element()
        box = target.bounding_box()
        self.page.mouse.click(box["x"] + right * box["width"], box["y"] + down * box["height"])
        # What is only shown under the pointer does not count.
        self.page.mouse.move(0, 0)

    def drag(self, *ways):
        box = self.node.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        try:
            for dx, dy in ways:
                self.page.mouse.move(x + dx, y + dy, steps=2)
                yield
        finally:
            self.page.mouse.up()
            self.page.mouse.move(0, 0)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text, then="Enter"):
        """Into the field that has the focus, over what is there."""
        self.press("Control+A")
        self.page.keyboard.type(text)
        self.press(then)


# These move a control again and again. After each move they yield whether what is shown must have
# changed: a first move may lead to where the control stands already.


def by_mouse(control):
    kind = control.kind
    if kind == "range":
        for share in (0.2, 0.8):
            control.click(right=share)
            yield share == 0.8
    elif kind == "checkbox":
        for _ in range(2):
            control.click()
            yield True
    elif kind == "select-one":
        others = control.ask(
            "[...n.options].flatMap((o, i) => o.disabled || o.selected ? [] : [i])"
        )
        for index in others:
            control.node.select_option(index=index)
            yield True
    elif kind == "number":
        for end in ("min", "max"):
            control.click()
            control.write(control.node.get_attribute(end), then="Tab")
            yield end == "max"
    elif kind in ("text", "cell"):
        control.click()
        control.write("0.125")
        yield True
    elif kind in ("slider", "application"):
        for _ in control.drag((25, -18), (-40, 30)):
            yield True
    elif kind == "picture":
        control.click(right=0.7, down=0.3)
        yield True
    else:
        control.click()
        yield True


KEYS = {
    "slider": ["ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "End", "Home"],
    "gridcell": ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "End", "Home"],
    "option": ["ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "End", "Home"],
    "checkbox": [" ", " "],
    "radio": [" ", "ArrowRight", "ArrowLeft"],
    # The cursor moves, the pen goes down and draws.
    "application": ["ArrowDown", " ", "ArrowRight"],
}


def by_keyboard(control):
    kind = control.kind
    control.ask("n.focus()")
    if kind == "range":
        for key in ("Home", "End", "Home"):
            control.press(key)
            yield key == "End"
        # One step of a fine slider may be less than a pixel and a digit.
        control.press("ArrowRight", "ArrowRight", "ArrowRight")
        yield True
    elif kind == "number":
        control.press("ArrowDown" if control.ask("n.value === n.max") else "ArrowUp", "Tab")
        yield True
    elif kind == "text":
        control.write("0.125")
        yield True
    elif kind == "select-one":
        first = control.ask("[...n.options].findLastIndex((o) => !o.disabled) > n.selectedIndex")
        for key in ("ArrowDown", "ArrowUp") if first else ("ArrowUp", "ArrowDown"):
            control.press(key)
            yield True
    elif kind == "cell":
        # Every cell of the grid, row by row.
        rows, columns = control.ask(
            "((rows) => [rows.length, rows[0].children.length])"
            "(n.closest('[role=grid]').querySelectorAll('[role=row]'))"
        )
        control.press("Control+Home")
        for _ in range(rows):
            for _ in range(columns):
                control.page.keyboard.type("0.125")
                control.press("Enter")
                yield True
                control.press("ArrowRight")
            control.press("ArrowDown", "Home")
    else:
        if kind in ("gridcell", "option"):
            control.press("Control+Home")
            yield False
        for key in KEYS.get(kind, ["Enter"]):
            control.press(key)
            yield True


class Figure:
    """One widget of a page, whose controls are counted in the order of its HTML."""

    def __init__(self, root, act):
        self.root, self.page, self.act, self.helper = root.element_handle(), root.page, act, None

    def ask(self, script):
        return self.root.evaluate(f"(root) => {script}")

    def control(self, index):
        script = f"(root) => controlTest.list(root)[{index}]"
        return Control(self.root.evaluate_handle(script).as_element(), self.page)

    def lives(self):
        return self.ask("controlTest.list(root).map(controlTest.life)")

    def fault(self, index):
        """What is wrong with a control, or None."""
        lives, name = self.ask(f"controlTest.begin(root, {index})")
        if lives[index] != 2:
            if not self._enliven(index, lives):
                return f"never alive: {name}"
            self.ask("controlTest.hasChanged(root)")
        for due in self.act(self.control(index)):
            if not self.ask("controlTest.hasChanged(root)") and due and not self._changes_yet():
                return f"silent: {name}"
        return None

    def _changes_yet(self):
        """A player's next picture comes after its interval."""
        waited = "(root) => controlTest.hasChanged(root)"
        try:
            self.page.wait_for_function(waited, arg=self.root, timeout=2000)
        except PlaywrightTimeout:
            return False
        return True

    def _enliven(self, index, lives):
        """Bring a control to life by moving others, at most two, each a step nearer to life."""
        for _ in range(2):
            if lives[index] == 2:
                break
            lives = self._nearer_to_life(index, lives) or lives
        return lives[index] == 2

    def _nearer_to_life(self, index, lives):
        best = lives[index]
        near = self.ask(f"controlTest.neighbours(root, {index})")
        # What enlivened the last control often does so for the next one.
        for other in sorted(near, key=lambda i: i != self.helper):
            if other < len(lives) and lives[other] == 2:
                for _ in self.act(self.control(other)):
                    lives = self.lives()
                    if index < len(lives) and lives[index] > best:
                        self.helper = other
                        return lives
        return None


@pytest.mark.parametrize("act", [by_mouse, by_keyboard])
@pytest.mark.parametrize("docname", PAGES)
def test_every_control_changes_what_is_shown(docname, act, address, open_tab):
    # Tall enough for a whole widget, so that every control can be pressed without scrolling.
    tab = open_tab(f"{address}/{docname}.html", height=1700)
    tab.page.evaluate(IN_PAGE)
    tab.page.evaluate(f"controlTest.keyboard = {str(act is by_keyboard).lower()}")
    faults = []
    for root in tab.page.locator(ROOT).all():
        root.evaluate("(root) => root.scrollIntoView()")
        figure = Figure(root, act)
        reached = figure.ask("controlTest.reachable(root)")
        assert reached
        faults += filter(None, map(figure.fault, reached))
    assert not faults, "\n".join(faults)
    assert tab.problems == []
    if act is by_mouse:  # as a phone shows what the moves have left
        tab.page.set_viewport_size({"width": 360, "height": 900})
        tab.page.add_script_tag(path=str(AXE))
        tab.page.wait_for_timeout(100)
        assert axe_findings(tab, ROOT, "light") == []
