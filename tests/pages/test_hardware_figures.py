"""What machines do is quoted from `assets/facts/` or from a cell, and typed into no page's text."""

import re

import pytest
from lessons import LESSONS

FENCED_CODE = re.compile(r"^(`{3,})(?:\{code-cell\}|\w).*?^\1\s*$", re.DOTALL | re.MULTILINE)
#: Rates, clocks and memories as vendors write them; kB and MB are sizes of models and files.
UNIT = r"""(?x:
    [kMGTPEZ]?FLOPS\b | [kMGTPEZ]?FLOPs?/s\b | [GTPE]OPS\b
    | [kMGT]i?(?:B|bit|b)(?:/s|ps)\b | [GT]i?B\b | [kMG]Hz\b
)"""
#: A number, or the end of a formula, and a unit behind it, with what may stand in between.
FIGURE = re.compile(r"\d[\d,.{}]*\}?\$?(?:\\[,;: ]|\\?(?:text|mathrm|,)?\{|[\s~]|&nbsp;)*" + UNIT)


def typed_figures(text):
    """Hardware figures in a page's text, its cells and code left out."""
    return [found.group() for found in FIGURE.finditer(FENCED_CODE.sub("", text))]


@pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.docname)
def test_no_hardware_figure_is_typed_into_the_text(page):
    found = typed_figures(page.path.read_text(encoding="utf-8"))
    assert not found, f"glue these from a cell or from assets/facts/: {found}"


@pytest.mark.parametrize(
    "text",
    [
        "The H100 does 989.5 TFLOP/s.",
        "It has 1,979 TFLOPS",
        "900 GB/s of NVLink",
        "a link of 400 Gbit/s",
        "1,600 Gbps",
        "at 1.98 GHz,",
        "80 GB of memory",
        "a clock of 1755 MHz",
        r"$8 \cdot 141 = 1{,}128$ GB",
        r"$3.35\,\text{TB/s}$",
        "3.35~TB/s",
        "624 TOPS",
    ],
)
def test_a_typed_figure_is_found(text):
    assert typed_figures(text)


@pytest.mark.parametrize(
    "text",
    [
        "The H100 does {glue:text}`peak:.1f` TFLOP/s.",
        "```{code-cell} ipython3\nprint('989.5 TFLOP/s')\n```\n",
        "```python\nbandwidth = 3.35  # 3.35 TB/s\n```\n",
        "2 FLOPs for each weight, 70 GFLOPs a frame",
        "116 MB of weights",
        "sound of 16,000 samples a second",
    ],
)
def test_what_is_glued_computed_or_no_machines_figure_is_left_alone(text):
    assert not typed_figures(text)
