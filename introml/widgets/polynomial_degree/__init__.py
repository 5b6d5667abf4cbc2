"""Polynomials of degree 0 to 15 through noisy samples of a known curve: under- and overfitting."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Real, Switch, Whole


class PolynomialDegree(Widget):
    """The samples, the true curve and a fit; training and validation error of every degree.

    Taught in {ref}`sec-generalization`. The fit minimizes ½Σ(ŷ − y)² + ½λΣcₖ² over the Legendre
    coefficients c₁, c₂, … of a polynomial on [−1, 1]; the constant c₀ is not penalized. The
    samples depend on the seed alone, so that a setting can be returned to.
    """

    degree = Whole(1, 0, 15, help="the degree that is drawn").tag(sync=True)
    samples = Whole(20, 16, 100, help="how many points are fitted").tag(sync=True)
    noise = Real(0.3, 0.05, 1, help="σ, the standard deviation of the noise").tag(sync=True)
    ridge = Real(0, 0, 10, help="λ, the strength of the penalty").tag(sync=True)
    seed = Whole(4, 1, 999, help="which random samples").tag(sync=True)
    curve = Choice("sine", ("sine", "cubic", "bump"), help="the true curve").tag(sync=True)
    unseen = Switch(False, help="whether the validation points are drawn").tag(sync=True)
