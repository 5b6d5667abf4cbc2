"""A look-up table of three inputs: any function of them is eight stored bits."""

from introml.widgets.base import Widget
from introml.widgets.traits import Numbers, Switch, Whole


class LookupTable(Widget):
    """Three switches choose one of eight stored bits, which is the output.

    `answers` are the stored bits for the inputs 000, 001, …, 111; `a`, `b`, `c` are the inputs.
    Taught in {ref}`sec-fpga`.
    """

    answers = Numbers(
        [0, 0, 0, 0, 0, 0, 0, 1], low=0, high=1, least=8, most=8, whole=True, help="stored bits"
    ).tag(sync=True)
    a = Whole(1, 0, 1, help="the first input").tag(sync=True)
    b = Whole(0, 0, 1, help="the second input").tag(sync=True)
    c = Whole(1, 0, 1, help="the third input").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
