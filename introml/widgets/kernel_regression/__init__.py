"""Temperatures of one day as keys and values, and a query dragged along the hours."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Real, Switch, Whole


class KernelRegression(Widget):
    """Readings with the weight that a query gives to each, and their weighted mean.

    Taught in {ref}`sec-attention-cues`. The weights are K((query − key)/bandwidth) over their sum;
    for the Gaussian kernel they are a softmax of −(query − key)²/(2 · bandwidth²). The readings
    depend on the seed alone, so that a setting can be returned to.
    """

    query = Real(9.5, 0, 24, help="the hour asked for").tag(sync=True)
    bandwidth = Real(1, 0.05, 100, help="σ, in hours: how far a reading reaches").tag(sync=True)
    kernel = Choice(
        "gaussian", ("gaussian", "box", "epanechnikov"), help="how weight falls with distance"
    ).tag(sync=True)
    samples = Whole(24, 3, 48, help="how many readings there are").tag(sync=True)
    noise = Real(1, 0, 3, help="standard deviation of a reading's error, in °C").tag(sync=True)
    seed = Whole(1, 1, 999, help="which random readings").tag(sync=True)
    truth = Switch(False, help="whether the true temperature is drawn").tag(sync=True)
