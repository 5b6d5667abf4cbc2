"""Gradients that are added around a ring of ranks, part by part."""

from introml.widgets.base import Widget
from introml.widgets.traits import Switch, Whole


class RingAllReduce(Widget):
    """Ranks, each with as many parts of numbers as there are ranks; all send a part in each step.

    First the sums grow (reduce-scatter), then they are handed on (all-gather). The numbers are
    drawn from the seed, from 1 to 9, so that they can be checked by hand. Bytes are counted for
    gradients of `size` MB, and compared with sending all to one rank and back.
    Taught in {ref}`sec-data-parallel`.
    """

    ranks = Whole(4, 2, 8, help="how many ranks, n, and into how many parts each cuts").tag(
        sync=True
    )
    step = Whole(0, 0, 14, help="how many of the 2(n − 1) steps are done").tag(sync=True)
    size = Whole(1000, 1, 100_000, help="the gradient's megabytes on each rank, M").tag(sync=True)
    seed = Whole(1, 0, 99, help="which numbers").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
