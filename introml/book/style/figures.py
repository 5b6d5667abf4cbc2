"""Matplotlib and plotly in the book's colours; a page calls `use_book_style()` once at its top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from introml.book.style.tokens import COLORS, CYCLE, FONT, colors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Matplotlib types each setting by its name.
MATPLOTLIB: dict[Any, Any] = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.figsize": (6.8, 3.4),
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "introml",
    "font.family": "sans-serif",
    "font.sans-serif": ["Source Sans 3", "DejaVu Sans"],
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLORS["control"],
    "axes.linewidth": 0.8,
    "axes.labelcolor": COLORS["ink"],
    "axes.titlecolor": COLORS["ink"],
    "text.color": COLORS["ink"],
    "xtick.color": COLORS["control"],
    "ytick.color": COLORS["control"],
    "xtick.labelcolor": COLORS["muted"],
    "ytick.labelcolor": COLORS["muted"],
    "axes.grid": True,
    "grid.color": COLORS["rule"],
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.0,
}


def plotly_template() -> dict:
    """The book's plotly template, in the light colours; a page recolours it with its figures."""
    c = colors("light")
    axis = {
        "gridcolor": c["rule"],
        "zerolinecolor": c["control"],
        "linecolor": c["control"],
        "tickcolor": c["control"],
        "tickfont": {"color": c["muted"]},
        "automargin": True,
    }
    return {
        "layout": {
            "colorway": [c[name] for name in CYCLE],
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {
                "color": c["ink"],
                "family": FONT["label"],
                "size": 14,
            },
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 56, "r": 16, "t": 24, "b": 48},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "hoverlabel": {"bgcolor": c["raised"], "font": {"color": c["ink"]}},
        }
    }


def use_book_style() -> None:
    """Draw every later matplotlib and plotly figure of this process in the book's style."""
    import matplotlib as mpl
    import plotly.graph_objects as go
    import plotly.io as pio
    from cycler import cycler

    mpl.rcParams.update(MATPLOTLIB)
    mpl.rcParams["axes.prop_cycle"] = cycler(color=[COLORS[name] for name in CYCLE])
    pio.templates["introml"] = go.layout.Template(plotly_template())
    pio.templates.default = "introml"


def show(figure: Figure, alt: str) -> None:
    """Display a matplotlib figure as an SVG that follows the page's light or dark scheme.

    `alt` says in a sentence what the figure shows; it is what a screen reader speaks.
    Raises ValueError when it is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say in one sentence what the figure shows")
    import io

    import matplotlib.pyplot as plt
    from IPython.display import display

    buffer = io.StringIO()
    # No date: the same figure gives the same bytes.
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    display(
        {"image/svg+xml": buffer.getvalue(), "text/plain": alt},
        metadata={"image/svg+xml": {"alt": alt}},
        raw=True,
    )
