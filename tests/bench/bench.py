"""Measures the site against its bars and writes the table to _build/bench.md. Run by `make bench`.

`bench.py pages files builds` measures these parts, as it does without arguments; `weight` is of the
pages only what they fetch, `scale` and `scale-tests` are of a book six times as large. Times are
medians (or the quantile named) of one run on the machine that the table names: quoted, not tested.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tests" / "bench")]

from browser_site import DOCNAMES, FLAGS, HTML, chromium_path, pages_with  # noqa: E402
from machine import machine  # noqa: E402
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright  # noqa: E402
from test_weight import HAS_ALL, SHARED  # noqa: E402

from introml.site.execute import usable_cores  # noqa: E402
from introml.site.serve import open_server  # noqa: E402

BUILD = ROOT / "_build"
#: A row of the table: what was measured, the bar, the result.
Row = tuple[str, str, str]
#: Times the handling of an event together with the layout that it makes due, in milliseconds.
EVENTS = """(root) => {
  // A made-up pointer cannot be captured.
  Element.prototype.setPointerCapture = () => {};
  const times = {};
  const visible = (node) => node.checkVisibility() && node.getBoundingClientRect().width > 0;
  const all = (selector) => [...root.querySelectorAll(selector)].filter(visible);
  function send(kind, node, event) {
    const start = performance.now();
    node.dispatchEvent(event);
    document.documentElement.getBoundingClientRect();
    root.getBoundingClientRect();
    times[kind] ??= [];
    times[kind].push(performance.now() - start);
  }
  const bubbling = { bubbles: true, cancelable: true };
  const key = (name) => new KeyboardEvent('keydown', { key: name, ...bubbling });
  const pointer = (type, x, y) => new PointerEvent(type,
    { clientX: x, clientY: y, pointerId: 1, button: 0, isPrimary: true, ...bubbling });
  const reset = () => [...root.querySelectorAll('.iml-footer button')]
    .find((button) => button.textContent === 'Reset')?.click();
  const middle = (node) => {
    const box = node.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };

  for (const input of all('input[type=range]')) {
    const [low, high] = [Number(input.min), Number(input.max)];
    for (let i = 0; i < 40; i += 1) {
      input.value = String(low + ((high - low) * ((i * 17) % 40)) / 39);
      send('slider', input, new Event('input', bubbling));
    }
    reset();
  }
  for (const node of [...all('[role=slider]'), ...all('[role=application]')].slice(0, 3)) {
    const [x, y] = middle(node);
    send('drag', node, pointer('pointerdown', x, y));
    for (let i = 0; i < 40; i += 1) {
      send('drag', node, pointer('pointermove', x + 30 * Math.sin(i), y + 30 * Math.cos(i)));
    }
    send('drag', node, pointer('pointerup', x, y));
    reset();
  }
  for (const button of all('.iml-steps button').filter((b) => !b.classList.contains('iml-play'))) {
    for (let i = 0; i < 5; i += 1) send('step', button, new MouseEvent('click', bubbling));
    reset();
  }
  for (const input of all('input[type=radio], input[type=checkbox]')) {
    const start = performance.now();
    input.click();
    document.documentElement.getBoundingClientRect();
    root.getBoundingClientRect();
    (times.choice ??= []).push(performance.now() - start);
  }
  reset();
  for (const input of all('.iml-stage input[type=number]')) {
    for (const value of ['1.5', '-2', '3']) {
      input.value = value;
      send('cell', input, new Event('input', bubbling));
    }
  }
  for (const cell of all('[role=grid][aria-readonly=false] [role=gridcell]')) {
    cell.focus();
    send('cell', cell, key('5'));
    const editor = root.querySelector('input[type=text]');
    send('cell', editor, key('Enter'));
  }
  reset();
  for (const cell of all('[role=grid]:not([aria-readonly=false]) [role=gridcell], [role=option]')) {
    send('cell', cell, new MouseEvent('click', bubbling));
  }
  reset();
  return times;
}"""
KINDS = {
    "slider": "slider moved",
    "drag": "handle or pen dragged",
    "step": "step button",
    "choice": "radio button or switch",
    "cell": "cell edited or chosen",
}


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def wire_bytes(address: str, url: str) -> int:
    path = HTML / url.removeprefix(address).lstrip("/").partition("?")[0]
    content = path.read_bytes()
    return len(content) if path.suffix in (".woff2", ".png") else len(gzip.compress(content, 9))


def worst(values: dict[str, float]) -> str:
    name = max(values, key=values.get)
    return f"{values[name]:,.0f} ({name.rpartition('/')[2]})"


def measure_weight(address: str, browser: Browser) -> list[Row]:
    """What pages fetch at the first visit and at the second, and what they should not."""
    first, second, elsewhere, errors = {}, {}, 0, 0
    for name in DOCNAMES:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        urls: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request, urls=urls: urls.append(request.url))
        page.on("console", lambda m, p=problems: m.type == "error" and p.append(m.text))
        page.on("pageerror", lambda e, p=problems: p.append(str(e)))

        def fetched(url: str, urls: list[str] = urls, page: Page = page) -> set[str]:
            urls.clear()
            page.goto(f"{address}/{url}.html", wait_until="networkidle")
            # What a page fetches ahead for the next one, once it is idle, counts too.
            page.wait_for_function(HAS_ALL, arg=SHARED)
            # Recordings and plotly come after the page stands; they have rows of their own.
            return {u for u in urls if "_static/data/" not in u and "plotly.js" not in u}

        local = {u for u in fetched(name) if u.startswith(address)}
        first[name] = sum(wire_bytes(address, u) for u in local)
        elsewhere += sum(not u.startswith((address, "data:", "blob:")) for u in urls)
        errors += len(problems)
        other = DOCNAMES[(DOCNAMES.index(name) + 1) % len(DOCNAMES)]
        more = {u for u in fetched(other) if u.startswith(address)} - local
        second[other] = sum(wire_bytes(address, u) for u in more)
        context.close()
    return [
        ("requests to other hosts", "0", str(elsewhere)),
        ("console errors", "0", str(errors)),
        ("first load, worst page, bytes gz", "200,000", worst(first)),
        ("second page, worst, bytes gz more", "60,000", worst(second)),
    ]


def ready_at(page: Page) -> float:
    page.wait_for_selector("[data-widget][data-ready=true]")
    page.wait_for_timeout(100)
    return page.evaluate(
        "Math.max(...performance.getEntriesByType('mark')"
        ".filter((m) => m.name.startsWith('widget-ready')).map((m) => m.startTime))"
    )


@contextmanager
def busy_core() -> Iterator[None]:
    """Another process that computes all the while."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        other.kill()
        other.wait()


@contextmanager
def slow_page(browser: Browser, url: str) -> Iterator[tuple[Page, CDPSession, float]]:
    """A page on a processor four times as slow, and when the last of its widgets was ready."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(url)
    yield page, session, ready_at(page)
    context.close()


def ready_beside_another(browser: Browser, url: str) -> list[float]:
    """When a page's widgets are ready while another process keeps a core busy, five times."""
    samples = []
    with busy_core():
        for _ in range(5):
            with slow_page(browser, url) as (_, _, ready):
                samples.append(ready)
    return samples


def measure_widgets(address: str, browser: Browser) -> list[Row]:
    """When each page's widgets are ready on a slow processor, and how long they handle an event."""
    rows = []
    for name in pages_with("widget-states"):
        samples, times = [], {}
        for _ in range(5):
            with slow_page(browser, f"{address}/{name}.html") as (page, session, ready):
                samples.append(ready)
                session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
                for root in page.locator("[data-widget]").all():
                    for kind, measured in root.evaluate(EVENTS).items():
                        times.setdefault(kind, []).extend(measured)
        beside = ready_beside_another(browser, f"{address}/{name}.html")
        of = " + ".join(page_widgets(name))
        short = name.rpartition("/")[2]
        label = f"{of} ({short})"
        for when, found in (("", samples), (", another process at work", beside)):
            what = f"{label}: ready at 4× throttling{when}, ms"
            rows.append((what, "1,000", f"{statistics.median(found):,.0f}"))
        rows += [
            (
                f"{label}: {KINDS[kind]}, with layout, p95 of {len(measured)}, ms",
                "16",
                f"{quantile(measured, 0.95):.1f}",
            )
            for kind, measured in times.items()
        ]
    return rows


def page_widgets(docname: str) -> list[str]:
    """The classes of the widgets on a page."""
    text = (HTML / f"{docname}.html").read_text(encoding="utf-8")
    states = text.partition('id="widget-states"')[2].partition(">")[2].partition("</script>")[0]
    return sorted({entry["name"] for entry in json.loads(states).values()})


def in_browser(*measures: Callable[[str, Browser], list[Row]]) -> list[Row]:
    """What the measures find, of the site over http in a browser."""
    server = open_server(8950)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        rows = [row for measure in measures for row in measure(address, browser)]
        browser.close()
    server.shutdown()
    return rows


def measure_pages() -> list[Row]:
    return in_browser(measure_weight, measure_widgets)


def measure_files() -> list[Row]:
    data = [len(gzip.compress(path.read_bytes(), 9)) for path in HTML.glob("_static/data/*.js")]
    plotly = len(gzip.compress((HTML / "_static" / "plotly.js").read_bytes(), 9))
    return [
        ("largest recording or model, bytes gz", "150,000", f"{max(data, default=0):,}"),
        ("plotly, bytes gz", "600,000", f"{plotly:,}"),
    ]


def build_seconds() -> float:
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "introml.site", "build"], cwd=ROOT, check=True, capture_output=True
    )
    return time.monotonic() - began


def measure_builds() -> list[Row]:
    build_seconds()
    nothing = statistics.median(build_seconds() for _ in range(3))
    page = ROOT / "chapters" / "ml-basics" / "gradient-descent.md"
    text = page.read_text(encoding="utf-8")
    prose = []
    try:
        for count in range(3):
            page.write_text(f"{text}\nOne more sentence, number {count}.\n", encoding="utf-8")
            prose.append(build_seconds())
    finally:
        page.write_text(text, encoding="utf-8")
        build_seconds()
    kept = BUILD.with_name("_build.kept")
    shutil.move(BUILD, kept)
    try:
        cold = build_seconds()
        pages = json.loads((BUILD / "cache" / "pages.json").read_text())["pages"]
    finally:
        shutil.rmtree(BUILD, ignore_errors=True)
        shutil.move(kept, BUILD)
    seconds = [entry["seconds"] for entry in pages.values()]
    cells = sum(sum(entry["cell_seconds"]) for entry in pages.values())
    beyond = cold - cells / usable_cores()
    return [
        ("rebuild, nothing changed, s", "3", f"{nothing:.1f}"),
        ("rebuild, prose of one page changed, s", "5", f"{statistics.median(prose):.1f}"),
        ("execution of the slowest page, s", "30", f"{max(seconds):.0f}"),
        ("execution of the median page, s", "10", f"{statistics.median(seconds):.1f}"),
        (
            f"cold build beyond the cells' time over {usable_cores()} cores, s",
            f"{30 + 1.5 * len(DOCNAMES):.0f}",
            f"{beyond:.0f} (of {cold:.0f})",
        ),
    ]


def of_the_large_book(name: str) -> Callable[[], list[Row]]:
    return lambda: getattr(import_module("scale"), name)()


PARTS = {"pages": measure_pages, "files": measure_files, "builds": measure_builds}
#: Measured when they are asked for.
MORE = {
    "weight": lambda: in_browser(measure_weight),
    "scale": of_the_large_book("measure_scale"),
    "scale-tests": of_the_large_book("measure_scale_tests"),
}


def main() -> None:
    known = PARTS | MORE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(known)}")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - set(known):
        parser.error(f"{', '.join(sorted(unknown))} is no part; the parts are {', '.join(known)}")
    head = machine()
    rows = [row for part in chosen for row in known[part]()]
    table = [f"{head}.", "", "| what | bar | measured |", "|---|---|---|"]
    table += [f"| {what} | ≤ {bar} | {value} |" for what, bar, value in rows]
    (BUILD / "bench.md").write_text("\n".join(table) + "\n", encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
