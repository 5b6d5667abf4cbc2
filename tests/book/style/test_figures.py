"""Figures in the book's style: drawn the same twice, described in words, coloured by token."""

import re
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from introml.book.style import COLORS, show, use_book_style
from introml.site.outputs import themed_svg

HEX = re.compile(r"#[0-9a-fA-F]{6}\b")


@pytest.fixture(autouse=True)
def book_style():
    template = pio.templates.default
    with mpl.rc_context():
        mpl.use("agg")
        use_book_style()
        yield
    pio.templates.default = template
    plt.close("all")


@pytest.fixture
def displayed(monkeypatch):
    """What cells display: a list of (data, metadata)."""
    shown = []

    def display(data, metadata, raw):
        assert raw
        shown.append((data, metadata))

    monkeypatch.setattr("IPython.display.display", display)
    return shown


def loss_curves():
    figure, axes = plt.subplots()
    for k in range(1, 7):
        axes.plot([1, 2, 4, 8], [k, k / 2, k / 3, k / 4], label=f"run {k}")
    axes.fill_between([1, 8], [0, 0], [0.2, 0.2], alpha=0.2)
    axes.set(xlabel="step", ylabel="loss", title="Six runs", xscale="log")
    axes.legend()
    return figure


def test_show_displays_svg_with_its_description(displayed):
    show(loss_curves(), alt="Six losses fall.")
    ((data, metadata),) = displayed
    root = ElementTree.fromstring(data["image/svg+xml"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert metadata == {"image/svg+xml": {"alt": "Six losses fall."}}
    assert data["text/plain"] == "Six losses fall."


def test_show_closes_the_figure_so_that_it_is_not_shown_again(displayed):
    show(loss_curves(), alt="Six losses fall.")
    assert plt.get_fignums() == []


def test_the_same_figure_gives_the_same_bytes(displayed):
    for _ in range(2):
        show(loss_curves(), alt="Six losses fall.")
    first, second = (data["image/svg+xml"] for data, _ in displayed)
    assert first == second


def test_every_colour_of_a_plain_figure_is_a_token(displayed):
    show(loss_curves(), alt="Six losses fall.")
    svg = displayed[0][0]["image/svg+xml"]
    assert set(HEX.findall(svg.lower())) <= set(COLORS.values())
    assert len(set(HEX.findall(svg.lower()))) >= 6
    assert not HEX.search(themed_svg(svg, "Six losses fall."))


def test_text_stays_text(displayed):
    show(loss_curves(), alt="Six losses fall.")
    words = list(ElementTree.fromstring(displayed[0][0]["image/svg+xml"]).itertext())
    assert "Six runs" in words
    assert "loss" in words


@pytest.mark.parametrize("alt", ["", "   ", "\n"])
def test_a_figure_without_a_description_is_refused(displayed, alt):
    with pytest.raises(ValueError, match="say in one sentence what the figure shows"):
        show(loss_curves(), alt=alt)
    assert displayed == []


def test_lines_take_the_six_data_colours_in_order():
    colours = [entry["color"] for entry in mpl.rcParams["axes.prop_cycle"]]
    expected = ["blue", "orange", "green", "purple", "rose", "slate"]
    assert colours == [COLORS[name] for name in expected]


def test_plotly_figures_take_the_books_template():
    layout = go.Figure(go.Scatter(y=[1, 2])).layout.template.layout
    assert pio.templates.default == "introml"
    assert layout.colorway[0] == COLORS["blue"]
    assert layout.font.color == COLORS["ink"]
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.xaxis.gridcolor == layout.yaxis.gridcolor == COLORS["rule"]


def test_the_style_can_be_set_twice():
    use_book_style()
    assert pio.templates.default == "introml"
