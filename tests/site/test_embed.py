"""Widgets in a static page: state without code, bulk in files, today's code, safe from any text."""

import hashlib
import json
import re
import shutil

import pytest

from introml.site import embed
from introml.site.build import BuildFailed, write_pages
from introml.site.embed import NEEDS_KERNEL, PageWidgets, kebab, widget_class
from introml.site.node import NodeLines
from introml.widgets import AttentionHeatmap, LineFit, base


@pytest.fixture(scope="module")
def page(book):
    return book.page("chapters/shown")


@pytest.fixture(scope="module")
def states(page):
    return json.loads(page.select_one("#widget-states").text)


def test_each_widget_has_a_place_named_by_its_class_and_counted(page, states):
    anchors = [host["data-anchor"] for host in page.select(".widget-host")]
    assert anchors == ["widget-line-fit", "widget-attention-heatmap", "widget-line-fit-2"]
    assert list(states) == anchors
    assert [states[anchor]["name"] for anchor in anchors] == [
        "LineFit",
        "AttentionHeatmap",
        "LineFit",
    ]


def test_the_state_is_what_the_cell_set_and_public_traits_only(states):
    assert states["widget-line-fit"]["state"]["slope"] == 0.75
    assert states["widget-line-fit-2"]["state"]["slope"] == -0.5
    assert set(states["widget-line-fit"]["state"]) == {
        "x", "y", "slope", "intercept", "lines", "squares", "absolute", "left_out", "marked",
    }  # fmt: skip
    assert not [name for entry in states.values() for name in entry["state"] if name[0] == "_"]


def test_the_bounds_of_the_traits_are_todays(states):
    assert states["widget-line-fit"]["forms"] == LineFit.forms()
    assert states["widget-line-fit"]["forms"]["marked"] == {"kind": "whole", "low": 1, "high": 30}


def test_the_page_holds_no_widget_code_and_no_widget_style(book):
    html = book.text("chapters/shown")
    assert "_esm" not in html
    assert "_css" not in html
    assert "defineWidget" not in html
    assert len(html) < 200_000


def test_bulky_traits_are_in_a_file_of_their_own_named_by_content(book, states):
    entry = states["widget-attention-heatmap"]
    assert "recording" not in entry["state"]
    key = entry["files"]["recording"]
    script = (book.html / "_static" / "data" / f"{key}.js").read_text(encoding="utf-8")
    body = re.fullmatch(r'introml\.provide\("' + key + r'",(.*)\);', script, re.DOTALL).group(1)
    assert json.loads(body)["provenance"]["model"] == "secretmodelname"
    assert key == hashlib.sha256(body.encode()).hexdigest()[:16]
    assert [path.name for path in (book.html / "_static" / "data").iterdir()] == [f"{key}.js"]


def test_the_page_says_what_is_in_the_file_only_where_the_cell_shows_it(page):
    for cell in page.select(".cell_input"):
        cell.clear()
    rest = [node for node in page.select("script") if "secretmodelname" in node.text]
    assert rest == []


def test_each_widget_has_a_still_picture(page):
    for host in page.select(".widget-host"):
        figure = host.select_one("figure.iml")
        assert figure["id"] == host["data-anchor"]
        assert figure.select_one("svg")
        assert figure.select_one("[data-readout]").text.strip()
        # The mark that tests and readers' scripts wait for comes only with the live widget.
        assert not figure.has_attr("data-ready")


def test_a_foreign_widget_says_that_it_needs_a_kernel(page):
    (note,) = page.select(".needs-kernel")
    assert "Open the notebook in JupyterLab" in note.text
    assert "jupyter-widgets" not in page.text


def test_hostile_text_in_traits_stays_text(page, states, hostile):
    assert states["widget-attention-heatmap"]["state"]["sentence"] == hostile
    assert not [script for script in page.select("script") if script.text.startswith("alert")]
    heat = page.select_one("#widget-attention-heatmap")
    assert not heat.select("script")
    assert hostile in heat.text


def test_the_page_loads_the_code_of_its_widgets_once_and_no_other(page):
    scripts = [script["src"] for script in page.select("script[src]")]
    versions = {
        name: hashlib.sha256((base.DIST / f"{name}.js").read_bytes()).hexdigest()[:8]
        for name in ("AttentionHeatmap", "LineFit")
    }
    assert [src for src in scripts if "/widgets/" in src] == [
        f"../_static/widgets/{name}.js?v={version}" for name, version in versions.items()
    ]
    order = [re.search(r"([\w-]+)\.js", src).group(1) for src in scripts]
    assert order.index("host") < order.index("kit") < order.index("LineFit")


def test_a_page_without_widgets_runs_none_of_it(book):
    html = book.text("intro")
    for word in ("widgets/", "widget-states"):
        assert word not in html
    assert not re.search(r"<script[^>]*(host|kit)\.js", html)


def test_a_page_without_widgets_names_what_the_next_one_may_need(book):
    ahead = re.search(r'<html[^>]* data-ahead="([^"]*)"', book.text("intro"))
    paths = [path.partition("?")[0] for path in ahead.group(1).split()]
    assert [path.rpartition("/")[2] for path in paths] == ["host.js", "kit.js"]


def test_the_code_of_every_bundle_is_copied_but_not_what_is_shared(book):
    copied = {path.name for path in (book.html / "_static" / "widgets").iterdir()}
    assert {"LineFit.js", "LineFit.css", "AttentionHeatmap.js"} <= copied
    assert not copied & {"kit.css", "kit.js"}
    assert not [name for name in copied if name.endswith((".mjs", ".notebook.css"))]


def test_a_changed_bundle_is_in_the_page_without_executing_it_again(book, tmp_path, monkeypatch):
    root = tmp_path / "book"
    shutil.copytree(book.root, root)
    page = root / "_build" / "html" / "chapters" / "shown.html"
    # In its new place once as it is, so that the bundle is all that changes.
    write_pages(root)
    written = page.stat().st_mtime_ns
    write_pages(root)
    assert page.stat().st_mtime_ns == written
    dist = tmp_path / "dist"
    shutil.copytree(base.DIST, dist)
    with (dist / "LineFit.js").open("a") as code:
        code.write("// edited")
    bundle = dist / "LineFit.mjs"
    bundle.write_text(bundle.read_text().replace("A line through points", "An edited line"))
    for module in (base, embed):
        monkeypatch.setattr(module, "DIST", dist)
    cache = root / "_build" / "cache"
    executed = {path: path.stat().st_mtime_ns for path in cache.rglob("*.ipynb")}
    write_pages(root)

    html = page.read_text()
    version = hashlib.sha256((dist / "LineFit.js").read_bytes()).hexdigest()[:8]
    assert f"widgets/LineFit.js?v={version}" in html
    assert "An edited line" in html
    assert html != book.text("chapters/shown")
    assert executed
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.ipynb")} == executed


def test_a_widget_that_cannot_be_drawn_fails_the_build_and_is_named(tmp_path):
    stills = NodeLines(embed.__file__.replace("embed.py", "still.mjs"))
    saved = {
        "a": {"state": {"_anywidget_id": "introml.widgets.line_fit.LineFit", "x": [1], "y": [1]}}
    }
    widgets = PageWidgets(saved, tmp_path, stills)
    with pytest.raises(RuntimeError, match="LineFit cannot be drawn without a browser"):
        widgets.place("a")
    stills.close()


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"a": {"state": {}}},
        {"a": {"state": {"_anywidget_id": "someone.elses.Widget"}}},
        {"a": {"state": {"_anywidget_id": "__main__.Widget"}}},
        {"a": {"state": {"_anywidget_id": "introml.widgets.line_fit.BadValue"}}},
        {"a": {"state": {"_anywidget_id": "introml.widgets.nosuch.Widget"}}},
    ],
)
def test_what_is_not_one_of_the_books_widgets_needs_a_kernel(saved, tmp_path):
    assert PageWidgets(saved, tmp_path, stills=None).place("a") == NEEDS_KERNEL


def test_a_saved_name_gives_the_class():
    assert widget_class("introml.widgets.line_fit.LineFit") is LineFit
    assert widget_class("introml.widgets.attention_heatmap.AttentionHeatmap") is AttentionHeatmap
    assert widget_class("os.path.join") is None


@pytest.mark.parametrize(("name", "anchor"), [("LineFit", "line-fit"), ("Pad", "pad")])
def test_anchors_are_in_kebab_case(name, anchor):
    assert kebab(name) == anchor


def test_a_broken_widget_names_the_page_it_is_on(book, tmp_path, monkeypatch):
    root = tmp_path / "book"
    shutil.copytree(book.root, root)
    dist = tmp_path / "dist"
    shutil.copytree(base.DIST, dist)
    (dist / "LineFit.mjs").write_text("export default { render() { throw new Error('torn'); } };")
    for module in (base, embed):
        monkeypatch.setattr(module, "DIST", dist)
    with pytest.raises(BuildFailed) as caught:
        write_pages(root)
    begins = "chapters/shown.md: WARNING: LineFit cannot be drawn without a browser: Error: torn"
    assert str(caught.value).count(begins) == 2
