"""Measures the site against its bars and writes the table to _build/bench.md. Run by `make bench`.

Times are medians (or the quantile named) on this machine, in one run; they are quoted, not tested.
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from browser_site import DOCNAMES, FLAGS, HTML, chromium_path, pages_with  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from introml.site.execute import usable_cores  # noqa: E402
from introml.site.serve import open_server  # noqa: E402

BUILD = ROOT / "_build"
#: Moves each slider of a widget through 40 values, times handler and forced layout together.
EVENTS = """(root) => {
  const times = [];
  for (const input of root.querySelectorAll('input[type=range]')) {
    const [low, high] = [Number(input.min), Number(input.max)];
    for (let i = 0; i < 40; i += 1) {
      input.value = String(low + ((high - low) * ((i * 17) % 40)) / 39);
      const start = performance.now();
      input.dispatchEvent(new Event('input', { bubbles: true }));
      document.documentElement.getBoundingClientRect();
      root.getBoundingClientRect();
      times.push(performance.now() - start);
    }
  }
  return times;
}"""


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def build_seconds() -> float:
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "introml.site", "build"], cwd=ROOT, check=True, capture_output=True
    )
    return time.monotonic() - began


def wire_bytes(address: str, url: str) -> int:
    path = HTML / url.removeprefix(address).lstrip("/").partition("?")[0]
    content = path.read_bytes()
    return len(content) if path.suffix in (".woff2", ".png") else len(gzip.compress(content, 9))


def measure_pages(address: str, browser) -> list[tuple[str, str, str]]:
    first, second, ready, handling, requests, errors = {}, {}, {}, {}, 0, 0
    for name in DOCNAMES:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        urls: list[str] = []
        page.on("request", lambda request, urls=urls: urls.append(request.url))
        problems: list[str] = []
        page.on("console", lambda m, p=problems: m.type == "error" and p.append(m.text))
        page.on("pageerror", lambda e, p=problems: p.append(str(e)))
        page.goto(f"{address}/{name}.html")
        page.wait_for_timeout(600)
        eager = {u for u in urls if "_static/data/" not in u and "plotly.js" not in u}
        requests += sum(not u.startswith((address, "data:", "blob:")) for u in urls)
        errors += len(problems)
        local = {u for u in eager if u.startswith(address)}
        first[name] = sum(wire_bytes(address, u) for u in local)
        urls.clear()
        other = DOCNAMES[(DOCNAMES.index(name) + 1) % len(DOCNAMES)]
        page.goto(f"{address}/{other}.html")
        page.wait_for_timeout(300)
        more = {u for u in urls if "_static/data/" not in u and "plotly.js" not in u} - local
        second[other] = sum(wire_bytes(address, u) for u in more if u.startswith(address))
        context.close()
    for name in pages_with("widget-states"):
        samples, times = [], []
        for _ in range(5):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            session = context.new_cdp_session(page)
            session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            page.goto(f"{address}/{name}.html")
            page.wait_for_selector("[data-widget][data-ready=true]")
            page.wait_for_timeout(100)
            samples.append(
                page.evaluate(
                    "Math.max(...performance.getEntriesByType('mark')"
                    ".filter((m) => m.name.startsWith('widget-ready')).map((m) => m.startTime))"
                )
            )
            session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
            if not times:
                for root in page.locator("[data-widget]").all():
                    times += root.evaluate(EVENTS)
            context.close()
        ready[name] = statistics.median(samples)
        if times:
            handling[name] = quantile(times, 0.95)

    def worst(values: dict[str, float], digits: int = 0) -> str:
        name = max(values, key=values.get)
        return f"{values[name]:,.{digits}f} ({name.rpartition('/')[2]})"

    return [
        ("requests to other hosts", "0", str(requests)),
        ("console errors", "0", str(errors)),
        ("first load, worst page, bytes gz", "200,000", worst(first)),
        ("second page, worst, bytes gz more", "60,000", worst(second)),
        ("widget ready at 4× throttling, worst page, ms", "1,000", worst(ready)),
        ("input event with layout, p95, worst page, ms", "16", worst(handling, 1)),
    ]


def measure_files() -> list[tuple[str, str, str]]:
    data = [len(gzip.compress(path.read_bytes(), 9)) for path in HTML.glob("_static/data/*.js")]
    plotly = len(gzip.compress((HTML / "_static" / "plotly.js").read_bytes(), 9))
    return [
        ("largest recording or model, bytes gz", "150,000", f"{max(data, default=0):,}"),
        ("plotly, bytes gz", "600,000", f"{plotly:,}"),
    ]


def measure_builds() -> list[tuple[str, str, str]]:
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


def main() -> None:
    server = open_server(8950)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        rows = measure_pages(address, browser)
        browser.close()
    server.shutdown()
    rows += measure_files()
    rows += measure_builds()
    table = ["| what | bar | measured |", "|---|---|---|"]
    table += [f"| {what} | ≤ {bar} | {value} |" for what, bar, value in rows]
    (BUILD / "bench.md").write_text("\n".join(table) + "\n", encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
