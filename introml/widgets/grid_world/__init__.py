"""A small grid world, and a learner in it that is told nothing but its rewards."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Real, Switch, Whole


class GridWorld(Widget):
    """Tabular Q-learning step by step: the best entry of each cell, the arrows, the returns.

    After each step Q(s, a) ← Q(s, a) + α(r + γ·max Q(s′, ·) − Q(s, a)). A step onto a prize ends
    the episode, and so do 100 steps. The random draws follow from the seed, so that a link shows
    the same run.
    Taught in {ref}`sec-ways-of-learning`.
    """

    world = Choice("room", ("room", "prizes", "cliff"), help="which grid").tag(sync=True)
    learning_rate = Real(0.5, 0.05, 1, help="α, how far an entry moves").tag(sync=True)
    exploration = Real(0.1, 0, 1, help="ε, the share of random actions").tag(sync=True)
    discount = Real(0.9, 0.5, 1, help="γ, what a reward loses a step").tag(sync=True)
    step_cost = Real(0, 0, 0.2, help="what each step costs").tag(sync=True)
    seed = Whole(1, 1, 9999, help="which random draws").tag(sync=True)
    episode = Whole(0, 0, 200, help="how many whole episodes are learned").tag(sync=True)
    step = Whole(0, 0, 100, help="how many steps of the next one").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
