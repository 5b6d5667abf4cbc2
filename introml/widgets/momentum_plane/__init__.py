"""How fast momentum converges on a parabola, over all pairs of learning rate and momentum."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Real, Switch, Whole


class MomentumPlane(Widget):
    """The plane of (ηλmax, ρ) with the pairs that converge, and what the chosen pair does.

    Taught in {ref}`sec-optimizers`. Two directions stand for all between them: the flattest and the
    steepest, whose curvatures are κ apart. Only the product of η and λ counts, so η is given as
    ηλmax.
    """

    product = Real(1.75, 0.02, 4, help="ηλmax, the learning rate times the steepest curvature").tag(
        sync=True
    )
    rho = Real(0.9, 0, 1, help="ρ, what a step keeps of the velocity").tag(sync=True)
    condition = Real(100, 1, 1000, help="κ, the steepest curvature over the flattest").tag(
        sync=True
    )
    steps = Whole(60, 10, 300, help="how many steps are drawn").tag(sync=True)
    view = Choice("errors", ("errors", "roots"), help="what is drawn beside the plane").tag(
        sync=True
    )
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
