"""Rich outputs in the page: recoloured SVG, plotly's JSON, a place for each widget."""

import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from myst_nb.core.render import MimeData, base_render_priority

from introml.book.paths import ROOT
from introml.book.style import COLORS
from introml.site.outputs import (
    DRAWN,
    PLOTLY,
    SVG,
    WIDGET_VIEW,
    BookOutputs,
    plotly_figure,
    script_json,
    themed_svg,
)

DRAWING = """<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg" width="90pt">
 <metadata><rdf>made by a program</rdf></metadata>
 <defs>
  <style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style>
  <clipPath id="p1"><rect width="9" height="9"/></clipPath>
  <path id="dot" d="M 0 0"/>
 </defs>
 <g id="axes" clip-path="url(#p1)"><use xlink:href="#dot" style="fill: BLUE; stroke: #abcdef"/></g>
 <text style="font-size: 11px; font-family: 'Source Sans 3', sans-serif; fill: INK">is INK</text>
</svg>
""".replace("BLUE", COLORS["blue"].upper()).replace("INK", COLORS["ink"])


class Tags(HTMLParser):
    """The start tags of some HTML with their attributes, and the text of each script."""

    def __init__(self, html):
        super().__init__()
        self.found, self.scripts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts.append(data)


def parsed(svg):
    return ElementTree.fromstring(svg)


def test_token_colours_become_variables_and_other_colours_stay():
    svg = themed_svg(DRAWING, "A dot.")
    assert "fill: var(--iml-blue)" in svg
    assert "stroke: #abcdef" in svg
    assert "fill: var(--iml-ink)" in svg


def test_a_colour_in_the_figures_words_stays_as_it_is():
    words = "".join(parsed(themed_svg(DRAWING, "A dot.")).itertext())
    assert f"is {COLORS['ink']}" in words


def test_ids_are_prefixed_and_references_follow():
    root = parsed(themed_svg(DRAWING, "A dot."))
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert [ident.partition("-")[2] for ident in ids] == ["p1", "dot", "axes"]
    clip, dot, axes = ids
    names = {node.get("id"): node for node in root.iter()}
    assert names[axes].get("clip-path") == f"url(#{clip})"
    assert names[axes][0].get("{http://www.w3.org/1999/xlink}href") == f"#{dot}"


def test_two_figures_of_one_page_share_no_id():
    one = themed_svg(DRAWING, "A dot.")
    other = themed_svg(DRAWING.replace("M 0 0", "M 1 1"), "Another dot.")
    found = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, other)]
    assert len(found[0]) == 3
    assert not found[0] & found[1]


def test_no_style_rule_reaches_the_page_around_the_figure():
    svg = themed_svg(DRAWING, "A dot.")
    assert "<style" not in svg
    # Both properties are inherited, so the figure looks as before.
    assert parsed(svg).get("style") == "stroke-linejoin: round; stroke-linecap: butt"


def test_the_page_gives_the_typeface_and_the_figure_the_size():
    svg = themed_svg(DRAWING, "A dot.")
    assert "font-family" not in svg
    assert "font-size: 11px" in svg


def test_prologue_and_metadata_are_left_out():
    svg = themed_svg(DRAWING, "A dot.")
    assert svg.startswith("<svg ")
    assert "made by a program" not in svg


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ('d="M 1.23456 -7.00012"', 'd="M 1.23 -7"'),
        ('x="0.004"', 'x="0"'),
        ('x="12.34"', 'x="12.34"'),
        ('width="1.5e-05"', 'width="1.5e-05"'),
        ('transform="rotate(-0 20.493677 31.64623)"', 'transform="rotate(-0 20.49 31.65)"'),
        ('transform="scale(0.015625)"', 'transform="scale(0.015625)"'),
        ('transform="matrix(0.001 0 0 1 0 0)"', 'transform="matrix(0.001 0 0 1 0 0)"'),
        ('style="opacity: 0.12345"', 'style="opacity: 0.12345"'),
    ],
)
def test_coordinates_keep_two_decimals_and_scales_keep_all(given, written):
    assert themed_svg(f"<svg ><g {given}/></svg>", "A mark.").endswith(f"><g {written}/></svg>")


def test_the_description_is_the_figures_name_and_cannot_break_out():
    alt = 'A "sharp" <bend> & more'
    root = parsed(themed_svg(DRAWING, alt))
    assert root.get("role") == "img"
    assert root.get("aria-label") == alt


@pytest.mark.parametrize("alt", ["", "  "])
def test_a_figure_without_a_description_is_refused(alt):
    with pytest.raises(ValueError, match=r"no alt text; show it with introml\.book\.style\.show"):
        themed_svg(DRAWING, alt)
    with pytest.raises(ValueError, match=r"no alt text; set layout\.meta"):
        plotly_figure({"data": [], "layout": {"meta": {"alt": alt}}})


@pytest.mark.parametrize(
    "layout", [{}, {"meta": None}, {"meta": {}}, {"meta": "words"}, {"meta": {"alt": None}}]
)
def test_a_plotly_figure_must_describe_itself_in_its_meta(layout):
    with pytest.raises(ValueError, match="no alt text"):
        plotly_figure({"data": [], "layout": layout})


def test_a_plotly_figure_keeps_data_and_layout_but_not_the_template():
    figure = {
        "data": [{"type": "scatter", "y": [1, 2]}],
        "layout": {"meta": {"alt": "A line."}, "template": {"layout": {}}, "height": 320},
        "frames": [{"name": "a"}],
        "config": {"plotlyServerURL": "https://example.org"},
    }
    tags = Tags(plotly_figure(figure))
    holder = tags.found[0][1]
    assert holder == {
        "class": "plotly-figure",
        "role": "group",
        "aria-label": "A line.",
        "style": "--height:320px",
    }
    assert json.loads(tags.scripts[0]) == {
        "data": [{"type": "scatter", "y": [1, 2]}],
        "layout": {"meta": {"alt": "A line."}, "height": 320},
        "frames": [{"name": "a"}],
    }


def test_a_plotly_figure_without_a_height_gets_one_so_that_its_space_is_reserved():
    assert "height:400px" in plotly_figure({"data": [], "layout": {"meta": {"alt": "A line."}}})


HOSTILE = [
    "</script><script>alert(1)</script>",
    "</SCRIPT >",
    "<!--<script>",
    '"><img src=x onerror=alert(1)>',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_can_break_out_of_a_plotly_figure(text):
    html = plotly_figure({"data": [{"name": text}], "layout": {"meta": {"alt": text}}})
    tags = Tags(html)
    assert [tag for tag, _ in tags.found] == ["div", "script", "p"]
    assert json.loads(tags.scripts[0])["data"] == [{"name": text}]
    assert tags.found[0][1]["aria-label"] == text
    assert "<!--" not in html


@pytest.mark.parametrize("text", HOSTILE)
def test_json_in_a_script_holds_no_tag_and_means_the_same(text):
    assert "<" not in script_json({text: [text]})
    assert json.loads(script_json({text: [text]})) == {text: [text]}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_in_a_script_has_no_numbers_that_json_lacks(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json([number])


@pytest.fixture
def renderer():
    """What myst-nb hands to a renderer, as far as it is used: warnings are kept in a list."""
    warnings = []

    def warn(text, subtype, line):
        warnings.append((text, line))

    return SimpleNamespace(logger=SimpleNamespace(warning=warn), warnings=warnings)


def output(mime, content, line=12, **metadata):
    return MimeData(mime, content, output_metadata=metadata, line=line)


def test_a_widget_gets_a_place_that_names_its_model(renderer):
    for content in ({"model_id": 'a"b'}, json.dumps({"model_id": 'a"b'})):
        (node,) = BookOutputs.handle_mime(renderer, output(WIDGET_VIEW, content), 0)
        assert Tags(node.astext()).found == [
            ("div", {"class": "widget-host", "data-model": 'a"b'}),
        ]
        assert node["format"] == "html"


def test_plotly_output_may_be_a_dictionary_or_text(renderer):
    figure = {"data": [], "layout": {"meta": {"alt": "A line."}}}
    nodes = [
        BookOutputs.handle_mime(renderer, output(PLOTLY, content), 0)[0].astext()
        for content in (json.dumps(figure), figure)
    ]
    assert nodes[0] == nodes[1]
    assert 'class="plotly-figure"' in nodes[0]


def test_svg_takes_its_description_from_the_outputs_metadata(renderer):
    data = output(SVG, DRAWING, **{SVG: {"alt": "A dot."}})
    (node,) = BookOutputs.handle_mime(renderer, data, 0)
    assert node.astext().startswith('<div class="figure"><svg role="img" aria-label="A dot."')


@pytest.mark.parametrize("mime", [SVG, PLOTLY])
def test_an_undescribed_output_is_a_warning_at_its_cell(renderer, mime):
    content = DRAWING if mime == SVG else {"data": [], "layout": {}}
    assert BookOutputs.handle_mime(renderer, output(mime, content, line=7), 0) == []
    ((text, line),) = renderer.warnings
    assert "no alt text" in text
    assert line == 7


def test_other_outputs_and_inline_ones_are_left_to_myst_nb(renderer):
    assert BookOutputs.handle_mime(renderer, output("text/html", "<b>x</b>"), 0) is None
    assert BookOutputs.handle_mime(renderer, output(WIDGET_VIEW, {"model_id": "a"}), 1) is None


def test_the_books_own_formats_come_before_html_and_plain_text():
    order = {mime: place for _, mime, place in BookOutputs.mime_priority_overrides}
    assert order.keys() == {PLOTLY, SVG, WIDGET_VIEW}
    others = base_render_priority()["html"]
    assert max(order.values()) < min(others["text/html"], others["text/plain"], others["image/png"])


@pytest.mark.parametrize("kind", ["scatter3d", "surface", "sankey", "scattergl", "choropleth"])
def test_a_trace_that_the_page_cannot_draw_is_refused_and_not_drawn_as_another(kind):
    figure = {"data": [{"type": "bar"}, {"type": kind}], "layout": {"meta": {"alt": "x"}}}
    with pytest.raises(ValueError, match=f"of the type {kind}, .* draws bar, box"):
        plotly_figure(figure)


def test_the_published_bundle_has_every_kind_that_is_let_through():
    folder = ROOT / "node_modules" / "plotly.js-cartesian-dist-min"
    described = (folder / "README.md").read_text().split("Contains trace modules")[1].split("\n")[0]
    assert set(re.findall(r"`(\w+)`", described)) == DRAWN
