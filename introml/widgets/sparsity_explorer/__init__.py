"""Two weights, a loss, and a penalty on them: where the minimum goes as the penalty grows."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Numbers, Real, Switch


class SparsityExplorer(Widget):
    """The minimum of ½(w − ŵ)ᵀH(w − ŵ) plus λ(|w₁| + |w₂|), or plus ½λ(w₁² + w₂²).

    ŵ is `best`, where the loss alone is smallest, and H has 1 on its diagonal and `correlation`
    beside it: the mean half squared error of a linear model with two standardized features of that
    correlation. The minimum is exact: for L1 from the signs that it can have, for L2 from a linear
    system.
    Taught in {ref}`sec-regularization`.
    """

    penalty = Choice("l1", ("l1", "l2"), help="the kind of penalty").tag(sync=True)
    strength = Real(0.3, 0, 3, help="λ, the factor on the penalty").tag(sync=True)
    best = Numbers([1.6, 0.8], low=-2, high=2, least=2, most=2, help="ŵ").tag(sync=True)
    correlation = Real(0.4, -0.9, 0.9, help="of the two features").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
