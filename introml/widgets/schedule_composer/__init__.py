"""A learning-rate schedule put together from warm-up and decay, and training runs under it."""

from typing import Any

import traitlets

from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Numbers, Real, Switch, Whole

DECAYS = ("constant", "linear", "cosine", "step", "exponential")


class ScheduleComposer(Widget):
    """The rate of every step, and the mean loss of 24 noisy runs of gradient descent under it.

    Taught in {ref}`sec-schedules`. Warm-up is linear, η(t + 1)/(W + 1) at the steps t < W;
    decay follows, over the steps that are left. The loss is ½(θ₁² + θ₂²/20) + θ₁⁴/16, a bowl whose
    steep side is steeper far out, from θ = (3, 4); each gradient gets normal noise from the seed.
    """

    peak = Real(1.2, 0.02, 2.4, help="η, the largest learning rate").tag(sync=True)
    warm_up = Whole(20, 0, 200, help="W, the steps of the linear warm-up").tag(sync=True)
    decay = Choice("cosine", DECAYS, help="what follows the warm-up").tag(sync=True)
    end = Real(0, 0, 1, help="the last rate of linear and cosine, as a part of the peak").tag(
        sync=True
    )
    factor = Real(0.5, 0.01, 1, help="what step and exponential multiply the rate by …").tag(
        sync=True
    )
    every = Whole(50, 1, 400, help="… over this many steps").tag(sync=True)
    steps = Whole(200, 20, 400, help="T, how many steps are run").tag(sync=True)
    noise = Real(0.1, 0, 1, help="σ of the noise on each partial derivative").tag(sync=True)
    seed = Whole(1, 1, 999, help="which random noise").tag(sync=True)
    ghost = Choice("constant", ("none", "constant", "kept"), help="what it is compared with").tag(
        sync=True
    )
    kept = Numbers(
        [1.2, 0, 0, 0, 0.5, 50],
        low=0,
        high=400,
        least=6,
        most=6,
        help="a schedule to compare with: peak, warm_up, decay (0 constant … 4 exponential), end, "
        "factor, every",
    ).tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)

    @traitlets.validate("kept")
    def _kept_is_a_schedule(self, proposal: Any) -> list[float]:
        peak, warm_up, decay, end, factor, every = proposal["value"]
        whole = all(number == int(number) for number in (warm_up, decay, every))
        inside = 0.02 <= peak <= 2.4 and warm_up <= 200 and end <= 1 and 0.01 <= factor <= 1
        if not (whole and inside and decay < len(DECAYS) and every >= 1):
            raise BadValue(
                "ScheduleComposer.kept must be peak (0.02 to 2.4), warm_up (0 to 200 steps), decay "
                "(0 constant, 1 linear, 2 cosine, 3 step, 4 exponential), end (0 to 1), factor "
                f"(0.01 to 1) and every (1 to 400 steps); it was given {proposal['value']!r}"
            )
        return proposal["value"]
