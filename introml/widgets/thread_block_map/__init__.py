"""Which program, and which of its lanes, writes which cell of memory."""

from introml.widgets.base import Widget
from introml.widgets.traits import Switch, Whole


class ThreadBlockMap(Widget):
    """Programs of `block` lanes each write one cell a lane of an array of `size` cells.

    `grid` is the number of programs, 0 for as many as cover the array. Without `mask`, lanes beyond
    the array write as well. `run` programs are done, in their order or `shuffled`.
    Taught in {ref}`sec-programming-gpus`.
    """

    size = Whole(10, 1, 24, help="cells of the array, n").tag(sync=True)
    block = Whole(4, 1, 8, help="lanes of a program").tag(sync=True)
    grid = Whole(0, 0, 8, help="programs; 0: as many as cover the array").tag(sync=True)
    mask = Switch(True, help="whether lanes beyond the array are masked off").tag(sync=True)
    shuffled = Switch(False, help="whether the programs run in another order").tag(sync=True)
    run = Whole(0, 0, 24, help="how many programs are done").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
