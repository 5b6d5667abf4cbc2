"""Pages as authors of other books write them: nothing is wider than a phone or lost in the dark."""

import shutil
import subprocess
import sys

import pytest
from browser_site import Tab

from introml.book.paths import ROOT

FRONT = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3, display_name: Python 3}
---

# A page

"""
WIDE = """
```{code-cell} ipython3
from IPython.display import HTML

cells = "".join(f"<td>{i}.123456</td>" for i in range(25))
HTML(f"<table class='dataframe'><tr>{cells}</tr></table>")
```

```{code-cell} ipython3
style = "<style>#T_a td {background-color: #ffffcc}</style>"
HTML(f"{style}<table id='T_a'><tr><td>styled</td></tr></table>")
```

```{code-cell} ipython3
video = "<video width='700' height='300' controls></video>"
HTML(f"{video}<iframe width='700' srcdoc='inside'></iframe>")
```

```{code-cell} ipython3
:tags: [scroll-output]

for i in range(60):
    print("line", i)
```

```{code-cell} ipython3
:tags: [hide-output]

print("hidden at first")
```

```{code-cell} ipython3
:tags: [hide-cell]

print("hidden with its code")
```

```{code-cell} ipython3
:tags: [full-width]

print("wide " * 40)
```

```{code-cell} ipython3
:tags: [margin]

print("beside")
```

![a wide picture](wide.svg)

| a | b | c |
|---|---|---|
| `a_name_that_cannot_be_broken_anywhere` | `another_name_that_cannot_be_broken` | x |
"""
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="300">'
    '<rect width="900" height="300" fill="gray"/></svg>'
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The built page's address on disk."""
    root = tmp_path_factory.mktemp("book")
    (root / "book").mkdir()
    shutil.copy(ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text("format: jb-book\nroot: intro\nchapters:\n- file: part/wide\n")
    (root / "book" / "references.bib").touch()
    (root / "intro.md").write_text("# Another book\n\nIts first page.\n")
    (root / "part").mkdir()
    (root / "part" / "wide.md").write_text(FRONT + WIDE)
    (root / "part" / "wide.svg").write_text(PICTURE)
    # In a process of its own: Playwright's loop is running in this one.
    subprocess.run([sys.executable, "-m", "introml.site", "build", "--book", root], check=True)
    return (root / "_build" / "html" / "part" / "wide.html").as_uri()


@pytest.fixture(params=[(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")])
def tab(request, page, chromium):
    width, scheme = request.param
    tab = Tab(chromium)
    tab.open(page, width=width, scheme=scheme)
    yield tab
    tab.context.close()


def test_the_page_does_not_scroll_sideways(tab):
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.problems == []


def test_what_is_too_wide_shrinks_or_scrolls_in_its_own_box(tab):
    shown = "(nodes) => nodes.map((n) => n.getBoundingClientRect().right)"
    for name in ("img", "video", "iframe"):
        rights = tab.page.locator(f"article {name}").evaluate_all(shown)
        assert rights
        assert all(right <= tab.page.viewport_size["width"] for right in rights), name
    box = tab.page.locator(".output.text_html", has=tab.page.locator(".dataframe"))
    assert box.evaluate("(n) => n.scrollWidth > n.clientWidth")
    assert box.evaluate("(n) => { n.scrollLeft = 50; return n.scrollLeft; }") == 50


def test_a_picture_keeps_its_proportions(tab):
    width, height = tab.page.locator("article img").evaluate(
        "(n) => [n.getBoundingClientRect().width, n.getBoundingClientRect().height]"
    )
    assert width / height == pytest.approx(3, rel=0.02)


def test_a_long_output_scrolls_in_a_box_that_keys_reach(tab):
    box = tab.page.locator(".cell.tag_scroll-output > .cell_output")
    assert box.evaluate("(n) => n.clientHeight < 500 && n.scrollHeight > 1000")
    box.focus()
    tab.page.keyboard.press("End")
    tab.page.wait_for_function("(n) => n.scrollTop > 500", arg=box.element_handle())


def test_what_a_cell_hides_is_named(tab):
    shown = tab.page.locator("details.hide > summary .collapsed")
    assert [text.strip() for text in shown.all_inner_texts()] == [
        "Show the output", "Show the code and its output",
    ]  # fmt: skip


def test_a_full_width_cell_and_one_in_the_margin_use_the_room_that_there_is(tab):
    wide, beside, column = (
        tab.page.locator(name).first.bounding_box()
        for name in (".cell.tag_full-width", ".cell.tag_margin", "article > section > .cell")
    )
    if tab.page.viewport_size["width"] > 1000:
        assert wide["width"] > 1.2 * column["width"]
        assert beside["x"] > column["x"] + column["width"]
    else:
        assert wide["width"] <= column["width"] + 1
        assert beside["x"] == pytest.approx(column["x"], abs=2)


def test_a_styled_table_is_readable(tab):
    ink, paper = tab.page.locator("#T_a td").evaluate(
        "(n) => [getComputedStyle(n).color, getComputedStyle(n).backgroundColor]"
    )
    assert contrast(ink, paper) >= 7


def contrast(*colors):
    """WCAG's ratio of two colours that a browser computed, rgb(r, g, b)."""
    shades = sorted(luminance(color) for color in colors)
    return (shades[1] + 0.05) / (shades[0] + 0.05)


def luminance(color):
    parts = [int(part) / 255 for part in color.strip("rgba()").split(",")[:3]]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
