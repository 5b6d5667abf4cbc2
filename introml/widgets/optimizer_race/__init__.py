"""Seven optimizers on one loss at the same time, from a start that the reader moves."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Numbers, Real, Switch, Whole


class OptimizerRace(Widget):
    """A contour map with the paths of the chosen optimizers, and their losses step by step.

    Taught in {ref}`sec-optimizers`. All runners start at the same point and get the same noise. The
    settings that have no control are those of torch.optim: β of RMSProp 0.99, β₁ and β₂ of Adam
    and AdamW 0.9 and 0.999. A start of another landscape is kept; in the browser, choosing a
    landscape goes to a start of its own.
    """

    landscape = Choice(
        "valley", ("valley", "rosenbrock", "saddle", "minima"), help="which loss is walked down"
    ).tag(sync=True)
    start = Numbers([-2.4, 0.6], low=-5, high=5, least=2, most=2, help="(θ₁, θ₂)").tag(sync=True)
    sgd = Switch(True, help="whether plain gradient descent runs").tag(sync=True)
    momentum = Switch(True, help="whether momentum runs").tag(sync=True)
    nesterov = Switch(False, help="whether Nesterov's momentum runs").tag(sync=True)
    adagrad = Switch(False, help="whether AdaGrad runs").tag(sync=True)
    rmsprop = Switch(False, help="whether RMSProp runs").tag(sync=True)
    adam = Switch(False, help="whether Adam runs").tag(sync=True)
    adamw = Switch(False, help="whether AdamW runs").tag(sync=True)
    learning_rate = Real(0.07, 0.001, 3, help="η of SGD, momentum and Nesterov").tag(sync=True)
    adaptive_rate = Real(0.1, 0.001, 3, help="η of AdaGrad, RMSProp, Adam and AdamW").tag(sync=True)
    rho = Real(0.9, 0, 0.99, help="ρ, what momentum and Nesterov keep of the velocity").tag(
        sync=True
    )
    decay = Real(0.01, 0, 1, help="λ, AdamW's weight decay").tag(sync=True)
    tuned = Switch(False, help="whether each runs at its own best rate of 31").tag(sync=True)
    noise = Real(0, 0, 3, help="σ of the noise in each slope; 0 for none").tag(sync=True)
    seed = Whole(0, 0, 99, help="which noise").tag(sync=True)
    turn = Whole(0, 0, 90, help="by how many degrees the valley is turned").tag(sync=True)
    step = Whole(8, 0, 300, help="how many steps are shown").tag(sync=True)
    steps = Whole(60, 10, 300, help="how many steps are run").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
