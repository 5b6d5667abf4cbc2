"""An expression that the reader types, as a graph that is walked forward and backward."""

from introml.widgets.base import Widget
from introml.widgets.traits import Numbers, OneLine, Switch, Whole


class GraphStepper(Widget):
    """Values forward and gradients backward, node by node: upstream gradient times local slope.

    `expression` may use + − * / ^, exp, log, sin, tanh, sigmoid, relu, max(a, b) and variables;
    `g = x + y; g * g` names a value, which is then one node used twice. `values` are those of the
    variables, in the order in which they first appear. The gradients are autograd's, also where
    two paths join, and add up from pass to pass, as `.grad` does.
    Taught in {ref}`sec-computation-graphs`.
    """

    expression = OneLine("(x + y) * z", 120, help="what is computed").tag(sync=True)
    values = Numbers([-2, 5, -4], low=-1000, high=1000, most=8, help="of the variables").tag(
        sync=True
    )
    step = Whole(0, 0, 200, help="how many steps are taken: forward, then back").tag(sync=True)
    passes = Whole(1, 1, 3, help="how often it is walked back without zeroing").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
