"""Points that the reader moves, the line of least squares through them, and its squared errors."""

from typing import Any

from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Numbers, Real, Switch, Whole

MOST_POINTS = 30


class LineFit(Widget):
    """Draggable points, the reader's line and the best one, errors drawn as squares, both losses.

    Taught in {ref}`sec-linear-regression`. The loss is L(w, b) = Σ ½(w·xᵢ + b − yᵢ)², half the
    total area of the squares. The line of least absolute errors, Σ|w·xᵢ + b − yᵢ|, is exact too:
    one of the best such lines passes through two of the points, and all pairs are tried.
    """

    x = Numbers(
        [0.8, 1.5, 2.4, 3.1, 4.0, 4.7, 5.6, 6.3, 7.2, 8.1, 9.0],
        least=2,
        most=MOST_POINTS,
        help="the inputs",
    ).tag(sync=True)
    y = Numbers(
        [1.9, 1.6, 3.3, 2.7, 4.6, 3.9, 5.9, 5.0, 6.2, 7.6, 7.0],
        least=2,
        most=MOST_POINTS,
        help="the targets",
    ).tag(sync=True)
    slope = Real(0.3, -1e6, 1e6, help="w of the reader's line").tag(sync=True)
    intercept = Real(3.5, -1e6, 1e6, help="b of the reader's line").tag(sync=True)
    lines = Choice("both", ("own", "best", "both"), help="which lines are drawn").tag(sync=True)
    squares = Switch(True, help="whether the errors are drawn as squares").tag(sync=True)
    absolute = Switch(False, help="whether the line of least absolute errors is drawn").tag(
        sync=True
    )
    left_out = Switch(False, help="whether the fit without the marked point is drawn").tag(
        sync=True
    )
    marked = Whole(11, 1, MOST_POINTS, help="the marked point, counted from 1").tag(sync=True)

    def __init__(self, **traits: Any):
        super().__init__(**traits)
        if len(self.x) != len(self.y):
            raise BadValue(
                f"LineFit.x has {len(self.x)} values and LineFit.y has {len(self.y)}; "
                "give as many of the one as of the other"
            )
