"""Figures that SVGO went over are shorter, and a browser draws them as before."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image, ImageChops

from introml.book.style.figures import MATPLOTLIB
from introml.book.style.tokens import COLORS, page_css
from introml.site.node import NodeLines
from introml.site.outputs import themed_svg
from introml.site.pictures import SCRIPT, smaller

RNG = np.random.default_rng(0)


def lines(axes):
    axes.plot(RNG.normal(size=60).cumsum(), color=COLORS["blue"], label="training")
    axes.plot(RNG.normal(size=60).cumsum(), "--", color=COLORS["orange"], label="validation")
    axes.fill_between(range(60), -3, 3, color=COLORS["green"], alpha=0.2)
    axes.legend(title="η = 10⁻³")
    axes.set(xlabel="step", ylabel=r"loss $\frac{1}{n}\sum_i e_i^2$", yscale="symlog")


def dots(axes):
    axes.scatter(
        *RNG.normal(size=(2, 200)), s=RNG.uniform(5, 90, 200), c=COLORS["purple"], alpha=0.5
    )
    axes.annotate("here", (0, 0), (1, 1), arrowprops={"arrowstyle": "->", "color": COLORS["ink"]})


def bars(axes):
    axes.bar(range(6), RNG.uniform(size=6), hatch="//", color=COLORS["rose"], edgecolor="white")
    axes.errorbar(range(6), RNG.uniform(size=6), yerr=0.1, fmt="o", capsize=4)
    axes.text(0.5, 0.9, "a < b & “c”", transform=axes.transAxes)


def picture(axes):
    axes.imshow(RNG.uniform(size=(12, 9)), cmap="viridis")
    axes.contour(RNG.uniform(size=(12, 9)), colors=COLORS["ink"])


@pytest.fixture(scope="module")
def svgo():
    process = NodeLines(SCRIPT)
    yield process
    process.close()


def drawn(chromium, svg, scheme):
    """What the browser draws of the figure in a page."""
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 900, "height": 600})
    page = context.new_page()
    page.set_content(f"<style>{page_css()}body{{background:var(--iml-paper)}}</style>{svg}")
    shot = Image.open(io.BytesIO(page.locator("svg").first.screenshot())).convert("RGB")
    context.close()
    return shot


@pytest.mark.parametrize("draw", [lines, dots, bars, picture])
def test_a_figure_is_shorter_and_looks_the_same(chromium, svgo, draw):
    with mpl.rc_context(MATPLOTLIB):
        figure, axes = plt.subplots()
        draw(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    svg = themed_svg(buffer.getvalue(), "a figure")
    lighter = smaller(svg, svgo)
    assert len(lighter) < 0.95 * len(svg)
    for kept in ('role="img"', 'aria-label="a figure"', "viewBox=", "var(--iml-"):
        assert kept in lighter
    for scheme in ("light", "dark"):
        before, after = (drawn(chromium, one, scheme) for one in (svg, lighter))
        assert before.size == after.size
        assert len(before.getcolors(1 << 20)) > 20  # something was drawn
        # Of 255 shades: what rounding to a thousandth of a pixel makes at the edges of letters.
        assert np.asarray(ImageChops.difference(before, after), dtype=int).max() <= 5


def test_what_is_no_svg_is_refused(svgo):
    with pytest.raises(ValueError, match="no sound SVG"):
        smaller("<svg><g></svg>", svgo)
