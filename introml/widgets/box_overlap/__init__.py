"""A true box and a guess that the reader moves: what they share, and their IoU."""

from introml.widgets.base import Widget
from introml.widgets.traits import Real, Switch


class BoxOverlap(Widget):
    """A field of 10 × 8 cells with a true box from (1, 1) to (5, 5), and a guess.

    Taught in {ref}`sec-vision-tasks`. What both share has one colour, what is missed or too
    much another; the sentence has the counts of cells, and the IoU.
    """

    left = Real(2, 0, 9, help="left edge of the guess, in cells").tag(sync=True)
    top = Real(2, 0, 7, help="upper edge of the guess, counted downward").tag(sync=True)
    width = Real(4, 1, 10, help="how wide the guess is").tag(sync=True)
    height = Real(4, 1, 8, help="how high the guess is").tag(sync=True)
    threshold = Real(0.5, 0.05, 0.95, help="the IoU from which on the guess counts as a hit").tag(
        sync=True
    )
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
