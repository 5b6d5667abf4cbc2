"""A matrix product that flows through a grid of cells, cycle by cycle."""

from introml.widgets.base import Widget
from introml.widgets.traits import Switch, Whole


class SystolicArray(Widget):
    """Inputs from the left, sums downward, a weight in each cell; X has small whole numbers.

    `rows` and `columns` of cells hold the weights, `inputs` rows of X stream through. The numbers
    are drawn from the seed, from 1 to 9, so that they can be checked by hand.
    Taught in {ref}`sec-tpu`.
    """

    rows = Whole(2, 1, 4, help="rows of cells, K").tag(sync=True)
    columns = Whole(2, 1, 4, help="columns of cells, N").tag(sync=True)
    inputs = Whole(3, 1, 8, help="rows of X that stream through, T").tag(sync=True)
    cycle = Whole(0, 0, 14, help="how many cycles are done").tag(sync=True)
    seed = Whole(1, 0, 99, help="which numbers").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
