"""The path of gradient descent on a regression loss, and what the learning rate does to it."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Numbers, Real, Switch, Whole


class GradientDescent(Widget):
    """Contours of L(w, b), the path from a draggable start, the loss curve, the verdict of each η.

    Taught in {ref}`sec-gradient-descent`. With the sum of ½(ŷ−y)² over n examples, descent
    converges exactly when η < 2/λmax(XᵀX), where X has a column of ones; the mean's bound is n
    times as large.
    """

    learning_rate = Real(0.05, 0.001, 3, help="η, the factor on the gradient").tag(sync=True)
    start = Numbers([-2.0, 2.5], low=-10, high=10, least=2, most=2, help="(w, b)").tag(sync=True)
    step = Whole(40, 0, 200, help="how many steps are shown").tag(sync=True)
    steps = Whole(40, 1, 200, help="how many steps are run").tag(sync=True)
    kind = Choice("sum", ("sum", "mean"), help="what the loss adds up to").tag(sync=True)
    x = Numbers(
        [-1.2, -0.7, -0.3, 0.2, 0.6, 1.0, 1.5, 1.9], least=2, most=200, help="the inputs"
    ).tag(sync=True)
    y = Numbers(
        [-0.9, 0.1, -0.1, 0.6, 1.5, 1.3, 2.4, 2.3], least=2, most=200, help="the targets"
    ).tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
